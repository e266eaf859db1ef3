//! Drafts as text: a policy document with its remarks as comments.

use super::level::LevelDraft;
use super::{Draft, Setting, Unwritten};
use crate::policy::{Source, format};

/// Columns that a comment takes at most.
const WIDTH: usize = 100;

impl Draft {
    /// The document. `explained` stands above it: what is left to say of it, line by line.
    pub fn text(&self, explained: &[String]) -> String {
        let mut text = comments(&self.remarks);
        text.push_str(&comments(explained));
        text.push_str(&format!("version: 1\ntable: {}\n\npartition:\n", yaml(&self.table.to_string())));
        text.push_str(&level_text(&self.level, 2));
        for (section, settings) in [("create", &self.create), ("retain", &self.retain), ("locks", &self.locks)] {
            if !settings.is_empty() {
                text.push_str(&format!("\n{section}:\n{}", settings_text(settings, 2)));
            }
        }
        let source = Source { path: self.table.to_string(), text };
        format(&source).map_or(source.text, |formatted| formatted.text)
    }
}

/// What to write of a table that gets no policy: comments alone.
pub fn unwritten(table: &Unwritten) -> String {
    let mut lines = vec![format!("No policy for {}.", table.table)];
    lines.extend(table.why.iter().cloned());
    comments(&lines)
}

/// The keys of a level, so deep.
pub(super) fn level_text(level: &LevelDraft, indent: usize) -> String {
    let mut text = settings_text(&level.settings, indent);
    if !level.groups.is_empty() {
        text.push_str(&format!("{:indent$}values:\n", ""));
        for (name, values) in &level.groups {
            let values: Vec<String> = values
                .iter()
                .map(|value| value.as_ref().map_or_else(|| "null".to_owned(), |text| yaml(text)))
                .collect();
            text.push_str(&format!("{:1$}{2}: [{3}]\n", "", indent + 2, yaml(name), values.join(", ")));
        }
    }
    for (section, settings) in [("create", &level.create), ("retain", &level.retain)] {
        if !settings.is_empty() {
            text.push_str(&format!("{:indent$}{section}:\n{}", "", settings_text(settings, indent + 2)));
        }
    }
    if let Some(below) = &level.below {
        text.push_str(&format!("{:indent$}subpartition:\n{}", "", level_text(below, indent + 2)));
    }
    text
}

fn settings_text(settings: &[Setting], indent: usize) -> String {
    let line = |setting: &Setting| {
        let remark = setting.remark.as_ref().map(|remark| format!("  # {remark}")).unwrap_or_default();
        format!("{:indent$}{}: {}{remark}\n", "", setting.key, setting.value)
    };
    settings.iter().map(line).collect()
}

/// Sentences as comments, each on lines of its own.
fn comments(sentences: &[String]) -> String {
    let mut text = String::new();
    for sentence in sentences {
        let mut line = "#".to_owned();
        for word in sentence.split_whitespace() {
            // Control characters end a comment, or are refused by YAML.
            let word: String = word.chars().flat_map(shown).collect();
            if line.chars().count() + word.chars().count() < WIDTH || line.len() < 2 {
                line.push_str(&format!(" {word}"));
            } else {
                text.push_str(&format!("{line}\n"));
                line = format!("#   {word}");
            }
        }
        text.push_str(&format!("{line}\n"));
    }
    text
}

fn shown(c: char) -> Vec<char> {
    if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') {
        c.escape_default().collect()
    } else {
        vec![c]
    }
}

/// A text as a YAML scalar that reads back as itself.
pub(super) fn yaml(text: &str) -> String {
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    let is_number = !text.is_empty() && text.len() < 19 && text.bytes().all(|byte| byte.is_ascii_digit());
    let means_nothing = matches!(text.to_ascii_lowercase().as_str(), "null" | "true" | "false");
    if (is_word || is_number) && !means_nothing {
        text.to_owned()
    } else if text.chars().any(|c| c.is_control() || c == '\'' || !c.is_ascii()) {
        serde_json::to_string(text).expect("a text is JSON")
    } else {
        format!("'{text}'")
    }
}
