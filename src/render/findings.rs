//! Findings for a person: errors first, the rest of a long series counted.

use std::io::{self, Write};

use super::amounts;
use super::style::{Screen, Tone, first_few, name, plain, wrap};
use crate::plan::{Finding, Severity, codes};

/// Findings of one kind about one table that are shown before the rest is counted.
const SHOWN: usize = 10;
/// Lines of evidence that are shown before the rest is counted.
const EVIDENCE: usize = 4;

/// A finding in words, without its severity.
pub(super) struct Told {
    pub(super) severity: Severity,
    pub(super) id: &'static str,
    pub(super) text: String,
    /// What was measured.
    pub(super) evidence: Vec<String>,
    pub(super) hint: Option<String>,
    /// `queries/orders.sql:3`
    pub(super) place: Option<String>,
}

/// The findings, errors first, in words.
pub(super) fn told<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<Told> {
    let mut findings: Vec<&Finding> = findings.collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let mut told: Vec<Told> = Vec::new();
    let mut rest = findings.as_slice();
    while let Some(first) = rest.first() {
        let alike = |finding: &Finding| {
            finding.code == first.code && (finding.table == first.table || first.code == codes::UNMANAGED_TABLE)
        };
        let series = rest.iter().take_while(|finding| alike(finding)).count();
        let (series, others) = rest.split_at(series);
        rest = others;
        if first.code == codes::UNMANAGED_TABLE && 1 < series.len() {
            told.push(unmanaged(series));
            continue;
        }
        let shown = if series.len() <= SHOWN { series.len() } else { SHOWN - 1 };
        told.extend(series[..shown].iter().map(|finding| one(finding)));
        if shown < series.len() {
            let text =
                format!("{} more of this kind (`-o json` has all)", amounts::in_full((series.len() - shown) as u64));
            told.push(Told { text: about(first, &text), ..bare(first) });
        }
    }
    told
}

fn bare(finding: &Finding) -> Told {
    Told {
        severity: finding.severity,
        id: finding.code.id,
        text: String::new(),
        evidence: Vec::new(),
        hint: None,
        place: None,
    }
}

fn one(finding: &Finding) -> Told {
    // What is only worth knowing takes one line: its hint says no more than that nothing needs to be done.
    let needs_a_person = finding.severity != Severity::Info || finding.failure().is_some();
    let hint = finding.hint.as_ref().filter(|_| needs_a_person);
    let mut evidence: Vec<String> = Vec::new();
    if needs_a_person {
        let rest = finding.evidence().len().saturating_sub(EVIDENCE);
        evidence.extend(finding.evidence().iter().take(EVIDENCE).map(|line| plain(line)));
        evidence.extend((0 < rest).then(|| format!("and {rest} more (`-o json` has all)")));
    }
    let place = finding.location().map(|at| plain(&format!("{}:{}", at.path, at.line)));
    Told {
        text: about(finding, &plain(&finding.message)),
        evidence,
        hint: hint.map(|hint| plain(hint)),
        place,
        ..bare(finding)
    }
}

fn about(finding: &Finding, text: &str) -> String {
    finding.table.as_ref().map_or_else(|| text.to_owned(), |table| format!("{}: {text}", name(table)))
}

fn unmanaged(series: &[&Finding]) -> Told {
    let tables: Vec<String> = series.iter().filter_map(|finding| finding.table.as_ref()).map(name).collect();
    let text = format!("{} partitioned tables have no policy: {}", tables.len(), first_few(&tables, 3));
    Told { text, ..bare(series[0]) }
}

/// Writes them as `! PT102 shop.orders: ...`, with `?` for warnings and `i` for what is only worth knowing.
pub(super) fn write(told: &[Told], screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    for finding in told {
        let (sign, tone) = match finding.severity {
            Severity::Error => ('!', Tone::Error),
            Severity::Warning => ('?', Tone::Warning),
            Severity::Info => ('i', Tone::Quiet),
        };
        let label = format!("{sign} {} ", finding.id);
        let indent = label.len();
        for (line, text) in wrap(&finding.text, screen.room(indent)).iter().enumerate() {
            match line {
                0 => writeln!(out, "{}{text}", screen.paint(tone, &label))?,
                _ => writeln!(out, "{:indent$}{text}", "")?,
            }
        }
        for line in finding.evidence.iter().flat_map(|line| wrap(line, screen.room(indent))) {
            writeln!(out, "{:indent$}{}", "", screen.paint(Tone::Quiet, &line))?;
        }
        if let Some(place) = &finding.place {
            writeln!(out, "{:indent$}{}", "", screen.paint(Tone::Quiet, &format!("at {place}")))?;
        }
        let hint = finding.hint.as_ref().map(|hint| format!("hint: {hint}")).unwrap_or_default();
        for text in wrap(&hint, screen.room(indent)) {
            writeln!(out, "{:indent$}{}", "", screen.paint(Tone::Quiet, &text))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::style::Colour;
    use crate::sql::QualifiedName;

    fn shown(findings: &[Finding], width: usize) -> String {
        let mut out = Vec::new();
        write(&told(findings.iter()), Screen { width, colour: Colour::Never }, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn orders() -> QualifiedName {
        QualifiedName::new("shop", "orders")
    }

    #[test]
    fn errors_come_first_and_hints_stand_below_what_needs_a_person() {
        let findings = [
            Finding::about(codes::UNMANAGED_TABLE, &QualifiedName::new("app", "log"), "is partitioned and no policy manages it")
                .hint("write a policy for it, or leave it"),
            Finding::about(codes::DEFAULT_HOLDS_ROWS, &orders(), "DEFAULT shop.orders_default holds about 12 rows").hint("look at them"),
            Finding::about(
                codes::ROWS_IN_DEFAULT,
                &orders(),
                "DEFAULT shop.orders_default holds 1204 rows of 2027-03-01 … 2027-04-01, so that partition cannot be made",
            )
            .hint("move them out: select them with at >= '2027-03-01'::date"),
        ];
        insta::assert_snapshot!(shown(&findings, 80), @"
        ! PT102 shop.orders: DEFAULT shop.orders_default holds 1204 rows of 2027-03-01 …
                2027-04-01, so that partition cannot be made
                hint: move them out: select them with at >= '2027-03-01'::date
        ? PT116 shop.orders: DEFAULT shop.orders_default holds about 12 rows
                hint: look at them
        i PT120 app.log: is partitioned and no policy manages it
        ");
    }

    #[test]
    fn a_long_series_is_counted_and_unmanaged_tables_share_a_line() {
        let mut findings: Vec<Finding> =
            (0..14).map(|n| Finding::about(codes::HELD, &orders(), format!("orders_{n} is over, and held"))).collect();
        findings.extend(["a", "b", "c", "d"].map(|table| {
            Finding::about(
                codes::UNMANAGED_TABLE,
                &QualifiedName::new("app", table),
                "is partitioned and no policy manages it",
            )
        }));
        let shown = shown(&findings, 200);
        insta::assert_snapshot!(shown.lines().skip(8).collect::<Vec<_>>().join("\n"), @"
        i PT111 shop.orders: orders_8 is over, and held
        i PT111 shop.orders: 5 more of this kind (`-o json` has all)
        i PT120 4 partitioned tables have no policy: app.a, app.b, app.c and 1 more
        ");
    }

    #[test]
    fn a_message_cannot_break_out_of_its_line() {
        let finding = Finding::about(codes::HELD, &QualifiedName::new("a", "b\nc"), "x\n! PT999 forged");
        assert_eq!(shown(&[finding], 200), "i PT111 a.\"b\\nc\": x\\n! PT999 forged\n");
    }
}
