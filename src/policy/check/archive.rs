//! `archive`: where rows of partitions go before these are dropped, and how they are written there.

use crate::policy::document::Node;
use crate::policy::model::{Archive, Then};
use crate::policy::reference::{INTERVAL, Key, Keys, Shape};
use crate::rows::{Compression, Format, Layout};

use super::level::ReadLevel;
use super::report::{Report, Wholeness};
use super::scalars::{choice, count, interval, scalar, shown, text, words};
use super::section::Section;
use super::{nearest, rules};

pub(super) static KEYS: Keys = Keys {
    section: "archive",
    known: &[
        Key::new(
            "to",
            Shape::Pattern(r"^(file:///|(s3|gs|az)://[^/@]).*$"),
            "a folder or a bucket; credentials come from where the cloud's own tools take them",
        )
        .examples(&["s3://acme-archive/orders", "gs://acme-archive", "az://archive", "file:///var/archive"])
        .required(),
        Key::new(
            "format",
            Shape::Choice(|| words(&FORMATS)),
            "`parquet` has typed columns, `csv` and `binary` are as COPY writes them and psql reads them",
        )
        .default("parquet")
        .examples(&["parquet", "csv"]),
        Key::new(
            "compression",
            Shape::Pattern("^(zstd(:([1-9]|1[0-9]|2[0-2]))?|gzip|none)$"),
            "what data files are compressed with; `zstd:` and a level from 1 to 22",
        )
        .default("zstd")
        .examples(&["zstd", "\"zstd:19\"", "gzip", "none"]),
        Key::new(
            "split",
            Shape::Pattern(r"^\s*[0-9]+\s*(MB|GB|TB)\s*$"),
            "a data file ends when it has so many bytes; without it, when its store takes no larger one",
        )
        .examples(&["2 GB"]),
        Key::new(
            "connections",
            Shape::Whole(1, MOST_CONNECTIONS as u64),
            "how many sessions read a part of a partition each, at the same time and under one snapshot",
        )
        .default("1"),
        Key::new(
            "keep",
            INTERVAL,
            "how long an archive is kept from when it was verified; then it is deleted, as partitions are dropped. \
             Without it, until somebody deletes it",
        )
        .examples(&["7 years", "18 months"]),
    ],
    alternatives: &[],
};

const FORMATS: [(&str, Format); 3] = [("parquet", Format::Parquet), ("csv", Format::Csv), ("binary", Format::Binary)];
const SCHEMES: [&str; 4] = ["file", "s3", "gs", "az"];
/// Every connection reads a part of one partition at the same time as the others.
const MOST_CONNECTIONS: u32 = 16;
/// A file that is smaller is hardly worth a request.
const SMALLEST_SPLIT: u64 = 1_000_000;

/// Reads the section; `None` when nothing is archived.
pub(super) fn read(root: &Section<'_>, level: &ReadLevel, report: &mut Report<'_>) -> Option<Archive> {
    let archives = level.thens().any(|then| then == Then::Archive);
    let Some(entry) = root.get("archive") else {
        if archives && report.wholeness() == Wholeness::Whole {
            let hint = "write `archive: {to: s3://bucket/folder}`, or `file:///folder`";
            report.hinted(
                rules::MISSING_KEY,
                root.place(),
                "`then: archive` without an `archive` that says where to",
                hint,
            );
        }
        return None;
    };
    let section = Section::open(&entry.value, &KEYS, report)?;
    let to = section.required("to", report, destination);
    let format = section.optional("format", report, format);
    let compression = section.optional("compression", report, compression);
    let split = section.optional("split", report, size);
    let connections = section.optional("connections", report, |node, report| count(node, 1..=MOST_CONNECTIONS, report));
    let keep = section.optional("keep", report, interval);
    if root.own("archive").is_some() && !archives && level.thens().next().is_some() {
        let message = "`archive` says where to, and nothing is archived";
        report.hinted(rules::CONTRADICTION, &entry.key_span, message, "write `then: archive` under `retain`");
    }
    Some(Archive {
        to: to?,
        layout: Layout { format: format.unwrap_or(Format::Parquet), compression: compression.unwrap_or_default() },
        split,
        keep,
        connections: connections.unwrap_or(1),
    })
}

fn destination(node: &Node, report: &mut Report<'_>) -> Option<String> {
    let url = text(node, report)?;
    let mut refuse = |message: String, hint: String| {
        report.hinted(rules::DESTINATION, &node.span, message, hint);
        None
    };
    let known = || format!("write {}", ["s3://bucket/folder", "gs://…", "az://…", "file:///folder"].join(", "));
    let Some((scheme, place)) = url.split_once("://") else {
        return refuse(format!("{} is no destination", shown(&url)), known());
    };
    if !SCHEMES.contains(&scheme) {
        let hint = nearest::nearest(scheme, SCHEMES).map_or_else(known, nearest::did_you_mean);
        return refuse(format!("unknown kind of destination {}", shown(scheme)), hint);
    }
    let (bucket, folder) = place.split_once('/').unwrap_or((place, ""));
    if bucket.contains('@') {
        let hint = "leave them to the environment, as the cloud's own tools take them".to_owned();
        return refuse("credentials in a destination, where everybody reads them".to_owned(), hint);
    }
    match scheme {
        "file" if !bucket.is_empty() || folder.is_empty() => {
            return refuse(format!("{} is no folder", shown(&url)), "write it as in `file:///var/archive`".to_owned());
        }
        "s3" | "gs" | "az" if bucket.is_empty() => {
            return refuse(format!("{} names no bucket", shown(&url)), known());
        }
        _ => {}
    }
    if place.split('/').any(|part| part == "..") || place.contains(['?', '#']) {
        return refuse(format!("{} is no plain path", shown(&url)), known());
    }
    Some(url.trim_end_matches('/').to_owned())
}

fn format(node: &Node, report: &mut Report<'_>) -> Option<Format> {
    choice(node, &FORMATS, report)
}

fn compression(node: &Node, report: &mut Report<'_>) -> Option<Compression> {
    let text = &scalar(node, "a compression", report)?.text;
    text.parse()
        .map_err(|hint: String| {
            let message = format!("unknown compression {}", shown(text));
            report.hinted(rules::UNKNOWN_CHOICE, &node.span, message, hint);
        })
        .ok()
}

/// Bytes, in units of 1,000 as disks and stores count them.
fn size(node: &Node, report: &mut Report<'_>) -> Option<u64> {
    let text = scalar(node, "a size with its unit", report)?.text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = (text[..digits].parse::<u64>().ok(), text[digits..].trim());
    let factor = match unit {
        "MB" => Some(1_000_000),
        "GB" => Some(1_000_000_000),
        "TB" => Some(1_000_000_000_000),
        _ => None,
    };
    let hint = "write it as in `500 MB` or `2 GB`";
    match (number, factor) {
        (Some(_), None) if unit.is_empty() => {
            report.hinted(rules::MISSING_UNIT, &node.span, format!("{} has no unit", shown(text)), hint);
        }
        (Some(_), None) => {
            report.hinted(rules::UNKNOWN_UNIT, &node.span, format!("unknown unit {}", shown(unit)), hint);
        }
        (Some(number), Some(factor)) => match number.checked_mul(factor) {
            Some(bytes) if SMALLEST_SPLIT <= bytes => return Some(bytes),
            _ => report.hinted(rules::OUT_OF_RANGE, &node.span, format!("{} is out of range", shown(text)), hint),
        },
        (None, _) => {
            let message = format!("expected a size with its unit, found {}", shown(text));
            report.hinted(rules::WRONG_TYPE, &node.span, message, hint);
        }
    }
    None
}
