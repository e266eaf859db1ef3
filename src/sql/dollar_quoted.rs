//! A body between dollar quotes whose tag the body cannot close: names may hold any text, also `$tag$`.

use std::fmt;

/// The body of a DO block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DollarQuoted<'a>(pub &'a str);

impl fmt::Display for DollarQuoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tags = (0..).map(|n: u32| if n == 0 { "$partctl$".to_owned() } else { format!("$partctl{n}$") });
        let tag = tags.into_iter().find(|tag| !self.0.contains(tag.as_str())).expect("a text holds finitely many tags");
        write!(f, "{tag}{}{tag}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_cannot_end_its_own_quote() {
        assert_eq!(DollarQuoted("BEGIN END").to_string(), "$partctl$BEGIN END$partctl$");
        assert_eq!(DollarQuoted("x$partctl$; DROP").to_string(), "$partctl1$x$partctl$; DROP$partctl1$");
        assert_eq!(DollarQuoted("$partctl$ $partctl1$").to_string(), "$partctl2$$partctl$ $partctl1$$partctl2$");
    }
}
