//! Where one YAML document of a text ends and the next one begins.
//!
//! YAML forbids a line that begins with `---` or `...` inside every kind of scalar, so lines are all that is looked
//! at, and a syntax error in one document cannot swallow the others.

use std::ops::Range;

/// The byte ranges of the documents, in order; together they are the text without a leading byte order mark.
pub(in crate::policy) fn documents(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut begun = false;
    let mut at = start;
    for line in text[start..].split_inclusive('\n') {
        let next = at + line.len();
        if is_marker(line, "---") {
            if begun {
                found.push(start..at);
                start = at;
            }
            begun = true;
        } else if is_marker(line, "...") {
            found.push(start..next);
            start = next;
            begun = false;
        } else if !begun && !line.trim_start().is_empty() && !line.trim_start().starts_with('#') {
            // Directives belong to the document whose `---` follows them.
            begun = !line.starts_with('%');
        }
        at = next;
    }
    found.push(start..text.len());
    found
}

fn is_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<&str> {
        documents(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn documents_begin_at_their_marker() {
        assert_eq!(pieces("a: 1\n---\nb: 2\n--- # c\nd: 4"), ["a: 1\n", "---\nb: 2\n", "--- # c\nd: 4"]);
        assert_eq!(pieces("---\r\na: 1\r\n---\r\nb: 2"), ["---\r\na: 1\r\n", "---\r\nb: 2"]);
        assert_eq!(pieces("\u{feff}a: 1"), ["a: 1"]);
    }

    #[test]
    fn comments_and_directives_belong_to_what_follows() {
        assert_eq!(pieces("# about\n%YAML 1.2\n---\na: 1\n"), ["# about\n%YAML 1.2\n---\na: 1\n"]);
        assert_eq!(
            pieces("a: 1\n...\n%YAML 1.2\n---\nb: 2\n...\n"),
            ["a: 1\n...\n", "%YAML 1.2\n---\nb: 2\n...\n", ""]
        );
    }

    #[test]
    fn what_only_looks_like_a_marker_is_not_one() {
        for text in ["a: |\n  ---\n  ...\n", "---a: 1\n", "a: ---\n", "----\n", "....\n"] {
            assert_eq!(pieces(text).len(), 1, "{text}");
        }
    }
}
