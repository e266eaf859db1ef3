//! Archives as a list: what is told of each, for people, for machines, and for pages.

use std::io::{self, Write};

use chrono::{DateTime, Utc};
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use tabled::settings::Alignment;

use super::amounts::{bytes, count};
use super::grid::grid;
use super::markdown::{row, text};
use super::schemas::schema_of;
use super::style::{Screen, Tone, plain, plural, wrap};
use crate::manifest::{ArchiveState, ListedArchive};
use crate::plan::codes;

const COLUMNS: [(&str, Alignment); 8] = [
    ("ID", Alignment::right()),
    ("TABLE", Alignment::left()),
    ("PARTITION", Alignment::left()),
    ("RANGE", Alignment::left()),
    ("ARCHIVED", Alignment::left()),
    ("ROWS", Alignment::right()),
    ("BYTES", Alignment::right()),
    ("STATE", Alignment::left()),
];

/// What a narrow screen gives up.
const GIVEN_UP: [&[usize]; 3] = [&[], &[4], &[4, 1]];

const NONE: &str = "There is no archive.";

/// Writes the archives as aligned text, and below it what is wrong with them.
///
/// # Errors
/// Those of `out`.
pub fn archives_table(archives: &[ListedArchive], screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    if archives.is_empty() {
        return writeln!(out, "{NONE}");
    }
    let rows: Vec<[String; 8]> = archives.iter().map(cells).collect();
    let lines = grid(&COLUMNS, &GIVEN_UP, &rows, screen.room(0));
    writeln!(out, "{}", screen.paint(Tone::Quiet, &lines[0]))?;
    lines[1..].iter().try_for_each(|line| writeln!(out, "{line}"))?;
    for line in archives.iter().filter_map(trouble) {
        writeln!(out)?;
        wrap(&format!("! {line}"), screen.room(0)).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    writeln!(out, "\n{}", summary(archives))
}

/// Writes the archives as a table.
///
/// # Errors
/// Those of `out`.
pub fn archives_markdown(archives: &[ListedArchive], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## partctl archives\n")?;
    if archives.is_empty() {
        return writeln!(out, "{NONE}");
    }
    row(COLUMNS.map(|(title, _)| title.to_lowercase()), out)?;
    let right = [0, 5, 6];
    row((0..COLUMNS.len()).map(|column| if right.contains(&column) { "---:" } else { "---" }), out)?;
    archives.iter().try_for_each(|archive| row(cells(archive).iter().map(|cell| text(cell)), out))?;
    for line in archives.iter().filter_map(trouble) {
        writeln!(out, "\n- {}", text(&line))?;
    }
    writeln!(out, "\n{}", text(&summary(archives)))
}

fn cells(archive: &ListedArchive) -> [String; 8] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    [
        or_dash(archive.id.map(|id| id.to_string())),
        plain(&archive.parent),
        plain(&archive.partition),
        plain(&archive.range),
        or_dash(archive.archived_at.map(|at| at.format("%Y-%m-%d %H:%MZ").to_string())),
        or_dash(archive.rows.map(count)),
        or_dash(archive.bytes.map(bytes)),
        state(&archive.state),
    ]
}

fn state(state: &ArchiveState) -> String {
    match state {
        ArchiveState::Deleted { at, by, why, gone } => {
            let how = if *gone { "deleted" } else { "being deleted since" };
            format!("{how} {} by {}: {}", at.format("%Y-%m-%d"), plain(by), plain(why))
        }
        other => other.as_str().to_owned(),
    }
}

/// What is wrong with an archive, as a line.
fn trouble(archive: &ListedArchive) -> Option<String> {
    match &archive.state {
        ArchiveState::Damaged { object, problem } => {
            Some(format!("{} {}: {}", codes::ARCHIVE_DAMAGED.id, plain(object), plain(problem)))
        }
        ArchiveState::Unread(why) => Some(format!("{} could not be read: {}", plain(&archive.url), plain(why))),
        ArchiveState::Kept | ArchiveState::Sound | ArchiveState::Deleted { .. } => None,
    }
}

fn summary(archives: &[ListedArchive]) -> String {
    let there = || archives.iter().filter(|archive| !matches!(archive.state, ArchiveState::Deleted { .. }));
    let of = |word: &'static str| archives.iter().filter(|archive| archive.state.as_str() == word).count();
    let stored: u64 = there().filter_map(|archive| archive.bytes).sum();
    let mut parts = vec![format!("{}, {}", plural(there().count(), "archive"), bytes(stored))];
    let counted = ["verified", "damaged", "unread", "deleted"].map(|word| (word, of(word)));
    parts.extend(counted.iter().filter(|(_, count)| 0 < *count).map(|(word, count)| format!("{count} {word}")));
    parts.join(", ")
}

#[derive(Serialize, JsonSchema)]
struct Wire<'a> {
    #[schemars(extend("const" = "partctl-archives"))]
    format: &'static str,
    #[schemars(extend("const" = 1))]
    version: u32,
    archives: Vec<WireArchive<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct WireArchive<'a> {
    /// In the ledger; null where only the store was asked.
    id: Option<i64>,
    parent: &'a str,
    partition: &'a str,
    range: &'a str,
    archived_at: Option<DateTime<Utc>>,
    rows: Option<u64>,
    bytes: Option<u64>,
    url: &'a str,
    /// `kept`, `verified`, `damaged`, `unread`, `being_deleted` or `deleted`.
    state: &'static str,
    /// The object that is damaged.
    object: Option<&'a str>,
    /// What is wrong with it, or why it was not read.
    problem: Option<&'a str>,
    deleted_at: Option<DateTime<Utc>>,
    deleted_by: Option<&'a str>,
    reason: Option<&'a str>,
}

/// The schema of what [`archives_json`] writes.
pub(super) fn schema() -> Schema {
    schema_of::<Wire<'static>>()
}

/// Writes the archives as indented JSON of format `partctl-archives`.
///
/// # Errors
/// Those of `out`.
pub fn archives_json(archives: &[ListedArchive], out: &mut dyn Write) -> io::Result<()> {
    let archives = archives.iter().map(wire).collect();
    serde_json::to_writer_pretty(&mut *out, &Wire { format: "partctl-archives", version: 1, archives })?;
    writeln!(out)
}

fn wire(archive: &ListedArchive) -> WireArchive<'_> {
    let (mut object, mut problem, mut deletion) = (None, None, None);
    match &archive.state {
        ArchiveState::Damaged { object: name, problem: what } => {
            (object, problem) = (Some(name.as_str()), Some(what.as_str()))
        }
        ArchiveState::Unread(why) => problem = Some(why.as_str()),
        ArchiveState::Deleted { at, by, why, .. } => deletion = Some((*at, by.as_str(), why.as_str())),
        ArchiveState::Kept | ArchiveState::Sound => {}
    }
    WireArchive {
        id: archive.id,
        parent: &archive.parent,
        partition: &archive.partition,
        range: &archive.range,
        archived_at: archive.archived_at,
        rows: archive.rows,
        bytes: archive.bytes,
        url: &archive.url,
        state: archive.state.as_str(),
        object,
        problem,
        deleted_at: deletion.map(|(at, ..)| at),
        deleted_by: deletion.map(|(_, by, _)| by),
        reason: deletion.map(|(.., why)| why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::style::Colour;

    fn listed() -> Vec<ListedArchive> {
        let archive = |id, state| ListedArchive {
            id: Some(id),
            parent: "shop.orders".to_owned(),
            partition: "shop.orders_2024_10".to_owned(),
            range: "2024-10-01 … 2024-11-01".to_owned(),
            archived_at: DateTime::from_timestamp(1_795_000_000, 0),
            rows: Some(31_004_112),
            bytes: Some(3_300_000_000),
            url: "s3://acme/shop.orders/orders_2024_10/1".to_owned(),
            state,
        };
        let at = DateTime::from_timestamp(1_795_100_000, 0).unwrap();
        let problem = "it is not there".to_owned();
        vec![
            archive(7, ArchiveState::Kept),
            archive(
                8,
                ArchiveState::Damaged {
                    object: "s3://acme/shop.orders/orders_2024_10/1/part-00001.parquet".to_owned(),
                    problem,
                },
            ),
            archive(9, ArchiveState::Deleted { at, by: "dpo".to_owned(), why: "erasure | 77".to_owned(), gone: true }),
        ]
    }

    #[test]
    fn people_see_what_is_kept_and_what_is_wrong() {
        let mut out = Vec::new();
        archives_table(&listed(), Screen { width: 120, colour: Colour::Never }, &mut out).unwrap();
        archives_markdown(&listed()[2..], &mut out).unwrap();
        archives_table(&[], Screen { width: 120, colour: Colour::Never }, &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        ID  TABLE        PARTITION            RANGE                      ROWS   BYTES  STATE
         7  shop.orders  shop.orders_2024_10  2024-10-01 … 2024-11-01  31.0 M  3.1 GB  kept
         8  shop.orders  shop.orders_2024_10  2024-10-01 … 2024-11-01  31.0 M  3.1 GB  damaged
         9  shop.orders  shop.orders_2024_10  2024-10-01 … 2024-11-01  31.0 M  3.1 GB  deleted 2026-11-19 by dpo: erasure | 77

        ! PT192 s3://acme/shop.orders/orders_2024_10/1/part-00001.parquet: it is not there

        2 archives, 6.1 GB, 1 damaged, 1 deleted
        ## partctl archives

        | id | table | partition | range | archived | rows | bytes | state |
        | ---: | --- | --- | --- | --- | ---: | ---: | --- |
        | 9 | shop.orders | shop.orders_2024_10 | 2024-10-01 … 2024-11-01 | 2026-11-18 11:06Z | 31.0 M | 3.1 GB | deleted 2026-11-19 by dpo: erasure \| 77 |

        0 archives, 0 B, 1 deleted
        There is no archive.
        ");
    }

    #[test]
    fn machines_are_told_as_the_schema_says() {
        let mut out = Vec::new();
        archives_json(&listed(), &mut out).unwrap();
        let document: serde_json::Value = serde_json::from_slice(&out).unwrap();
        jsonschema::validate(&schema().to_value(), &document).unwrap();
        assert_eq!(document["archives"][1]["state"], "damaged");
        assert_eq!(document["archives"][2]["reason"], "erasure | 77");
    }
}
