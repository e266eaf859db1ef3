//! TLS as libpq does it, by rustls: what the server's certificate must prove, which certificate the client shows.
//! It decides whom to trust and nothing else; when to encrypt is decided in `connect`.

#[cfg(test)]
mod certificates;
#[cfg(test)]
mod tests;

use super::conninfo::{ClientCertificate, Roots, TlsSpec, Verify};
use anyhow::{Context, Result, ensure};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;
use x509_cert::Certificate;
use x509_cert::der::asn1::{PrintableStringRef, TeletexStringRef, Utf8StringRef};
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::oid::db::rfc4519::COMMON_NAME;
use x509_cert::der::{Any, Decode};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{NameConstraints, SubjectAltName};

/// A connector for encrypted connections. Reads the certificate files; fails when one is missing, unreadable, holds
/// nothing of use, or when a private key is open to others.
pub fn connector(spec: &TlsSpec) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier::new(&spec.verify, &provider)?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("no TLS version is available")?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let config = match &spec.client_certificate {
        None => config.with_no_client_auth(),
        Some(client) => {
            let (chain, key) = read_client_certificate(client)?;
            config.with_client_auth_cert(chain, key).with_context(|| {
                format!("client certificate `{}` and its key do not fit", client.certificate.display())
            })?
        }
    };
    Ok(MakeRustlsConnect::new(config))
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let pem = fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .with_context(|| format!("`{}` is not a PEM file of certificates", path.display()))?;
    ensure!(!certificates.is_empty(), "no PEM certificate in `{}`", path.display());
    Ok(certificates)
}

type CertificateAndKey = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn read_client_certificate(client: &ClientCertificate) -> Result<CertificateAndKey> {
    let shown = client.key.display();
    let metadata = fs::metadata(&client.key).with_context(|| format!("cannot read private key `{shown}`"))?;
    // libpq's rule: 0600, or 0640 when root owns the file.
    let closed_to = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    ensure!(
        metadata.is_file() && metadata.mode() & closed_to == 0,
        "private key `{shown}` is open to others: its permissions must be 0600, or 0640 when root owns it"
    );
    let pem = fs::read(&client.key).with_context(|| format!("cannot read private key `{shown}`"))?;
    let key = PrivateKeyDer::from_pem_slice(&pem)
        .with_context(|| format!("no PEM private key without a passphrase in `{shown}`"))?;
    Ok((read_certificates(&client.certificate)?, key))
}

/// Verifies as much of the server's certificate as `sslmode` asks for. Handshake signatures are verified in every
/// mode: without them SCRAM's channel binding would prove nothing.
#[derive(Debug)]
struct Verifier {
    algorithms: WebPkiSupportedAlgorithms,
    trust: Option<Trust>,
}

#[derive(Debug)]
struct Trust {
    anchors: RootCertStore,
    certificates: Vec<CertificateDer<'static>>,
    name: NameCheck,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NameCheck {
    Ignored,
    Required,
}

impl Verifier {
    fn new(verify: &Verify, provider: &CryptoProvider) -> Result<Self> {
        let trust = match verify {
            Verify::Nothing => None,
            Verify::Chain(roots) => Some(Trust::new(roots, NameCheck::Ignored)?),
            Verify::ChainAndName(roots) => Some(Trust::new(roots, NameCheck::Required)?),
        };
        Ok(Self { algorithms: provider.signature_verification_algorithms, trust })
    }
}

impl Trust {
    fn new(roots: &Roots, name: NameCheck) -> Result<Self> {
        let mut anchors = RootCertStore::empty();
        let certificates = match roots {
            Roots::File(path) => {
                let certificates = read_certificates(path)?;
                for certificate in &certificates {
                    anchors
                        .add(certificate.clone())
                        .with_context(|| format!("a certificate in `{}` cannot be a root", path.display()))?;
                }
                certificates
            }
            Roots::System => {
                let found = rustls_native_certs::load_native_certs();
                anchors.add_parsable_certificates(found.certs);
                ensure!(!anchors.is_empty(), "the system has no root certificates, or they cannot be read");
                Vec::new()
            }
        };
        Ok(Self { anchors, certificates, name })
    }

    fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server: &ServerName<'_>,
        now: UnixTime,
        algorithms: &WebPkiSupportedAlgorithms,
    ) -> Result<(), Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        // rustls refuses a CA certificate as a server's own (CaUsedAsEndEntity). `openssl req -x509` makes such
        // ones, and libpq accepts them as their own root: the administrator put this very certificate there.
        if self.certificates.iter().any(|root| root.as_ref() == end_entity.as_ref()) {
            verify_dates(end_entity, now)?;
        } else {
            let algorithms = algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&certificate, &self.anchors, intermediates, now, algorithms)?;
        }
        if self.name == NameCheck::Ignored {
            return Ok(());
        }
        verify_server_name(&certificate, server).or_else(|error| {
            // A name constraint binds alternative names only, so with one in play the common name proves nothing.
            let all = self.certificates.iter().map(AsRef::as_ref).chain(intermediates.iter().map(AsRef::as_ref));
            let by_common_name = !self.certificates.is_empty()
                && !all.map(Certificate::from_der).any(|issuer| !issuer.is_ok_and(|issuer| unconstrained(&issuer)))
                && Certificate::from_der(end_entity).is_ok_and(|certificate| common_name_fits(&certificate, server));
            if by_common_name { Ok(()) } else { Err(error) }
        })
    }
}

fn verify_dates(end_entity: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let certificate = Certificate::from_der(end_entity).map_err(|_| CertificateError::BadEncoding)?;
    let validity = certificate.tbs_certificate.validity;
    let at = |time: x509_cert::time::Time| UnixTime::since_unix_epoch(time.to_unix_duration());
    let (not_before, not_after) = (at(validity.not_before), at(validity.not_after));
    if now < not_before {
        return Err(CertificateError::NotValidYetContext { time: now, not_before }.into());
    }
    if not_after < now {
        return Err(CertificateError::ExpiredContext { time: now, not_after }.into());
    }
    Ok(())
}

fn unconstrained(certificate: &Certificate) -> bool {
    let mut extensions = certificate.tbs_certificate.extensions.iter().flatten();
    !extensions.any(|extension| extension.extn_id == NameConstraints::OID)
}

/// libpq's fallback for certificates without alternative names of the host's kind, such as the one that PostgreSQL's
/// documentation makes: the common name, where `*.` stands for one label.
fn common_name_fits(certificate: &Certificate, server: &ServerName<'_>) -> bool {
    let tbs = &certificate.tbs_certificate;
    let alternatives = match tbs.get::<SubjectAltName>() {
        Ok(alternatives) => alternatives.map(|(_, names)| names.0).unwrap_or_default(),
        Err(_) => return false,
    };
    let same_kind = |name: &GeneralName| match server {
        ServerName::IpAddress(_) => matches!(name, GeneralName::IpAddress(_)),
        _ => matches!(name, GeneralName::DnsName(_)),
    };
    if alternatives.iter().any(same_kind) {
        return false;
    }
    let host = server.to_str();
    let mut attributes = tbs.subject.0.iter().flat_map(|names| names.0.iter());
    let common_name = attributes.find(|name| name.oid == COMMON_NAME).and_then(|name| text(&name.value));
    common_name.is_some_and(|pattern| match pattern.strip_prefix("*.") {
        Some(parent) => {
            let below = matches!(server, ServerName::DnsName(_)).then(|| host.split_once('.')).flatten();
            below.is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(parent))
        }
        None => pattern.eq_ignore_ascii_case(&host),
    })
}

fn text(value: &Any) -> Option<String> {
    let utf8 = value.decode_as::<Utf8StringRef<'_>>().map(|text| text.as_str().to_owned());
    let printable = || value.decode_as::<PrintableStringRef<'_>>().map(|text| text.as_str().to_owned());
    let teletex = || value.decode_as::<TeletexStringRef<'_>>().map(|text| text.as_str().to_owned());
    utf8.or_else(|_| printable()).or_else(|_| teletex()).ok()
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(trust) = &self.trust {
            trust.verify(end_entity, intermediates, server_name, now, &self.algorithms)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
