//! Markdown of the GitHub kind, in which no name can open a cell, a tag or a code span of its own.

use std::io::{self, Write};

use super::style::plain;

/// Text as it is: what would be markup is escaped. Code spans that the text brings in pairs of backticks stay.
pub(super) fn text(text: &str) -> String {
    let text = plain(text);
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return escaped(&text);
    }
    let mut shown = String::new();
    for (position, part) in parts.iter().enumerate() {
        if position % 2 == 0 { shown.push_str(&escaped(part)) } else { shown.push_str(&code(part)) }
    }
    shown
}

fn escaped(text: &str) -> String {
    let mut shown = String::new();
    let mut chars = text.chars().peekable();
    let mut in_word = false;
    while let Some(c) = chars.next() {
        let joins_words = in_word && chars.peek().is_some_and(|next| next.is_alphanumeric());
        let markup = match c {
            '_' => !joins_words,
            _ => matches!(c, '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '~' | '&'),
        };
        if markup {
            shown.push('\\');
        }
        shown.push(c);
        in_word = c.is_alphanumeric();
    }
    shown
}

/// A code span, for names and SQL.
pub(super) fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let text = plain(text);
    let fence = "`".repeat(longest_run(&text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A fenced block that its content cannot close.
pub(super) fn fenced(language: &str, content: &str) -> String {
    let fence = "`".repeat(longest_run(content).max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", content.trim_end())
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

/// Writes a row of cells that are markdown already. A pipe would end a cell, also inside of a code span; only a table
/// knows the backslash in one.
pub(super) fn row<S: AsRef<str>>(cells: impl IntoIterator<Item = S>, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "|")?;
    for cell in cells {
        write!(out, " {} |", cell.as_ref().replace('|', "\\|"))?;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside_of_their_code_span_and_cell() {
        assert_eq!(code("shop.orders"), "`shop.orders`");
        assert_eq!(code("a|b"), "`a|b`");
        let mut out = Vec::new();
        row([code("a|b"), text("c|d")], &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "| `a\\|b` | c\\|d |\n");
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code("a\nb"), r"`a\nb`");
    }

    #[test]
    fn text_is_not_markup_except_for_its_own_code_spans() {
        assert_eq!(text("<img src=x> *a* a|b [c](d)"), r"\<img src=x\> \*a\* a|b \[c\](d)");
        assert_eq!(text("run `partctl init` | then <b>"), r"run `partctl init` | then \<b\>");
        assert_eq!(text("a`b"), r"a\`b");
        assert_eq!(text("orders_2024 _and_"), r"orders_2024 \_and\_");
    }

    #[test]
    fn a_fence_is_longer_than_any_in_its_content() {
        assert_eq!(fenced("sql", "select '````';\n"), "`````sql\nselect '````';\n`````\n");
    }
}
