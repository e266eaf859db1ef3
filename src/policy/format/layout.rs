//! Writes an outline down: the order of keys, the indentation, where comments stand.

use super::outline::{Comment, Entries, Entry, Outline, Trivia, Value};

/// Columns that each level stands deeper.
const STEP: usize = 2;

/// The text of a document.
pub(super) fn lay_out(outline: Outline) -> String {
    let mut page = Page(String::new());
    outline.head.iter().for_each(|line| page.line(line));
    page.entries(outline.body, 0);
    outline.end.iter().for_each(|line| page.line(line));
    page.0
}

/// The text of a document that holds only comments.
pub(super) fn without_entries(text: &str) -> String {
    let mut page = Page(String::new());
    text.lines().for_each(|line| page.line(line.trim()));
    page.0
}

/// What is written so far, in whole lines.
struct Page(String);

impl Page {
    /// Of blank lines at most one, and none at the top.
    fn line(&mut self, text: &str) {
        if !text.is_empty() || !(self.0.is_empty() || self.0.ends_with("\n\n")) {
            self.as_it_is(text);
        }
    }

    fn as_it_is(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    fn trivia(&mut self, lines: &[Trivia], indent: usize) {
        for line in lines {
            match line {
                Trivia::Blank => self.line(""),
                Trivia::Comment(text) => self.line(&indented(text, indent)),
            }
        }
    }

    fn entries(&mut self, entries: Entries, indent: usize) {
        let below = entries.below.clone();
        for entry in in_order(entries) {
            self.entry(entry, indent);
        }
        self.trivia(&below, indent);
    }

    fn entry(&mut self, entry: Entry, indent: usize) {
        let Entry { above, head, column, value, comment, .. } = entry;
        self.trivia(&above, indent);
        let head = indented(&head, indent);
        match value {
            Value::None => self.line(&beside(head, comment.as_ref())),
            Value::Beside(lines) => {
                let mut lines = moved(&lines, column, indent);
                lines[0] = format!("{head} {}", lines[0].trim_start());
                self.opaque(lines, comment.as_ref());
            }
            Value::Below { column, head_comment, between, lines } => {
                self.line(&beside(head, head_comment.as_ref()));
                self.trivia(&between, indent + STEP);
                let mut lines = moved(&lines, column, indent + STEP);
                lines[0] = indented(lines[0].trim_start(), indent + STEP);
                self.opaque(lines, comment.as_ref());
            }
            Value::Block { header, lines } => {
                self.line(&format!("{head} {header}"));
                moved(&lines, column, indent).iter().for_each(|line| self.as_it_is(line));
            }
            Value::Entries { beside: between, inside } => {
                let compact = head.ends_with('-')
                    && between.is_empty()
                    && comment.is_none()
                    && inside.entries.first().is_some_and(|first| first.above.is_empty() && !first.key.is_empty());
                if compact {
                    let from = self.0.len();
                    self.entries(inside, indent + STEP);
                    self.0.replace_range(from + indent..from + indent + 1, "-");
                    return;
                }
                let head = if between.is_empty() { head } else { format!("{head} {between}") };
                self.line(&beside(head, comment.as_ref()));
                self.entries(inside, indent + STEP);
            }
        }
    }

    /// Lines of a value, with the comment after the last.
    fn opaque(&mut self, mut lines: Vec<String>, comment: Option<&Comment>) {
        if let Some(last) = lines.pop() {
            lines.iter().for_each(|line| self.as_it_is(line));
            self.line(&beside(last, comment));
        }
    }
}

/// A line with its comment, which stays in its column where there is room for it.
fn beside(line: String, comment: Option<&Comment>) -> String {
    let Some(Comment { column, text }) = comment else { return line };
    let width = line.chars().count();
    let column = if width < *column { *column } else { width + 2 };
    format!("{line:column$}{text}")
}

fn indented(text: &str, indent: usize) -> String {
    format!("{:indent$}{text}", "")
}

/// Lines that belong to what stood at one column and stands at another now.
fn moved(lines: &[String], from: usize, to: usize) -> Vec<String> {
    let moved = |line: &String| {
        let spaces = line.len() - line.trim_start_matches(' ').len();
        // Spaces may be the text of a block.
        if line.is_empty() {
            return String::new();
        }
        indented(&line[spaces..], (spaces + to).saturating_sub(from))
    };
    lines.iter().map(moved).collect()
}

/// The entries of a section in the order of the reference, if every key is known, stands once, and it is certain which
/// comment belongs to which; else as they are.
fn in_order(section: Entries) -> Vec<Entry> {
    let Entries { mut entries, keys: Some(keys), .. } = section else { return section.entries };
    let place = |entry: &Entry| keys.known.iter().position(|key| key.name == entry.key);
    let mut places: Vec<Option<usize>> = entries.iter().map(place).collect();
    if places.is_sorted() || places.contains(&None) || !entries.iter().all(owns_its_comments) {
        return entries;
    }
    places.sort();
    if places.windows(2).any(|pair| pair[0] == pair[1]) {
        return entries;
    }
    entries.sort_by_key(place);
    if let Some(first) = entries.first_mut() {
        let comment = first.above.iter().position(|line| *line != Trivia::Blank);
        first.above.drain(..comment.unwrap_or(first.above.len()));
    }
    entries
}

/// No blank line divides it from the comments above it.
fn owns_its_comments(entry: &Entry) -> bool {
    !entry.above.windows(2).any(|pair| matches!(pair, [Trivia::Comment(_), Trivia::Blank]))
}
