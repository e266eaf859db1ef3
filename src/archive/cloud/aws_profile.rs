//! The profile that AWS's own tools would use: what `~/.aws/credentials` and `~/.aws/config` say of it, where the
//! environment does not say otherwise. No value of it is ever part of an error.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::{Context, Result};
use configparser::ini::{Ini, IniDefault};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey as Key};

use super::setting;

type Section = HashMap<String, Option<String>>;
type Sections = HashMap<String, Section>;

const KEYS: &[(&str, Key)] = &[
    ("aws_access_key_id", Key::AccessKeyId),
    ("aws_secret_access_key", Key::SecretAccessKey),
    ("aws_session_token", Key::Token),
];

/// How a profile can get its keys from elsewhere, also beside keys of its own: they are those that take a role.
const ELSEWHERE: &[&str] = &["role_arn", "sso_session", "sso_start_url", "login_session", "credential_process"];

/// Adds the profile to what the environment says.
///
/// # Errors
/// When a file cannot be read, when `AWS_PROFILE` names a profile that is in neither, and when keys are wanted that the
/// profile gets from elsewhere.
pub(super) fn complete(builder: AmazonS3Builder) -> Result<AmazonS3Builder> {
    let file = |variable: &str, name: &str| {
        let in_home = || Some(std::env::home_dir()?.join(".aws").join(name));
        setting(variable).map(PathBuf::from).or_else(in_home).map_or_else(|| Ok(Sections::new()), read)
    };
    let (credentials, config) =
        (file("AWS_SHARED_CREDENTIALS_FILE", "credentials")?, file("AWS_CONFIG_FILE", "config")?);
    let named = setting("AWS_PROFILE");
    let name = named.as_deref().unwrap_or("default");
    match Profile::find(name, &credentials, &config) {
        Some(profile) => profile.complete(builder),
        None => {
            anyhow::ensure!(named.is_none(), "no file of AWS's has the profile `{name}`, which AWS_PROFILE names");
            Ok(builder)
        }
    }
}

/// A file that is not there says nothing.
fn read(path: PathBuf) -> Result<Sections> {
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Sections::new()),
        text => text.with_context(|| format!("reading `{}`", path.display()))?,
    };
    // What is wrong in it may be part of a key.
    parse(text).with_context(|| format!("`{}` is no file of settings as AWS's tools write it", path.display()))
}

fn parse(text: String) -> Option<Sections> {
    let mut as_awss_tools = IniDefault::default();
    as_awss_tools.case_sensitive = true;
    as_awss_tools.delimiters = vec!['='];
    // Keys may hold such signs.
    as_awss_tools.inline_comment_symbols = Some(Vec::new());
    Ini::new_from_defaults(as_awss_tools).read(text).ok()
}

/// What the files say of one profile; what `credentials` says goes first.
struct Profile<'a> {
    name: &'a str,
    sections: Vec<&'a Section>,
}

impl<'a> Profile<'a> {
    fn find(name: &'a str, credentials: &'a Sections, config: &'a Sections) -> Option<Self> {
        let plain = config.get(name).filter(|_| name == "default");
        let sections = [credentials.get(name), config.get(&format!("profile {name}")), plain];
        let sections: Vec<_> = sections.into_iter().flatten().collect();
        (!sections.is_empty()).then_some(Self { name, sections })
    }

    fn value(&self, name: &str) -> Option<&str> {
        let mut values = self.sections.iter().filter_map(|section| section.get(name)?.as_deref());
        values.find(|value| !value.is_empty())
    }

    fn complete(&self, builder: AmazonS3Builder) -> Result<AmazonS3Builder> {
        let says = |keys: &[Key]| keys.iter().any(|key| builder.get_config_value(key).is_some());
        let mut wanted: Vec<(&str, Key)> = Vec::new();
        if !says(&[Key::AccessKeyId, Key::WebIdentityTokenFile]) {
            if let Some(elsewhere) = ELSEWHERE.iter().find(|name| self.value(name).is_some()) {
                anyhow::bail!(
                    "the profile `{name}` gets its keys by `{elsewhere}`, which partctl cannot: \
                     `eval \"$(aws configure export-credentials --profile {name} --format env)\"` puts them in the environment",
                    name = self.name,
                );
            }
            wanted.extend_from_slice(KEYS);
        }
        if !says(&[Key::Region]) {
            wanted.push(("region", Key::Region));
        }
        if !says(&[Key::Endpoint, Key::S3Endpoint]) {
            wanted.push(("endpoint_url", Key::Endpoint));
        }
        let found = wanted.into_iter().filter_map(|(name, key)| Some((key, self.value(name)?)));
        Ok(found.fold(builder, |builder, (key, value)| builder.with_config(key, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIALS: &str = "\
        # of this machine\n[default]\naws_access_key_id=AKIA1\naws_secret_access_key = ab\\n+/'c\"=\n\
        [backups]\naws_access_key_id = AKIA2\naws_secret_access_key = two\naws_session_token = t==\n";
    const CONFIG: &str = "\
        [default]\nregion = eu-north-1\naws_access_key_id = other\n\
        [profile backups]\nregion = eu-west-3\nendpoint_url = http://127.0.0.1:9000\ns3 =\n  addressing_style = path\n\
        [profile sso]\nsso_session = corp\nregion = us-east-1\n\
        [sso-session corp]\nsso_region = us-east-1\n";

    fn completed(name: &str, environment: &[(Key, &str)]) -> String {
        let (credentials, config) = (parse(CREDENTIALS.to_owned()).unwrap(), parse(CONFIG.to_owned()).unwrap());
        let builder =
            environment.iter().fold(AmazonS3Builder::new(), |builder, (key, value)| builder.with_config(*key, *value));
        let Some(profile) = Profile::find(name, &credentials, &config) else { return "no such profile".to_owned() };
        match profile.complete(builder) {
            Err(error) => error.to_string(),
            Ok(builder) => [Key::AccessKeyId, Key::SecretAccessKey, Key::Token, Key::Region, Key::Endpoint]
                .map(|key| builder.get_config_value(&key).unwrap_or_default())
                .join(" "),
        }
    }

    #[test]
    fn a_profile_is_read_from_both_files() {
        assert_eq!(completed("default", &[]), r#"AKIA1 ab\n+/'c"=  eu-north-1 "#);
        assert_eq!(completed("backups", &[]), "AKIA2 two t== eu-west-3 http://127.0.0.1:9000");
        assert_eq!(completed("nobody", &[]), "no such profile");
    }

    #[test]
    fn the_environment_goes_first_and_keys_are_never_mixed() {
        let own = [(Key::AccessKeyId, "AKIA9"), (Key::SecretAccessKey, "nine")];
        assert_eq!(completed("backups", &own), "AKIA9 nine  eu-west-3 http://127.0.0.1:9000");
        assert_eq!(completed("sso", &own), "AKIA9 nine  us-east-1 ");
        let place = [(Key::Region, "sa-east-1"), (Key::S3Endpoint, "http://s3")];
        assert_eq!(completed("backups", &place), "AKIA2 two t== sa-east-1 ");
        assert_eq!(completed("backups", &[(Key::WebIdentityTokenFile, "/t")]), "   eu-west-3 http://127.0.0.1:9000");
    }

    #[test]
    fn keys_from_elsewhere_are_told_with_what_to_do() {
        insta::assert_snapshot!(completed("sso", &[]), @r#"the profile `sso` gets its keys by `sso_session`, which partctl cannot: `eval "$(aws configure export-credentials --profile sso --format env)"` puts them in the environment"#);
    }
}
