//! `encoding`: how the values of a key carry a time that its type does not show.
//!
//! Decides what such a text means. Which key types it is for is the codec's business.

use std::fmt;
use std::str::FromStr;

use super::{Axis, CODECS, CodecKind};

/// An encoding that exists, with parameters that are right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoding {
    word: &'static str,
    parameters: Parameters,
}

/// What stands behind the word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parameters {
    /// Nothing.
    None,
    /// A text, as in `text:%Y%m%d`.
    Text(String),
    /// Numbers by name, as in `snowflake {epoch: 1288834974657, shift: 22}`.
    Numbers(Vec<(String, i128)>),
}

/// Why something is no encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodingError {
    /// What is wrong, as a fragment.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// What is at fault.
    pub fault: Fault,
}

/// What of an encoding is at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Its word is none.
    Word(String),
    /// What stands behind the word.
    Parameters,
    /// The parameter of this name.
    Parameter(String),
}

impl EncodingError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, fault: Fault::Parameters }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn at(mut self, parameter: impl Into<String>) -> Self {
        self.fault = Fault::Parameter(parameter.into());
        self
    }
}

impl fmt::Display for EncodingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for EncodingError {}

impl Encoding {
    /// The encoding of that word.
    ///
    /// # Errors
    /// When there is none of that name, or the parameters are not those that it takes.
    pub fn new(word: &str, mut parameters: Parameters) -> Result<Self, EncodingError> {
        let kind = kinds().find(|kind| kind.encoding == Some(word)).ok_or_else(|| {
            let known: Vec<String> = Self::words().iter().map(|word| format!("`{word}`")).collect();
            EncodingError {
                message: format!("unknown encoding `{}`", word.escape_debug()),
                hint: Some(format!("it is one of {}", known.join(", "))),
                fault: Fault::Word(word.to_owned()),
            }
        })?;
        (kind.make)(&parameters)?;
        if let Parameters::Numbers(numbers) = &mut parameters {
            numbers.sort();
        }
        Ok(Self { word: kind.encoding.unwrap_or_default(), parameters })
    }

    /// The words that there are, in the order of the codecs.
    pub fn words() -> Vec<&'static str> {
        let mut words: Vec<&str> = kinds().filter_map(|kind| kind.encoding).collect();
        words.dedup();
        words
    }

    /// Whether keys hold instants, so that the calendar needs a zone.
    pub fn holds_instants(&self) -> bool {
        let codec = kinds().find(|kind| kind.encoding == Some(self.word)).map(|kind| (kind.make)(&self.parameters));
        codec.is_some_and(|codec| codec.is_ok_and(|codec| codec.axis() == Axis::Instant))
    }

    /// Its word.
    pub fn word(&self) -> &'static str {
        self.word
    }

    /// Its parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The key types that it is for.
    pub fn types(&self) -> Vec<&'static str> {
        kinds().filter(|kind| kind.encoding == Some(self.word)).flat_map(|kind| kind.types).copied().collect()
    }
}

fn kinds() -> impl Iterator<Item = &'static CodecKind> {
    CODECS.iter().filter(|kind| kind.encoding.is_some())
}

impl FromStr for Encoding {
    type Err = EncodingError;

    /// Reads `uuidv7`, `text:%Y%m%d`, `snowflake {epoch: 1288834974657, shift: 22}`.
    fn from_str(text: &str) -> Result<Self, EncodingError> {
        let text = text.trim();
        let end = text.find([':', '{', ' ']).unwrap_or(text.len());
        let (word, rest) = (&text[..end], text[end..].trim());
        if rest.is_empty() {
            return Self::new(word, Parameters::None);
        }
        if let Some(argument) = rest.strip_prefix(':') {
            return Self::new(word, Parameters::Text(argument.to_owned()));
        }
        let malformed = || EncodingError::new("expected `name: number` pairs in braces").hint(like(word));
        let pairs = rest.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).ok_or_else(malformed)?;
        let pair = |pair: &str| {
            let (name, number) = pair.split_once(':')?;
            Some((name.trim().to_owned(), number.trim().parse().ok()?))
        };
        let numbers: Option<Vec<(String, i128)>> = pairs.split(',').map(pair).collect();
        Self::new(word, Parameters::Numbers(numbers.ok_or_else(malformed)?))
    }
}

impl CodecKind {
    /// How policies write it: a text with braces and colons is a map in YAML.
    pub(super) fn in_yaml(&self) -> String {
        match self.example.split_once(' ') {
            Some((word, numbers)) => format!("{{{word}: {numbers}}}"),
            None => self.example.to_owned(),
        }
    }
}

/// A hint that shows how an encoding is written.
fn like(word: &str) -> String {
    let kind = kinds().find(|kind| kind.encoding == Some(word));
    format!("write it as in `encoding: {}`", kind.map_or_else(|| word.to_owned(), CodecKind::in_yaml))
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word)?;
        match &self.parameters {
            Parameters::None => Ok(()),
            Parameters::Text(text) => write!(f, ":{text}"),
            Parameters::Numbers(numbers) => {
                let numbers: Vec<String> = numbers.iter().map(|(name, number)| format!("{name}: {number}")).collect();
                write!(f, " {{{}}}", numbers.join(", "))
            }
        }
    }
}

impl Parameters {
    /// That there are none.
    pub(super) fn none(&self) -> Result<(), EncodingError> {
        match self {
            Self::None => Ok(()),
            Self::Text(_) | Self::Numbers(_) => Err(EncodingError::new("this encoding takes no parameters")),
        }
    }

    /// The text, for an encoding of this word.
    pub(super) fn text(&self, word: &str) -> Result<&str, EncodingError> {
        match self {
            Self::Text(text) => Ok(text),
            Self::None | Self::Numbers(_) => {
                Err(EncodingError::new(format!("`{word}` needs a text behind it")).hint(like(word)))
            }
        }
    }

    /// The numbers of these names, each once and no others, for an encoding of this word.
    pub(super) fn numbers<const N: usize>(&self, word: &str, names: [&str; N]) -> Result<[i128; N], EncodingError> {
        let given = match self {
            Self::Numbers(given) => given.as_slice(),
            Self::None | Self::Text(_) => &[],
        };
        if let Some((other, _)) = given.iter().find(|(name, _)| !names.contains(&name.as_str())) {
            let message = format!("`{word}` has no parameter `{}`", other.escape_debug());
            return Err(EncodingError::new(message).hint(like(word)).at(other));
        }
        let mut numbers = [0; N];
        for (number, name) in numbers.iter_mut().zip(names) {
            let mut found = given.iter().filter(|(given, _)| given == name);
            match (found.next(), found.next()) {
                (Some((_, value)), None) => *number = *value,
                (None, _) => {
                    let message = format!("`{word}` lacks its `{name}`");
                    return Err(EncodingError::new(message).hint(like(word)));
                }
                (Some(_), Some(_)) => return Err(EncodingError::new(format!("`{name}` stands twice")).at(name)),
            }
        }
        Ok(numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_encoding_is_told() {
        let refused = |text: &str| {
            let error = text.parse::<Encoding>().unwrap_err();
            (error.message, error.hint.unwrap_or_default())
        };
        for (text, message) in [
            ("uuid", "unknown encoding `uuid`"),
            ("", "unknown encoding ``"),
            ("uuidv7:x", "this encoding takes no parameters"),
            ("snowflake", "`snowflake` lacks its `epoch`"),
            ("snowflake {epoch: 1}", "`snowflake` lacks its `shift`"),
            ("snowflake {epoch: 1, shift: 22, x: 1}", "`snowflake` has no parameter `x`"),
            ("snowflake {epoch: 1, shift: 22, shift: 1}", "`shift` stands twice"),
            ("snowflake {epoch: one}", "expected `name: number` pairs in braces"),
            ("snowflake 22", "expected `name: number` pairs in braces"),
            ("snowflake {epoch: 1, shift: 63}", "`shift` is not between 1 and 62"),
            ("snowflake {epoch: -1, shift: 22}", "`epoch` is no number of milliseconds since 1970"),
            ("text", "`text` needs a text behind it"),
            ("text:", "`` is no format of dates that sort as text"),
        ] {
            assert_eq!(refused(text).0, message, "{text}");
        }
        assert_eq!(refused("snowflake").1, "write it as in `encoding: {snowflake: {epoch: 1288834974657, shift: 22}}`");
    }
}
