//! The parameters of an SQL statement, found without parsing SQL: only quotes and comments are understood.

/// What a text of SQL shows from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    /// The highest `$n`, 0 without any.
    pub parameters: usize,
    /// How many statements there are that are not empty.
    pub statements: usize,
    /// The first word.
    pub first_word: String,
    /// Where the first statement ends, its semicolon excluded.
    pub end: usize,
}

/// A piece of SQL, with its length in bytes where the text does not tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// White space or a comment.
    Blank(usize),
    /// The end of a statement.
    Semicolon,
    /// `$1`: its digits.
    Parameter(&'a str),
    /// An identifier, keyword or number.
    Word(&'a str),
    /// Anything else, among it whatever is quoted.
    Other(usize),
}

impl Token<'_> {
    /// Its length in bytes.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Blank(len) | Self::Other(len) => *len,
            Self::Semicolon => 1,
            Self::Parameter(digits) => 1 + digits.len(),
            Self::Word(word) => word.len(),
        }
    }
}

/// The piece at the start; `None` at the end.
pub(super) fn token(rest: &str) -> Option<Token<'_>> {
    let c = rest.chars().next()?;
    if let Some(len) = blank(rest) {
        return Some(Token::Blank(len));
    }
    if c == ';' {
        return Some(Token::Semicolon);
    }
    if let Some(digits) = parameter(rest) {
        return Some(Token::Parameter(digits));
    }
    let word = word(rest);
    Some(match quoted(rest, word) {
        Some(len) => Token::Other(len),
        None if word.is_empty() => Token::Other(c.len_utf8()),
        None => Token::Word(word),
    })
}

/// Looks at SQL outside of quotes and comments.
pub(super) fn scan(sql: &str) -> Statement {
    let mut found = Statement { parameters: 0, statements: 0, first_word: String::new(), end: sql.len() };
    let mut inside = false;
    let mut at = 0;
    while let Some(token) = token(&sql[at..]) {
        match token {
            Token::Blank(_) => {}
            Token::Semicolon => {
                if inside && found.statements == 1 {
                    found.end = at;
                }
                inside = false;
            }
            Token::Parameter(_) | Token::Word(_) | Token::Other(_) if !inside => {
                inside = true;
                found.statements += 1;
            }
            Token::Parameter(_) | Token::Word(_) | Token::Other(_) => {}
        }
        match token {
            Token::Parameter(digits) => {
                found.parameters = found.parameters.max(digits.parse().unwrap_or(usize::MAX));
            }
            Token::Word(word) if found.first_word.is_empty() => found.first_word = word.to_owned(),
            Token::Blank(_) | Token::Semicolon | Token::Word(_) | Token::Other(_) => {}
        }
        at += token.len();
    }
    found
}

/// The length of white space or a comment at the start; an unclosed comment goes to the end.
fn blank(rest: &str) -> Option<usize> {
    if rest.starts_with("--") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        let (mut depth, mut at) = (0_usize, 0);
        while at < rest.len() {
            let here = &rest.as_bytes()[at..];
            let step = match (here.starts_with(b"/*"), here.starts_with(b"*/")) {
                (true, _) => {
                    depth += 1;
                    2
                }
                (_, true) => {
                    depth -= 1;
                    2
                }
                _ => 1,
            };
            at += step;
            if depth == 0 {
                return Some(at);
            }
        }
        return Some(rest.len());
    }
    rest.chars().next().filter(|c| c.is_whitespace()).map(char::len_utf8)
}

/// The digits of `$1`.
fn parameter(rest: &str) -> Option<&str> {
    let digits = rest.strip_prefix('$')?;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    (0 < end).then(|| &digits[..end])
}

/// An identifier, keyword or number at the start; `$` may stand inside one.
fn word(rest: &str) -> &str {
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len());
    if rest.starts_with('$') { "" } else { &rest[..end] }
}

/// The length of a quoted text at the start, with the word before it that says how its backslashes are meant.
fn quoted(rest: &str, word: &str) -> Option<usize> {
    let body = &rest[word.len()..];
    let escapes = matches!(word, "e" | "E");
    if body.starts_with('\'') {
        return Some(word.len() + closing(body, '\'', escapes));
    }
    if body.starts_with('"') && word.is_empty() {
        return Some(closing(body, '"', false));
    }
    if word.is_empty() && body.starts_with('$') {
        let tag_end = 1 + body[1..].find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(0);
        let tag = body.get(..=tag_end).filter(|tag| tag.ends_with('$'))?;
        let end = body[tag.len()..].find(tag).map_or(body.len(), |at| tag.len() + at + tag.len());
        return Some(end);
    }
    None
}

/// The length up to and with the closing quote; doubled quotes close and open again, which comes to the same.
fn closing(body: &str, quote: char, escapes: bool) -> usize {
    let mut chars = body.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == quote {
            return at + c.len_utf8();
        }
        if escapes && c == '\\' {
            chars.next();
        }
    }
    body.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_counted_outside_of_quotes_and_comments() {
        for (sql, parameters) in [
            ("select 1", 0),
            ("select $1, $2, $1", 2),
            ("select $10", 10),
            ("select '$1', \"$2\", $3", 3),
            ("select E'\\'$4', $1", 1),
            ("select 'it''s $4', $1", 1),
            ("select $tag$ $5 $x$ $tag$, $1", 1),
            ("select $$ $5 $$, $2", 2),
            ("select 1 -- $7\n, $1", 1),
            ("select /* /* $7 */ $8 */ $1", 1),
            ("select a$1 from b", 0),
            ("select é$1", 0),
            ("select $1::date", 1),
            ("select '$1", 0),
            ("select $", 0),
            ("select $é", 0),
            ("select $99999999999999999999999", usize::MAX),
        ] {
            assert_eq!(scan(sql).parameters, parameters, "{sql}");
        }
    }

    #[test]
    fn statements_are_counted_and_the_first_is_cut_out() {
        for (sql, statements, first) in [
            ("select 1;", 1, "select 1"),
            ("select 1; -- done", 1, "select 1"),
            ("select ';';  ", 1, "select ';'"),
            ("select 1; drop table a", 2, "select 1"),
            (" ; select 1", 1, " ; select 1"),
            ("-- nothing", 0, "-- nothing"),
        ] {
            let statement = scan(sql);
            assert_eq!((statement.statements, &sql[..statement.end]), (statements, first), "{sql}");
        }
        assert_eq!(scan("/* x */ (Select 1)").first_word, "Select");
    }
}
