//! The manifest as text, sealed with the SHA-256 of what it says: a manifest that was edited is not trusted.

use std::fmt;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Manifest;

const FORMAT: &str = "partctl-archive";
const VERSION: u64 = 1;

/// Why a text is no manifest.
#[derive(Debug)]
pub enum ManifestError {
    /// No JSON object that says it is one.
    NotAManifest,
    /// Of another generation of partctl.
    OtherVersion(u64),
    /// Cut off or edited.
    Edited,
    /// Sealed, and yet not understood: what is wrong and where.
    Damaged(serde_json::Error),
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAManifest => f.write_str("not a manifest of partctl's"),
            Self::OtherVersion(version) => {
                write!(f, "of version {version}, and this partctl reads version {VERSION}")
            }
            Self::Edited => f.write_str("its text is not what it was sealed with: it was edited or damaged"),
            Self::Damaged(error) => write!(f, "not understood: {error}"),
        }
    }
}

impl std::error::Error for ManifestError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Damaged(error) => Some(error),
            Self::NotAManifest | Self::OtherVersion(_) | Self::Edited => None,
        }
    }
}

/// Indented JSON that ends with a newline, its seal last.
pub fn write(manifest: &Manifest) -> String {
    let told = serde_json::to_value(manifest).expect("strings, numbers and lists always serialise");
    let Value::Object(told) = told else { unreachable!("a struct is an object") };
    let mut object = serde_json::Map::new();
    object.insert("format".to_owned(), FORMAT.into());
    object.insert("version".to_owned(), VERSION.into());
    object.extend(told);
    let seal = seal(&object);
    object.insert("seal".to_owned(), seal.into());
    let mut text = serde_json::to_string_pretty(&object).expect("strings, numbers and lists always serialise");
    text.push('\n');
    text
}

/// Reads what [`write()`] wrote.
///
/// # Errors
/// When it is another text, or was changed since.
pub fn read(text: &[u8]) -> Result<Manifest, ManifestError> {
    let Ok(Value::Object(mut object)) = serde_json::from_slice(text) else { return Err(ManifestError::NotAManifest) };
    if object.remove("format").as_ref().and_then(Value::as_str) != Some(FORMAT) {
        return Err(ManifestError::NotAManifest);
    }
    let version = object.remove("version").as_ref().and_then(Value::as_u64).ok_or(ManifestError::NotAManifest)?;
    if version != VERSION {
        return Err(ManifestError::OtherVersion(version));
    }
    let sealed = object.remove("seal");
    let mut whole = object.clone();
    whole.insert("format".to_owned(), FORMAT.into());
    whole.insert("version".to_owned(), VERSION.into());
    if sealed.as_ref().and_then(Value::as_str) != Some(seal(&whole).as_str()) {
        return Err(ManifestError::Edited);
    }
    serde_json::from_value(Value::Object(object)).map_err(ManifestError::Damaged)
}

/// Over what is said, however it is indented or ordered: keys are sorted here.
fn seal(object: &serde_json::Map<String, Value>) -> String {
    let sorted: std::collections::BTreeMap<&String, &Value> = object.iter().collect();
    let text = serde_json::to_string(&sorted).expect("strings, numbers and lists always serialise");
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::samples::manifest;

    #[test]
    fn it_is_read_back_as_it_was_written() {
        let text = write(&manifest());
        assert_eq!(read(text.as_bytes()).unwrap(), manifest());
        assert!(manifest().expected().is_some_and(|print| print.rows == 2));
    }

    #[test]
    fn whatever_is_edited_is_noticed() {
        let text = write(&manifest());
        for (from, to) in
            [("\"rows\": 2", "\"rows\": 3"), ("shop", "shoq"), ("part-00001", "part-00002"), ("00000001", "00000002")]
        {
            let edited = text.replacen(from, to, 1);
            assert_ne!(edited, text, "{from}");
            assert!(matches!(read(edited.as_bytes()), Err(ManifestError::Edited)), "{from}");
        }
        for cut in (0..text.len() - 2).step_by(7).filter(|cut| text.is_char_boundary(*cut)) {
            assert!(read(&text.as_bytes()[..cut]).is_err(), "cut after {cut}");
        }
        let later = text.replace("\"version\": 1", "\"version\": 2");
        assert!(matches!(read(later.as_bytes()), Err(ManifestError::OtherVersion(2))));
        assert!(matches!(read(b"{\"format\": \"partctl-plan\"}"), Err(ManifestError::NotAManifest)));
    }

    #[test]
    fn psql_restores_each_file_by_a_line() {
        let lines = manifest().psql.unwrap();
        let first = "\\copy shop.orders_2024_10 (id, \"Odd\") from program 'zstd -dc part-00001.csv.zst' with (format csv, header)";
        assert_eq!(lines.lines().next(), Some(first));
        assert_eq!(lines.lines().count(), 2);
    }
}
