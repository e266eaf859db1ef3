//! A document as lines that each have their place: entries, the comments that belong to them, and what stands around.
//!
//! Reads the parser's events for what is an entry and where; knows nothing of what the keys mean. Refuses what it is
//! not sure about.

use std::ops::Range;

use serde_saphyr::granit_parser::{Event, Marker, Parser, ScalarStyle, Span, StructureStyle};

use super::Unsure;
use crate::policy::check::KEYS;
use crate::policy::reference::Keys;

/// A document.
pub(super) struct Outline {
    /// What stands before the first entry: comments and `---`, line by line.
    pub head: Vec<String>,
    pub body: Entries,
    /// `...` and what stands after it.
    pub end: Vec<String>,
}

/// The entries of a map or a list.
pub(super) struct Entries {
    pub entries: Vec<Entry>,
    /// Comments after the last one.
    pub below: Vec<Trivia>,
    /// Of the section that they are; `None` where they keep their order.
    pub keys: Option<&'static Keys>,
}

/// A line that is no entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trivia {
    Blank,
    /// With its `#`, without the spaces before it.
    Comment(String),
}

/// `key: value` or `- value`, with the lines above it that are its own.
pub(super) struct Entry {
    pub above: Vec<Trivia>,
    /// `key:` or `-`.
    pub head: String,
    /// The key as it is written; empty for an item.
    pub key: String,
    /// Column of the key or of the dash, as it was.
    pub column: usize,
    pub value: Value,
    /// At the end of its line, or of the last one of its value.
    pub comment: Option<Comment>,
}

/// A comment that shares its line.
pub(super) struct Comment {
    /// Of its `#`, in characters, as it was.
    pub column: usize,
    pub text: String,
}

/// A value, by where it stands.
pub(super) enum Value {
    None,
    /// On the line of its head, and on lines below as they were: a scalar, brackets, an alias.
    Beside(Vec<String>),
    /// The same, beginning on a line of its own at this column. What stands between is a comment at the head's line,
    /// and lines.
    Below {
        column: usize,
        head_comment: Option<Comment>,
        between: Vec<Trivia>,
        lines: Vec<String>,
    },
    /// A `|` or `>` with all that stands on its line, and the lines of its text.
    Block {
        header: String,
        lines: Vec<String>,
    },
    /// Entries one level deeper, after an anchor or a tag.
    Entries {
        beside: String,
        inside: Entries,
    },
}

/// Where reading goes on: the first line that nobody has taken.
type Line = usize;

struct Reader<'a> {
    text: &'a str,
    /// Where each line begins.
    starts: Vec<usize>,
    events: Vec<(Event<'a>, Range<usize>)>,
    at: usize,
}

/// Reads a document; `None`: it has no entry at all.
pub(super) fn read(text: &str) -> Result<Option<Outline>, Unsure> {
    if text.replace("\r\n", "").contains('\r') {
        return Err(Unsure("lines end with a carriage return alone"));
    }
    let byte = |marker: &Marker| marker.byte_offset().ok_or(Unsure("places in it are not known"));
    let mut events = Vec::new();
    let mut anchored = false;
    for event in Parser::new_from_str(text) {
        let (event, Span { start, end, .. }) = event.map_err(|_| Unsure("it is not YAML"))?;
        let range = byte(&start)?..byte(&end)?;
        match &event {
            Event::StreamStart | Event::StreamEnd | Event::DocumentStart(..) | Event::DocumentEnd => continue,
            Event::Alias(_) => anchored = true,
            Event::Scalar(_, _, anchor, _) | Event::SequenceStart(_, anchor, _) | Event::MappingStart(_, anchor, _) => {
                anchored |= *anchor != 0;
            }
            _ => {}
        }
        events.push((event, range));
    }
    let after_newlines = text.match_indices('\n').map(|(newline, _)| newline + 1).filter(|start| *start < text.len());
    let starts = std::iter::once(0).chain(after_newlines).collect();
    let mut reader = Reader { text, starts, events, at: 0 };
    let first = match reader.events.first() {
        None => return Ok(None),
        Some((Event::Scalar(..), range)) if range.is_empty() => return Ok(None),
        Some((Event::MappingStart(StructureStyle::Block, _, _), range)) => reader.line_of(range.start),
        Some(_) => return Err(Unsure("it is no map with a key on each line")),
    };
    reader.at = 1;
    let head = (0..first).map(|line| reader.line(line).trim().to_owned()).collect::<Vec<_>>();
    if head.iter().any(|line| !(line.is_empty() || line.starts_with('#') || is_marker(line, "---"))) {
        return Err(Unsure("something stands before its first key"));
    }
    // An alias means what was named above it.
    let keys = if anchored { None } else { Some(&KEYS) };
    let (entries, next) = reader.map(first, first, keys)?;
    let (below, next) = reader.below(next, None);
    let end: Vec<String> = (next..reader.starts.len()).map(|line| reader.line(line).trim().to_owned()).collect();
    let is_end = |line: &String| line.is_empty() || line.starts_with('#') || is_marker(line, "...");
    if !end.iter().all(is_end) {
        return Err(Unsure("something stands after its last key"));
    }
    Ok(Some(Outline { head, body: Entries { entries, below, keys }, end }))
}

fn is_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| rest.trim_start().is_empty() || rest.trim_start().starts_with('#'))
}

impl<'a> Reader<'a> {
    fn line_of(&self, byte: usize) -> Line {
        self.starts.partition_point(|start| *start <= byte) - 1
    }

    fn line(&self, line: Line) -> &str {
        let end = self.starts.get(line + 1).copied().unwrap_or(self.text.len());
        self.text[self.starts[line]..end].trim_end_matches(['\r', '\n'])
    }

    fn end_of_line(&self, line: Line) -> usize {
        self.starts[line] + self.line(line).len()
    }

    fn next_event(&mut self) -> Result<(Event<'a>, Range<usize>), Unsure> {
        let event = self.events.get(self.at).cloned().ok_or(Unsure("it ends too soon"))?;
        self.at += 1;
        Ok(event)
    }

    /// The lines from one to before another, which hold no entry.
    fn trivia(&self, from: Line, to: Line) -> Result<Vec<Trivia>, Unsure> {
        let lines = (from..to).map(|line| trivia(self.line(line)).ok_or(Unsure("a line belongs to no key")));
        lines.collect()
    }

    /// The entries of a map whose first key stands on a line that may be that of a dash.
    fn map(&mut self, mut next: Line, first: Line, keys: Option<&'static Keys>) -> Result<(Vec<Entry>, Line), Unsure> {
        let mut entries = Vec::new();
        loop {
            let (event, range) = self.next_event()?;
            match event {
                Event::MappingEnd => return Ok((entries, next)),
                Event::Scalar(
                    _,
                    ScalarStyle::Plain | ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted,
                    0,
                    None,
                ) => {}
                _ => return Err(Unsure("a key is more than a word")),
            }
            let line = self.line_of(range.start);
            let column = range.start - self.starts[line];
            let before = &self.line(line)[..column];
            let is_beside_a_dash = entries.is_empty() && line == first && before.trim() == "-";
            if !(before.trim().is_empty() || is_beside_a_dash) {
                return Err(Unsure("a key shares its line with something else"));
            }
            let above = self.trivia(next, line)?;
            let key = self.text[range.clone()].to_owned();
            let after = self.text.get(range.end..self.end_of_line(line)).unwrap_or_default();
            let Some(gap) = after.find(':').filter(|at| after[..*at].trim().is_empty()) else {
                return Err(Unsure("a key and its value are far apart"));
            };
            let inside = keys.and_then(|keys| below_key(keys, &key));
            let (value, comment, after) = self.value(range.end + gap + 1, column, inside)?;
            entries.push(Entry { above, head: format!("{key}:"), key, column, value, comment });
            next = after;
        }
    }

    /// The items of a list, each with its dash on a line of its own.
    fn list(&mut self, mut next: Line, keys: Option<&'static Keys>) -> Result<(Vec<Entry>, Line), Unsure> {
        let mut entries = Vec::new();
        loop {
            if matches!(self.events.get(self.at), Some((Event::SequenceEnd, _))) {
                self.at += 1;
                return Ok((entries, next));
            }
            let dash = (next..self.starts.len()).find(|line| trivia(self.line(*line)).is_none());
            let line = dash.ok_or(Unsure("a list without a dash"))?;
            let column = self.line(line).len() - self.line(line).trim_start().len();
            let rest = self.line(line)[column..].strip_prefix('-');
            if !rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t'])) {
                return Err(Unsure("a list without a dash"));
            }
            let above = self.trivia(next, line)?;
            let (value, comment, after) = self.value(self.starts[line] + column + 1, column, keys)?;
            entries.push(Entry { above, head: "-".to_owned(), key: String::new(), column, value, comment });
            next = after;
        }
    }

    /// The value after a colon or a dash, whose entry stands at this column.
    fn value(
        &mut self,
        after: usize,
        column: usize,
        keys: Option<&'static Keys>,
    ) -> Result<(Value, Option<Comment>, Line), Unsure> {
        let line = self.line_of(after.min(self.text.len().saturating_sub(1)));
        let (event, range) = self.next_event()?;
        let kind = kind(&event, &range);
        let (beside, head_comment) = self.rest_of_line(line, after);
        match kind {
            Kind::Empty => {
                let value = if beside.is_empty() { Value::None } else { Value::Beside(vec![beside]) };
                Ok((value, head_comment, line + 1))
            }
            Kind::Block => {
                let header = self.text[after..self.end_of_line(line)].trim().to_owned();
                if !header.contains(['|', '>']) {
                    return Err(Unsure("a `|` or `>` stands on a line of its own"));
                }
                let lines = self.block(line + 1, column, &header);
                let next = line + 1 + lines.len();
                Ok((Value::Block { header, lines }, None, next))
            }
            Kind::Opaque => {
                let end = self.end_of_opaque(range.clone())?;
                let last = self.line_of(end.saturating_sub(1).max(range.start));
                let (rest, comment) = self.rest_of_line(last, end);
                if !rest.is_empty() {
                    return Err(Unsure("something follows a value on its line"));
                }
                let own = |from: usize| -> Vec<String> {
                    self.text[from..end].trim_start().lines().map(|line| line.trim_end().to_owned()).collect()
                };
                let begins = self.line_of(range.start);
                if begins == line {
                    return Ok((Value::Beside(own(after)), comment, last + 1));
                }
                if !beside.is_empty() {
                    return Err(Unsure("an anchor or a tag stands on another line than its value"));
                }
                let between = self.trivia(line + 1, begins)?;
                let column = range.start - self.starts[begins];
                let lines = own(range.start);
                Ok((Value::Below { column, head_comment, between, lines }, comment, last + 1))
            }
            Kind::Map | Kind::List => {
                let begins = self.line_of(range.start);
                let (entries, next, beside, comment) = if kind == Kind::List {
                    if begins == line && !beside.is_empty() {
                        return Err(Unsure("a list begins on the line of another"));
                    }
                    let (entries, next) = self.list(line + 1, keys)?;
                    (entries, next, beside, head_comment)
                } else if begins == line {
                    let (entries, next) = self.map(line, line, keys)?;
                    (entries, next, String::new(), None)
                } else {
                    let (entries, next) = self.map(line + 1, line, keys)?;
                    (entries, next, beside, head_comment)
                };
                let (below, next) = self.below(next, Some(column));
                let keys = keys.filter(|_| kind == Kind::Map);
                Ok((Value::Entries { beside, inside: Entries { entries, below, keys } }, comment, next))
            }
        }
    }

    /// What stands after a place on its line, and its comment.
    fn rest_of_line(&self, line: Line, from: usize) -> (String, Option<Comment>) {
        let rest = &self.text[from.min(self.end_of_line(line))..self.end_of_line(line)];
        let mut hashes = rest.match_indices('#').map(|(at, _)| at);
        let Some(hash) = hashes.find(|at| *at == 0 || rest[..*at].ends_with([' ', '\t'])) else {
            return (rest.trim().to_owned(), None);
        };
        let column = self.text[self.starts[line]..from + hash].chars().count();
        let comment = Comment { column, text: rest[hash..].trim_end().to_owned() };
        (rest[..hash].trim().to_owned(), Some(comment))
    }

    /// The end of a scalar, an alias or what stands in brackets.
    fn end_of_opaque(&mut self, range: Range<usize>) -> Result<usize, Unsure> {
        let mut depth = 0_usize;
        let mut end = range.end;
        if !matches!(self.events[self.at - 1].0, Event::MappingStart(..) | Event::SequenceStart(..)) {
            return Ok(end);
        }
        loop {
            let (event, range) = self.next_event()?;
            end = end.max(range.end);
            match event {
                Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
                Event::MappingEnd | Event::SequenceEnd if depth == 0 => return Ok(end),
                Event::MappingEnd | Event::SequenceEnd => depth -= 1,
                _ => {}
            }
        }
    }

    /// The text lines of a `|` or `>`: all that are blank or stand deeper; blank ones at the end only where kept (`+`).
    fn block(&self, from: Line, column: usize, header: &str) -> Vec<String> {
        let lines = (from..self.starts.len()).map(|line| self.line(line));
        let inside = |line: &&str| line.trim().is_empty() || column < line.len() - line.trim_start_matches(' ').len();
        let mut lines: Vec<String> = lines.take_while(inside).map(str::to_owned).collect();
        let keeps = header.split('#').next().is_some_and(|header| header.contains('+'));
        while !keeps && lines.last().is_some_and(|line| line.trim().is_empty()) {
            lines.pop();
        }
        lines
    }

    /// Comments after the last entry of a map or a list, as deep as it: deeper than what it is the value of.
    fn below(&self, from: Line, owner: Option<usize>) -> (Vec<Trivia>, Line) {
        let (mut taken, mut next) = (Vec::new(), from);
        let mut waiting = Vec::new();
        for line in from..self.starts.len() {
            let text = self.line(line);
            match trivia(text) {
                Some(Trivia::Blank) => waiting.push(Trivia::Blank),
                Some(comment) if owner.is_none_or(|owner| owner < text.len() - text.trim_start().len()) => {
                    taken.append(&mut waiting);
                    taken.push(comment);
                    next = line + 1;
                }
                _ => break,
            }
        }
        if owner.is_none() {
            next += waiting.len();
            taken.append(&mut waiting);
        }
        (taken, next)
    }
}

fn trivia(line: &str) -> Option<Trivia> {
    match line.trim() {
        "" => Some(Trivia::Blank),
        text if text.starts_with('#') => Some(Trivia::Comment(text.to_owned())),
        _ => None,
    }
}

/// The section that a key leads to.
fn below_key(keys: &'static Keys, key: &str) -> Option<&'static Keys> {
    let key = keys.known.iter().find(|known| known.name == key)?;
    key.shape.sections().first().copied()
}

/// What layout tells values apart by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Empty,
    Block,
    /// A scalar, an alias, or a list or map in brackets.
    Opaque,
    Map,
    List,
}

fn kind(event: &Event<'_>, range: &Range<usize>) -> Kind {
    match event {
        Event::Scalar(_, ScalarStyle::Plain, ..) if range.is_empty() => Kind::Empty,
        Event::Scalar(_, ScalarStyle::Literal | ScalarStyle::Folded, ..) => Kind::Block,
        Event::MappingStart(StructureStyle::Block, ..) => Kind::Map,
        Event::SequenceStart(StructureStyle::Block, ..) => Kind::List,
        _ => Kind::Opaque,
    }
}
