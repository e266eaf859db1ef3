//! Reads `key=value` connection strings as libpq does: single quotes, backslash escapes, blanks around the `=`.
//! It resolves nothing, and its errors never quote a value.

use super::keyword::{self, Parameters};
use anyhow::{Context, Result, bail, ensure};

/// Reads a whole connection string.
pub(super) fn parse(text: &str) -> Result<Parameters> {
    let mut parameters = Parameters::default();
    let mut rest = text.trim_start();
    let mut after_bare_password = false;
    while !rest.is_empty() {
        let place = text[..text.len() - rest.len()].chars().count() + 1;
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let value = after.trim_start().strip_prefix('=').with_context(|| {
            format!("missing `=` after the word at character {place}: a value with blanks stands in single quotes")
        })?;
        let text = value.trim_start();
        let quoted = text.starts_with('\'');
        // Stricter than libpq, which takes `host= password=…` (a variable that was empty) for a host, and shows it.
        let swallowed = text.split_once('=').is_some_and(|(name, _)| keyword::is_known(name));
        ensure!(quoted || text.len() == value.len() || !swallowed, "`{name}` has no value: write `{name}=''`");
        let (value, after) = read_value(text)?;
        // After `password=two words=…` the unknown keyword would be a piece of the password.
        parameters.set(name, value).or_else(|error| match after_bare_password {
            true => bail!("unknown keyword after `password`: a password with blanks stands in single quotes"),
            false => Err(error),
        })?;
        after_bare_password = name == "password" && !quoted;
        rest = after.trim_start();
    }
    Ok(parameters)
}

fn read_value(text: &str) -> Result<(String, &str)> {
    let (quoted, body) = match text.strip_prefix('\'') {
        Some(body) => (true, body),
        None => (false, text),
    };
    let mut value = String::new();
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            '\'' if quoted => return Ok((value, &body[at + 1..])),
            c if c.is_whitespace() && !quoted => return Ok((value, &body[at..])),
            c => value.push(c),
        }
    }
    ensure!(!quoted, "a quoted value lacks its closing quote");
    Ok((value, ""))
}
