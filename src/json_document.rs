//! What partctl writes as JSON and reads again says of itself which format and version it is: here that is judged,
//! before anything in it is believed.

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Its `format` key, such as `partctl-plan`.
    pub name: &'static str,
    /// Its `version` key.
    pub version: u64,
    /// What a person calls it, such as `plan`.
    pub noun: &'static str,
}

/// Just enough to tell whose document it is.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u64,
}

/// Why a text is not the document that was expected.
#[derive(Debug)]
pub enum DocumentError {
    /// No JSON object that says what it is.
    Unmarked(Format),
    /// Another format.
    OtherFormat(Format, String),
    /// Written by another generation of partctl.
    OtherVersion(Format, u64),
    /// Cut off or edited; with what is wrong and where.
    Damaged(Format, serde_json::Error),
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unmarked(wanted) => write!(f, "not a {} saved by partctl", wanted.noun),
            Self::OtherFormat(wanted, found) => {
                write!(f, "format is `{}`, not `{}`", found.escape_debug(), wanted.name)
            }
            Self::OtherVersion(Format { noun, version, .. }, found) => {
                write!(f, "{noun} of version {found}, and this partctl reads version {version}: make a new one")
            }
            Self::Damaged(wanted, error) => write!(f, "saved {} is damaged: {error}", wanted.noun),
        }
    }
}

impl std::error::Error for DocumentError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Damaged(_, error) => Some(error),
            Self::Unmarked(_) | Self::OtherFormat(..) | Self::OtherVersion(..) => None,
        }
    }
}

impl Format {
    /// Reads a document of this format and version.
    ///
    /// # Errors
    /// When it is none, of another version, or damaged.
    pub fn read<T: DeserializeOwned>(self, text: &str) -> Result<T, DocumentError> {
        let head: Head = match serde_json::from_str(text) {
            Ok(head) => head,
            Err(error) if error.is_data() => return Err(DocumentError::Unmarked(self)),
            Err(error) => return Err(DocumentError::Damaged(self, error)),
        };
        if head.format != self.name {
            return Err(DocumentError::OtherFormat(self, head.format));
        }
        if head.version != self.version {
            return Err(DocumentError::OtherVersion(self, head.version));
        }
        serde_json::from_str(text).map_err(|error| DocumentError::Damaged(self, error))
    }
}
