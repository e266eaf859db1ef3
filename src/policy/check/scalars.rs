//! Reads single values: text, numbers, words, names, times. Each reports what is wrong with its value and no more.

use std::ops::RangeInclusive;
use std::time::Duration;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use crate::policy::document::{Form, Node, Scalar, Value};
use crate::policy::model::AxisValue;
use crate::schedule::{Interval, IntervalError, parse_elapsed};
use crate::sql::{Identifier, NameError};

use super::nearest::{did_you_mean, nearest};
use super::report::Report;
use super::rules;

/// Longest piece of a file that a message repeats, in characters.
const LONGEST_SHOWN: usize = 60;

/// Text of a file as a message may repeat it: in backquotes, control and direction characters escaped, not too long.
pub(super) fn shown(text: &str) -> String {
    let mut quoted = String::from("`");
    for (index, c) in text.chars().enumerate() {
        if index == LONGEST_SHOWN {
            quoted.push('…');
            break;
        }
        if c.is_control() || is_invisible(c) { quoted.extend(c.escape_debug()) } else { quoted.push(c) }
    }
    quoted.push('`');
    quoted
}

/// Characters that change how their neighbours look, or cannot be seen.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Reports that a value is not what its key asks for.
pub(super) fn wrong_type(node: &Node, expected: &str, report: &mut Report<'_>) {
    let found = match &node.value {
        Value::Null => "nothing".to_owned(),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a map".to_owned(),
        Value::Scalar(scalar) => shown(&scalar.text),
    };
    report.problem(rules::WRONG_TYPE, &node.span, format!("expected {expected}, found {found}"));
}

/// A scalar of any kind; Postgres text holds no NUL, so none is let in.
pub(super) fn scalar<'n>(node: &'n Node, expected: &str, report: &mut Report<'_>) -> Option<&'n Scalar> {
    let Value::Scalar(scalar) = &node.value else {
        wrong_type(node, expected, report);
        return None;
    };
    if scalar.text.contains('\0') {
        report.problem(rules::OUT_OF_RANGE, &node.span, "a NUL character, which Postgres cannot hold");
        return None;
    }
    Some(scalar)
}

/// Text that is not empty, exactly as written; numbers and booleans are text here.
pub(super) fn text(node: &Node, report: &mut Report<'_>) -> Option<String> {
    let scalar = scalar(node, "text", report)?;
    if scalar.text.trim().is_empty() {
        report.problem(rules::WRONG_TYPE, &node.span, "expected text, found an empty one");
        return None;
    }
    Some(scalar.text.clone())
}

/// `true` or `false`.
pub(super) fn boolean(node: &Node, report: &mut Report<'_>) -> Option<bool> {
    const EXPECTED: &str = "`true` or `false`";
    let scalar = scalar(node, EXPECTED, report)?;
    match (scalar.form, scalar.text.as_str()) {
        (Form::Typed, "true") => return Some(true),
        (Form::Typed, "false") => return Some(false),
        (Form::Text, "true" | "false") => without_quotes(node, EXPECTED, report),
        _ => wrong_type(node, EXPECTED, report),
    }
    None
}

/// A whole number in plain decimal digits.
pub(super) fn integer(node: &Node, report: &mut Report<'_>) -> Option<i128> {
    const EXPECTED: &str = "a whole number";
    let scalar = scalar(node, EXPECTED, report)?;
    let number = decimal(&scalar.text);
    match (scalar.form, number) {
        (Form::Typed, Some(_)) => return number,
        (Form::Text, Some(_)) => without_quotes(node, EXPECTED, report),
        _ => wrong_type(node, EXPECTED, report),
    }
    None
}

/// A whole number within a range.
pub(super) fn count(node: &Node, range: RangeInclusive<u32>, report: &mut Report<'_>) -> Option<u32> {
    let number = integer(node, report)?;
    let count = u32::try_from(number).ok().filter(|count| range.contains(count));
    if count.is_none() {
        let message = match *range.end() {
            u32::MAX if number < i128::from(*range.start()) => format!("{number} is less than {}", range.start()),
            end => format!("{number} is not between {} and {end}", range.start()),
        };
        report.problem(rules::OUT_OF_RANGE, &node.span, message);
    }
    count
}

/// One of a few words.
pub(super) fn choice<T: Copy>(node: &Node, words: &[(&'static str, T)], report: &mut Report<'_>) -> Option<T> {
    let word = scalar(node, "a word", report)?.text.as_str();
    match words.iter().find(|(known, _)| *known == word) {
        Some((_, meaning)) => Some(*meaning),
        None => {
            let hint = match nearest(word, words.iter().map(|(known, _)| *known)) {
                Some(near) => did_you_mean(near),
                None => {
                    let taken: Vec<String> = self::words(words).iter().map(|word| format!("`{word}`")).collect();
                    format!("it is one of {}", taken.join(", "))
                }
            };
            report.hinted(rules::UNKNOWN_CHOICE, &node.span, format!("unknown choice {}", shown(word)), hint);
            None
        }
    }
}

/// The words of such a table that are taken.
pub(super) fn words<T>(words: &[(&'static str, T)]) -> Vec<&'static str> {
    words.iter().map(|(word, _)| *word).collect()
}

/// A name by SQL's rules, without a schema.
pub(super) fn identifier(node: &Node, report: &mut Report<'_>) -> Option<Identifier> {
    let text = text(node, report)?;
    let hint = match Identifier::parse(&text) {
        Ok(name) => return Some(name),
        Err(NameError::TooLong) => "Postgres keeps 63 bytes of a name",
        Err(NameError::TooManyParts) => "leave the schema out",
        Err(NameError::MissingSchema | NameError::Malformed) => "quote it as in SQL where needed: '\"Order Date\"'",
    };
    report.hinted(rules::NAME, &node.span, format!("{} is not a name", shown(&text)), hint);
    None
}

/// A calendar or clock step, as in `3 months`; `example` is what to write instead of a bare number.
pub(super) fn interval(node: &Node, report: &mut Report<'_>) -> Option<Interval> {
    let text = &scalar(node, "a time with its unit", report)?.text;
    text.parse().map_err(|error| interval_problem(node, text, &error, ["days", "months"], report)).ok()
}

/// A time on a stopwatch, as in `50 ms`.
pub(super) fn elapsed(node: &Node, report: &mut Report<'_>) -> Option<Duration> {
    let text = &scalar(node, "a time with its unit", report)?.text;
    parse_elapsed(text).map_err(|error| interval_problem(node, text, &error, ["ms", "minutes"], report)).ok()
}

/// Reports why a text is no interval, pointing at the part of it that is at fault. A bare number is shown with each
/// of the units.
pub(super) fn interval_problem(
    node: &Node,
    text: &str,
    error: &IntervalError,
    units: [&str; 2],
    report: &mut Report<'_>,
) {
    let (rule, span, message) = match error {
        IntervalError::MissingUnit { .. } => {
            (rules::MISSING_UNIT, node.span.clone(), format!("{} has no unit", shown(text.trim())))
        }
        IntervalError::UnknownUnit { unit, at, .. } => {
            let span = report.part(node, text, at.clone());
            (rules::UNKNOWN_UNIT, span, format!("unknown unit {}", shown(unit)))
        }
        IntervalError::MissingCount | IntervalError::InvalidCount { .. } => {
            let message = format!("expected a whole number and a unit, found {}", shown(text));
            (rules::WRONG_TYPE, node.span.clone(), message)
        }
        IntervalError::Zero | IntervalError::OutOfRange { .. } => {
            (rules::OUT_OF_RANGE, node.span.clone(), format!("{} is out of range", shown(text)))
        }
    };
    let hint = match error {
        IntervalError::MissingUnit { .. } => {
            let [first, second] = units.map(|unit| format!("`{} {unit}`", text.trim()));
            Some(format!("write {first} or {second}"))
        }
        IntervalError::MissingCount | IntervalError::InvalidCount { .. } => {
            Some(format!("write it as in `3 {}`", units[0]))
        }
        IntervalError::Zero => Some("it must be more than zero".to_owned()),
        other => other.hint(),
    };
    match hint {
        Some(hint) => report.hinted(rule, &span, message, hint),
        None => report.problem(rule, &span, message),
    }
}

/// A day, as in `2024-01-31`.
pub(super) fn date(node: &Node, report: &mut Report<'_>) -> Option<NaiveDate> {
    let text = &scalar(node, "a date", report)?.text;
    let date = parse_date(text);
    if date.is_none() {
        let message = format!("expected a date, found {}", shown(text));
        report.hinted(rules::WRONG_TYPE, &node.span, message, "write it as in `2024-01-31`");
    }
    date
}

/// A position on the key's axis: a number, a day, or a day and a time without an offset.
pub(super) fn axis_value(node: &Node, report: &mut Report<'_>) -> Option<AxisValue> {
    let scalar = scalar(node, "a date or a number", report)?;
    let text = scalar.text.trim();
    if let Some(number) = decimal(text) {
        if scalar.form == Form::Typed {
            return Some(AxisValue::Integer(number));
        }
        without_quotes(node, "a date or a number", report);
        return None;
    }
    let time = parse_date_time(text);
    if time.is_none() {
        let message = format!("expected a date or a number, found {}", shown(text));
        report.hinted(rules::WRONG_TYPE, &node.span, message, "write it as in `2024-01-31` or `2024-01-31 06:00`");
    }
    time.map(AxisValue::Time)
}

fn parse_date_time(text: &str) -> Option<NaiveDateTime> {
    let Some((date, time)) = text.split_once([' ', 'T']) else {
        return parse_date(text)?.and_hms_opt(0, 0, 0);
    };
    let shape = [&b"00:00"[..], b"00:00:00"];
    let time = shape
        .iter()
        .find(|shape| has_shape(time, shape))
        .and_then(|shape| NaiveTime::parse_from_str(time, if shape.len() == 5 { "%H:%M" } else { "%H:%M:%S" }).ok())?;
    Some(parse_date(date)?.and_time(time))
}

/// Four digits of year at least and at most: `24-01-01` would be the year 24. Postgres knows no year 0.
fn parse_date(text: &str) -> Option<NaiveDate> {
    if !has_shape(text, b"0000-00-00") || text.starts_with("0000") {
        return None;
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
}

fn has_shape(text: &str, shape: &[u8]) -> bool {
    let fits = |(byte, shape): (u8, &u8)| if *shape == b'0' { byte.is_ascii_digit() } else { byte == *shape };
    text.len() == shape.len() && text.bytes().zip(shape).all(fits)
}

/// Plain decimal digits with an optional sign; no underscores, exponents or other bases.
pub(super) fn decimal(text: &str) -> Option<i128> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// Reports a number or boolean that YAML takes for text.
pub(super) fn without_quotes(node: &Node, expected: &str, report: &mut Report<'_>) {
    report.hinted(rules::WRONG_TYPE, &node.span, format!("expected {expected}, found text"), "leave the quotes out");
}
