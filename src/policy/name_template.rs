//! `partition.name`: how the name of a partition is put together.
//!
//! Decides which templates are well-formed. What `{start}` looks like without a format, and what becomes of names
//! that are too long, is decided where names are made.

use std::fmt;
use std::fmt::Write as _;
use std::ops::Range;

use chrono::NaiveDateTime;
use chrono::format::{Fixed, Item, Numeric, StrftimeItems};

/// A parsed template; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameTemplate {
    segments: Vec<Segment>,
}

/// A piece of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// As it stands.
    Text(String),
    /// `{table}`: the table's own name.
    Table,
    /// `{parent}`: the same, of the table directly above.
    Parent,
    /// `{value}`: the name of a list partition.
    Value,
    /// `{remainder}` of a hash partition.
    Remainder,
    /// `{modulus}` of a hash partition.
    Modulus,
    /// `{start}`, with a strftime format after a colon, else in the shortest form that tells neighbours apart.
    Start(Option<String>),
    /// `{end}`, likewise.
    End(Option<String>),
}

/// Why a text is not a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// What is wrong, as a fragment.
    pub message: String,
    /// What to do.
    pub hint: Option<&'static str>,
    /// The bytes of the template that are at fault.
    pub at: Range<usize>,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TemplateError {}

const PLACEHOLDERS: &str = "the placeholders are {table} {parent} {start} {end} {value} {remainder} {modulus}";

impl NameTemplate {
    /// Reads a template; `{{` and `}}` are braces.
    ///
    /// # Errors
    /// When a brace is not closed, or a placeholder or its format is unknown.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut segments = Vec::new();
        let mut literal = String::new();
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            let rest = &text[at..];
            if rest.starts_with("{{") || rest.starts_with("}}") {
                literal.push(c);
                at += 2;
            } else if c == '{' {
                let Some(len) = rest.find('}') else {
                    return Err(TemplateError {
                        message: "a `{` that is not closed".to_owned(),
                        hint: None,
                        at: at..at + 1,
                    });
                };
                if !literal.is_empty() {
                    segments.push(Segment::Text(std::mem::take(&mut literal)));
                }
                segments.push(placeholder(&rest[1..len], at..at + len + 1)?);
                at += len + 1;
            } else if c == '}' {
                let hint = Some("write `}}` for a brace");
                return Err(TemplateError { message: "a `}` without its `{`".to_owned(), hint, at: at..at + 1 });
            } else {
                literal.push(c);
                at += c.len_utf8();
            }
        }
        if !literal.is_empty() {
            segments.push(Segment::Text(literal));
        }
        Ok(Self { segments })
    }

    /// The pieces, in order.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }
}

impl fmt::Display for NameTemplate {
    /// The template as it could be written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            match segment {
                Segment::Text(text) => f.write_str(&text.replace('{', "{{").replace('}', "}}"))?,
                Segment::Table => f.write_str("{table}")?,
                Segment::Parent => f.write_str("{parent}")?,
                Segment::Value => f.write_str("{value}")?,
                Segment::Remainder => f.write_str("{remainder}")?,
                Segment::Modulus => f.write_str("{modulus}")?,
                Segment::Start(None) => f.write_str("{start}")?,
                Segment::Start(Some(format)) => write!(f, "{{start:{format}}}")?,
                Segment::End(None) => f.write_str("{end}")?,
                Segment::End(Some(format)) => write!(f, "{{end:{format}}}")?,
            }
        }
        Ok(())
    }
}

fn placeholder(text: &str, at: Range<usize>) -> Result<Segment, TemplateError> {
    let (name, format) = match text.split_once(':') {
        Some((name, format)) => (name, Some(format)),
        None => (text, None),
    };
    let format = match format {
        Some(format) if matches!(name, "start" | "end") => {
            let offset = at.start + 1 + name.len() + 1;
            Some(check_format(format, offset..offset + format.len())?)
        }
        Some(_) if matches!(name, "table" | "parent" | "value" | "remainder" | "modulus") => {
            let message = format!("`{{{name}}}` takes no format");
            return Err(TemplateError { message, hint: None, at });
        }
        _ => None,
    };
    Ok(match name {
        "table" => Segment::Table,
        "parent" => Segment::Parent,
        "value" => Segment::Value,
        "remainder" => Segment::Remainder,
        "modulus" => Segment::Modulus,
        "start" => Segment::Start(format),
        "end" => Segment::End(format),
        _ => {
            let message = format!("unknown placeholder `{{{}}}`", name.escape_debug());
            return Err(TemplateError { message, hint: Some(PLACEHOLDERS), at });
        }
    })
}

/// A strftime format that writes calendar fields only: an offset or a zone is not part of a bound's wall clock time.
fn check_format(format: &str, at: Range<usize>) -> Result<String, TemplateError> {
    let error = |message: String, hint| Err(TemplateError { message, hint, at: at.clone() });
    if format.is_empty() {
        return error("an empty format".to_owned(), Some("write it as in `{start:%Y_%m}`"));
    }
    for item in StrftimeItems::new(format) {
        match item {
            Item::Error => {
                let hint = Some("year %Y, month %m, day %d, hour %H, minute %M, ISO year and week %G and %V");
                return error(format!("`{}` is not a strftime format", format.escape_debug()), hint);
            }
            Item::Fixed(
                Fixed::TimezoneName
                | Fixed::TimezoneOffset
                | Fixed::TimezoneOffsetColon
                | Fixed::TimezoneOffsetDoubleColon
                | Fixed::TimezoneOffsetTripleColon
                | Fixed::TimezoneOffsetColonZ
                | Fixed::TimezoneOffsetZ
                | Fixed::RFC2822
                | Fixed::RFC3339,
            )
            | Item::Numeric(Numeric::Timestamp, _) => {
                return error("a bound is written in wall clock time, without its offset".to_owned(), None);
            }
            _ => {}
        }
    }
    if format_time(format, NaiveDateTime::default()).is_none() {
        return error(format!("`{}` cannot be written for a bound", format.escape_debug()), None);
    }
    Ok(format.to_owned())
}

/// A wall clock time in a strftime format; `None` when the format asks for what such a time does not have.
pub(super) fn format_time(format: &str, time: NaiveDateTime) -> Option<String> {
    let mut written = String::new();
    write!(written, "{}", time.format(format)).ok()?;
    Some(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_cut_into_segments_and_written_back() {
        let text = "{table}_{start:%Y_%m}_{{x}}é";
        let template = NameTemplate::parse(text).unwrap();
        assert_eq!(
            template.segments(),
            [
                Segment::Table,
                Segment::Text("_".to_owned()),
                Segment::Start(Some("%Y_%m".to_owned())),
                Segment::Text("_{x}é".to_owned()),
            ]
        );
        assert_eq!(template.to_string(), text);
        let all = "{parent}{value}{remainder}{modulus}{start}{end}{end:%j}";
        assert_eq!(NameTemplate::parse(all).unwrap().to_string(), all);
    }

    #[test]
    fn what_is_wrong_is_pointed_at() {
        let refused = |text: &str| {
            let error = NameTemplate::parse(text).unwrap_err();
            (text[error.at].to_owned(), error.message)
        };
        for (text, part, message) in [
            ("a{table", "{", "a `{` that is not closed"),
            ("a}b", "}", "a `}` without its `{`"),
            ("ü{tabel}x", "{tabel}", "unknown placeholder `{tabel}`"),
            ("{}", "{}", "unknown placeholder `{}`"),
            ("{table:%Y}", "{table:%Y}", "`{table}` takes no format"),
            ("{start:}", "", "an empty format"),
            ("{start:%Y_%Q!}", "%Y_%Q!", "`%Y_%Q!` is not a strftime format"),
            ("{end:%z}", "%z", "a bound is written in wall clock time, without its offset"),
            ("{end:%s}", "%s", "a bound is written in wall clock time, without its offset"),
            ("{end:%+}", "%+", "a bound is written in wall clock time, without its offset"),
        ] {
            assert_eq!(refused(text), (part.to_owned(), message.to_owned()), "{text}");
        }
    }
}
