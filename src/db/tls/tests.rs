use super::certificates::{AUTHORITY, COMMON, LIMITED_AUTHORITY, NAMED, OUTSIDE, OWN, VERSION_1};
use super::*;
use crate::db::conninfo::Encryption;
use std::io::Write;
use std::time::Duration;

/// 1 January 2027, when all the certificates are valid.
const NOW: u64 = 1_798_761_600;
const YEAR: u64 = 365 * 86_400;

fn file(pem: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(pem.as_bytes()).unwrap();
    file
}

fn verify_at(now: u64, roots: &str, shown: &str, host: &str, name: NameCheck) -> Result<(), String> {
    let file = file(roots);
    let trust = Trust::new(&Roots::File(file.path().to_owned()), name).unwrap();
    let end_entity = CertificateDer::from_pem_slice(shown.as_bytes()).unwrap();
    let algorithms = ring::default_provider().signature_verification_algorithms;
    let (host, now) = (ServerName::try_from(host).unwrap(), UnixTime::since_unix_epoch(Duration::from_secs(now)));
    trust.verify(&end_entity, &[], &host, now, &algorithms).map_err(|error| error.to_string())
}

#[test]
fn the_chain_and_the_name_are_verified_as_far_as_asked() {
    let both = format!("{LIMITED_AUTHORITY}{AUTHORITY}");
    for (roots, shown, host, name, refused) in [
        (AUTHORITY, NAMED, "db.example.com", NameCheck::Required, None),
        (&both, NAMED, "db.example.com", NameCheck::Required, None),
        (AUTHORITY, NAMED, "DB.example.com", NameCheck::Required, None),
        (AUTHORITY, NAMED, "192.0.2.1", NameCheck::Required, None),
        (AUTHORITY, NAMED, "192.0.2.2", NameCheck::Required, Some("not valid for name")),
        (AUTHORITY, NAMED, "192.0.2.2", NameCheck::Ignored, None),
        // With alternative names the common name counts for nothing.
        (AUTHORITY, NAMED, "other", NameCheck::Required, Some("not valid for name")),
        (LIMITED_AUTHORITY, NAMED, "db.example.com", NameCheck::Ignored, Some("UnknownIssuer")),
        (OWN, NAMED, "db.example.com", NameCheck::Ignored, Some("UnknownIssuer")),
        (AUTHORITY, VERSION_1, "db.example.com", NameCheck::Ignored, Some("UnsupportedCertVersion")),
    ] {
        check(verify_at(NOW, roots, shown, host, name), refused, host);
    }
}

#[test]
fn a_common_name_counts_where_there_are_no_alternative_names() {
    for (roots, shown, host, refused) in [
        (AUTHORITY, COMMON, "db.example.com", None),
        (AUTHORITY, COMMON, "db.EXAMPLE.com", None),
        (AUTHORITY, COMMON, "a.db.example.com", Some("not valid for name")),
        (AUTHORITY, COMMON, "example.com", Some("not valid for name")),
        (AUTHORITY, COMMON, "192.0.2.1", Some("not valid for name")),
        // OpenSSL would hold the common name against the constraint; we cannot, so it proves nothing.
        (LIMITED_AUTHORITY, OUTSIDE, "db.example.com", Some("not valid for name")),
    ] {
        check(verify_at(NOW, roots, shown, host, NameCheck::Required), refused, host);
    }
}

#[test]
fn a_certificate_that_is_its_own_root_is_accepted_within_its_dates() {
    for (now, roots, host, refused) in [
        (NOW, OWN, "db.example.com", None),
        (NOW, OWN, "elsewhere.example.com", Some("not valid for name")),
        (NOW, AUTHORITY, "db.example.com", Some("CaUsedAsEndEntity")),
        (NOW + 20 * YEAR, OWN, "db.example.com", Some("expired")),
        (NOW - YEAR, OWN, "db.example.com", Some("not valid yet")),
    ] {
        check(verify_at(now, roots, OWN, host, NameCheck::Required), refused, host);
    }
    check(verify_at(NOW, OWN, OWN, "elsewhere.example.com", NameCheck::Ignored), None, "verify-ca");
}

fn check(outcome: Result<(), String>, refused: Option<&str>, what: &str) {
    match (outcome, refused) {
        (Ok(()), None) => {}
        (Err(error), Some(reason)) => assert!(error.contains(reason), "{what}: {error}"),
        (outcome, _) => panic!("{what}: {outcome:?}, not {refused:?}"),
    }
}

#[test]
fn files_that_hold_nothing_of_use_are_refused_by_name() {
    let spec = |verify| TlsSpec { encryption: Encryption::Require, verify, client_certificate: None };
    let complaint = |path: &Path| {
        let error = connector(&spec(Verify::Chain(Roots::File(path.to_owned())))).err().unwrap();
        format!("{error:#}").replace(&path.display().to_string(), "FILE")
    };
    assert_eq!(complaint(file("").path()), "no PEM certificate in `FILE`");
    assert!(complaint(Path::new("/nowhere")).starts_with("cannot read `FILE`"));
    assert!(connector(&spec(Verify::Nothing)).is_ok());
}
