//! How data files are written: the format and what it is compressed with.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The format of data files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Typed columns.
    Parquet,
    /// As `COPY ... (FORMAT csv, HEADER)` writes it.
    Csv,
    /// As `COPY ... (FORMAT binary)` writes it.
    Binary,
}

/// What data files are compressed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Compression {
    /// Zstandard of this level, 1 to 22.
    Zstd(u8),
    /// gzip, as every machine has it.
    Gzip,
    /// Nothing.
    None,
}

/// How data files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// The format.
    pub format: Format,
    /// How they are compressed; Parquet is so within.
    pub compression: Compression,
}

impl Format {
    /// Every format, best first.
    pub const ALL: [Self; 3] = [Self::Parquet, Self::Csv, Self::Binary];

    /// As policies and manifests have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
            Self::Binary => "binary",
        }
    }
}

impl Compression {
    /// What is fast, and nearly as small as it gets.
    pub const DEFAULT_LEVEL: u8 = 3;
}

impl Default for Compression {
    fn default() -> Self {
        Self::Zstd(Self::DEFAULT_LEVEL)
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zstd(Self::DEFAULT_LEVEL) => f.write_str("zstd"),
            Self::Zstd(level) => write!(f, "zstd:{level}"),
            Self::Gzip => f.write_str("gzip"),
            Self::None => f.write_str("none"),
        }
    }
}

impl FromStr for Compression {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let level = |text: &str| text.parse::<u8>().ok().filter(|level| (1..=22).contains(level));
        match text {
            "zstd" => Ok(Self::default()),
            "gzip" => Ok(Self::Gzip),
            "none" => Ok(Self::None),
            _ => match text.strip_prefix("zstd:").map(level) {
                Some(Some(level)) => Ok(Self::Zstd(level)),
                Some(None) => Err("levels of zstd go from 1 to 22".to_owned()),
                None => Err("it is `zstd`, `zstd:` and a level, `gzip` or `none`".to_owned()),
            },
        }
    }
}

impl From<Compression> for String {
    fn from(compression: Compression) -> Self {
        compression.to_string()
    }
}

impl TryFrom<String> for Compression {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl Layout {
    /// What the names of its data files end with.
    pub fn extension(&self) -> String {
        let packed = match self.compression {
            Compression::Zstd(_) => ".zst",
            Compression::Gzip => ".gz",
            Compression::None => "",
        };
        match self.format {
            Format::Parquet => "parquet".to_owned(),
            Format::Csv => format!("csv{packed}"),
            Format::Binary => format!("copy{packed}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressions_are_read_back_from_their_names() {
        for compression in [Compression::default(), Compression::Zstd(19), Compression::Gzip, Compression::None] {
            assert_eq!(compression.to_string().parse(), Ok(compression));
        }
        for text in ["zstd:0", "zstd:23", "zstd:x", "lz4", ""] {
            assert!(text.parse::<Compression>().is_err(), "{text}");
        }
    }
}
