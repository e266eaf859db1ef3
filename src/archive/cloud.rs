//! Buckets of S3, Google Cloud Storage and Azure, opened by what each cloud's own tools and libraries find in the
//! environment and their files. Nothing is connected to here, and no secret is ever part of an error.

mod aws_profile;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzure, MicrosoftAzureBuilder};
use object_store::gcp::{GcpCredential, GoogleCloudStorage, GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::multipart::MultipartStore;
use object_store::{ClientOptions, ObjectStore, RetryConfig, StaticCredentialProvider};

/// Of one request: a part of 8 MB over a slow line.
const TIMEOUT: Duration = Duration::from_secs(120);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

type Store = (Arc<dyn ObjectStore>, Arc<dyn MultipartStore>);

/// Opens the bucket, which Azure calls a container.
///
/// # Errors
/// When there is no such scheme, or the environment's settings are incomplete or contradict each other.
pub(super) fn open(scheme: &str, bucket: &str) -> Result<Store> {
    // Another part of the process may have chosen already, and the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match scheme {
        "s3" => Ok(both(s3(bucket)?)),
        "gs" => Ok(both(gs(bucket)?)),
        "az" => Ok(both(az(bucket)?)),
        other => anyhow::bail!("`{other}://` is no destination: it is one of file, s3, gs and az"),
    }
}

fn both<S: ObjectStore + MultipartStore>(store: S) -> Store {
    let store = Arc::new(store);
    (Arc::<S>::clone(&store), store)
}

fn s3(bucket: &str) -> Result<AmazonS3> {
    let builder = aws_profile::complete(AmazonS3Builder::from_env())?;
    let endpoint = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint];
    let endpoint = endpoint.iter().find_map(|key| builder.get_config_value(key));
    let options = client_options("AWS_", endpoint);
    Ok(builder.with_bucket_name(bucket).with_client_options(options).with_retry(RetryConfig::default()).build()?)
}

fn gs(bucket: &str) -> Result<GoogleCloudStorage> {
    let mut builder = GoogleCloudStorageBuilder::from_env();
    if builder.get_config_value(&GoogleConfigKey::BaseUrl).is_none()
        && let Some(host) = setting("STORAGE_EMULATOR_HOST")
    {
        let url = if host.contains("://") { host } else { format!("http://{host}") };
        // As for Google's own libraries, an emulator is asked by nobody in particular.
        let nobody = StaticCredentialProvider::new(GcpCredential { bearer: String::new() });
        builder = builder.with_base_url(url.trim_end_matches('/')).with_credentials(Arc::new(nobody));
    }
    let options = client_options("GOOGLE_", builder.get_config_value(&GoogleConfigKey::BaseUrl));
    Ok(builder.with_bucket_name(bucket).with_client_options(options).with_retry(RetryConfig::default()).build()?)
}

fn az(container: &str) -> Result<MicrosoftAzure> {
    let mut builder = match setting("AZURE_STORAGE_CONNECTION_STRING") {
        // Nothing else counts, then.
        Some(text) => {
            let settings = connection_string(&text).context("reading AZURE_STORAGE_CONNECTION_STRING")?;
            let builder = MicrosoftAzureBuilder::new();
            settings.into_iter().fold(builder, |builder, (key, value)| builder.with_config(key, value))
        }
        None => az_by_variables(),
    };
    let value = |key| builder.get_config_value(&key);
    anyhow::ensure!(
        value(AzureConfigKey::AccountName).is_some() || value(AzureConfigKey::UseEmulator).as_deref() == Some("true"),
        "no storage account is named: set AZURE_STORAGE_ACCOUNT or AZURE_STORAGE_CONNECTION_STRING"
    );
    let endpoint = value(AzureConfigKey::Endpoint);
    if let Some(endpoint) = &endpoint {
        // The portal's ends with a slash, and what follows begins with one.
        builder = builder.with_config(AzureConfigKey::Endpoint, endpoint.trim_end_matches('/'));
    }
    let builder = builder.with_container_name(container).with_client_options(client_options("AZURE_", endpoint));
    Ok(builder.with_retry(RetryConfig::default()).build()?)
}

/// The variables that the crate knows, and those of Azure's own command line where they are called otherwise.
fn az_by_variables() -> MicrosoftAzureBuilder {
    let mut builder = MicrosoftAzureBuilder::from_env();
    for (name, key) in [
        ("AZURE_STORAGE_ACCOUNT", AzureConfigKey::AccountName),
        ("AZURE_STORAGE_KEY", AzureConfigKey::AccessKey),
        ("AZURE_STORAGE_SERVICE_ENDPOINT", AzureConfigKey::Endpoint),
    ] {
        if let Some(value) = setting(name).filter(|_| builder.get_config_value(&key).is_none()) {
            builder = builder.with_config(key, value);
        }
    }
    builder
}

/// A variable of the environment that says something.
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The environment's own, such as `AWS_PROXY_URL`, over what partctl's large objects want.
fn client_options(prefix: &str, endpoint: Option<String>) -> ClientOptions {
    // As for the clouds' own tools, an endpoint without TLS is meant to be one.
    let plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
    let options =
        ClientOptions::new().with_timeout(TIMEOUT).with_connect_timeout(CONNECT_TIMEOUT).with_allow_http(plain);
    let settings = std::env::vars_os().filter_map(|(name, value)| {
        let key = name.to_str()?.strip_prefix(prefix)?.to_ascii_lowercase().parse().ok()?;
        Some((key, value.into_string().ok()?))
    });
    settings.fold(options, |options, (key, value)| options.with_config(key, value))
}

/// What a connection string sets, as the portal gives it: `Name=Value` and semicolons.
fn connection_string(text: &str) -> Result<Vec<(AzureConfigKey, String)>> {
    let mut settings = Vec::new();
    let (mut protocol, mut suffix) = ("https", "core.windows.net");
    let (mut account, mut endpoint) = (None, None);
    for pair in text.split(';').filter(|pair| !pair.trim().is_empty()) {
        // Nothing of it is shown: what is wrong may be part of a key.
        let (name, value) = pair.trim().split_once('=').context("a part of it is no `Name=Value`")?;
        match name.to_ascii_lowercase().as_str() {
            "usedevelopmentstorage" => settings.push((AzureConfigKey::UseEmulator, value.to_ascii_lowercase())),
            "accountname" => account = Some(value.to_owned()),
            "accountkey" => settings.push((AzureConfigKey::AccessKey, value.to_owned())),
            "sharedaccesssignature" => settings.push((AzureConfigKey::SasKey, value.to_owned())),
            "blobendpoint" => endpoint = Some(value.to_owned()),
            "defaultendpointsprotocol" => protocol = value,
            "endpointsuffix" => suffix = value,
            // Of other services.
            _ => {}
        }
    }
    let host = endpoint.as_deref().and_then(|url| url.split_once("://")?.1.split(['.', ':', '/']).next());
    if let Some(account) = account.or_else(|| host.map(str::to_owned)) {
        let url = endpoint.unwrap_or_else(|| format!("{protocol}://{account}.blob.{suffix}"));
        settings.extend([(AzureConfigKey::AccountName, account), (AzureConfigKey::Endpoint, url)]);
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        let settings = connection_string(text).unwrap().into_iter();
        settings
            .map(|(key, value)| format!("{} = {value}", key.as_ref().trim_start_matches("azure_storage_")))
            .collect()
    }

    #[test]
    fn a_connection_string_names_account_key_and_endpoint() {
        let portal =
            "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=a2V5==;EndpointSuffix=core.windows.net";
        let expected = ["account_key = a2V5==", "account_name = acme", "endpoint = https://acme.blob.core.windows.net"];
        assert_eq!(read(portal), expected);
        assert_eq!(read(&format!("{portal};")), expected);
        assert_eq!(read("AccountName=acme;AccountKey=a2V5==")[2], expected[2]);
        let china = "AccountName=acme;EndpointSuffix=core.chinacloudapi.cn";
        assert_eq!(read(china)[1], "endpoint = https://acme.blob.core.chinacloudapi.cn");
        let own = "AccountName=devstoreaccount1;BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;QueueEndpoint=x";
        assert_eq!(
            read(own),
            ["account_name = devstoreaccount1", "endpoint = http://127.0.0.1:10000/devstoreaccount1"]
        );
        let signed = "BlobEndpoint=https://acme.blob.core.windows.net;SharedAccessSignature=sv=2022&sig=x%3D";
        assert_eq!(
            read(signed),
            ["sas_key = sv=2022&sig=x%3D", "account_name = acme", "endpoint = https://acme.blob.core.windows.net"]
        );
        assert_eq!(read("UseDevelopmentStorage=true"), ["use_emulator = true"]);
    }

    #[test]
    fn a_connection_string_that_is_none_is_not_shown() {
        let error = connection_string("AccountName=acme;c2VjcmV0").unwrap_err();
        assert_eq!(error.to_string(), "a part of it is no `Name=Value`");
    }
}
