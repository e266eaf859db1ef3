//! One layout for policy files: keys in the order of the reference, two spaces a level, comments where they were.
//!
//! Decides nothing about what a policy means, and must not change it: a document whose layout is not understood for
//! certain is left as it is, and every result is read again and compared before it is handed out.

mod layout;
mod outline;

use std::collections::BTreeMap;

use super::document::{self, Documents, Entry, Node, Refusal, Value};
use super::problem::{Problem, Source};

/// A file as it should be laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Formatted {
    /// The whole text.
    pub text: String,
    /// Documents that were left as they are: the line (from 1) at which each begins, and why.
    pub left: Vec<(usize, &'static str)>,
}

/// Lays a file out anew. What is laid out already comes back as it was.
///
/// # Errors
/// The problems of a text that cannot be read as YAML: nothing is known of its layout.
pub fn format(source: &Source) -> Result<Formatted, Vec<Problem>> {
    let text = &source.text;
    let refusals = read(text).1;
    if !refusals.is_empty() {
        return Err(refusals.into_iter().map(|refusal| refusal.in_file(&source.path)).collect());
    }
    let mut formatted = Formatted { text: String::new(), left: Vec::new() };
    for range in document::ranges(text) {
        let own = &text[range.clone()];
        let rest = if text[range.end..].trim().is_empty() { Rest::Nothing } else { Rest::Documents };
        match one(own, rest) {
            Ok(laid_out) => formatted.text.push_str(&laid_out),
            Err(Unsure(why)) => {
                let first = range.start + (own.len() - own.trim_start().len());
                formatted.left.push((text[..first].matches('\n').count() + 1, why));
                formatted.text.push_str(own);
            }
        }
    }
    Ok(formatted)
}

/// Why a document is left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unsure(&'static str);

/// What follows a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Nothing,
    Documents,
}

/// One document, with the comments and the `---` before it.
fn one(text: &str, rest: Rest) -> Result<String, Unsure> {
    let mut laid_out = match outline::read(text)? {
        Some(outline) => layout::lay_out(outline),
        None => layout::without_entries(text),
    };
    if rest == Rest::Nothing {
        laid_out.truncate(laid_out.trim_end().len());
        if !laid_out.is_empty() {
            laid_out.push('\n');
        }
    }
    // At the head of a file it is a byte order mark, and no more a character of it.
    if laid_out.starts_with('\u{feff}') {
        return Err(Unsure("a character that nobody sees would come to stand first"));
    }
    if says_the_same(text, &laid_out) { Ok(laid_out) } else { Err(Unsure("another layout would change what it says")) }
}

/// Whether two texts hold the same documents and the same characters, white space and the order of keys aside.
fn says_the_same(one: &str, other: &str) -> bool {
    let characters = |text: &str| {
        let mut counted: BTreeMap<char, usize> = BTreeMap::new();
        text.chars().filter(|c| !c.is_whitespace()).for_each(|c| *counted.entry(c).or_default() += 1);
        counted
    };
    let ((one_read, _), (other_read, refusals)) = (read(one), read(other));
    refusals.is_empty() && same_all(&one_read, &other_read) && characters(one) == characters(other)
}

fn read(text: &str) -> (Vec<Node>, Vec<Refusal>) {
    let (mut roots, mut refusals) = (Vec::new(), Vec::new());
    match Documents::of(text) {
        Ok(documents) => documents.for_each(|document| {
            roots.extend(document.root);
            refusals.extend(document.refusals);
        }),
        Err(refusal) => refusals.push(refusal),
    }
    (roots, refusals)
}

fn same_all(one: &[Node], other: &[Node]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
}

/// Keys that stand twice keep their order, so the first ones meet.
fn same(one: &Node, other: &Node) -> bool {
    match (&one.value, &other.value) {
        (Value::List(one), Value::List(other)) => same_all(one, other),
        (Value::Map(one), Value::Map(other)) => {
            let sorted = |entries: &[Entry]| -> Vec<Entry> {
                let mut entries = entries.to_vec();
                entries.sort_by(|a, b| a.key.cmp(&b.key));
                entries
            };
            let (one, other) = (sorted(one), sorted(other));
            let alike = |(one, other): (&Entry, &Entry)| one.key == other.key && same(&one.value, &other.value);
            one.len() == other.len() && one.iter().zip(&other).all(alike)
        }
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests;
