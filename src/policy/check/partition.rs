//! `partition`: the strategy and its grid. Exactly one of `range`, `list` and `hash`, with the keys that go with it.

mod encoding;
mod key;
mod list;
mod range;

use crate::keys::Encoding;
use crate::policy::document::Node;
use crate::policy::model::{HashPolicy, Partitioning, Placement};
use crate::policy::reference::{AXIS_VALUE, INTERVAL, Key, Keys, Shape};
use crate::schedule::Interval;

use super::report::{Report, Wholeness};
use super::scalars::{count, identifier};
use super::section::Section;
use super::{create, name, retain, rules};

pub(super) static KEYS: Keys = Keys { section: "partition", known: &OUTERMOST, alternatives: ALTERNATIVES };

/// The keys of a level below the outermost one, which has its own `create` and `retain` beside its grid.
pub(super) static SUBPARTITION: Keys = Keys { section: "subpartition", known: &BELOW, alternatives: ALTERNATIVES };

const ALTERNATIVES: &[&[&str]] = &[
    &["range", "every", "timezone", "anchor", "encoding"],
    &["list", "values", "each", "default"],
    &["hash", "modulus"],
];

const GRID: &[Key] = &[
    Key::new(
        "range",
        PARTS,
        "the key: a column, an expression in parentheses, or a list of these, of which the first one has the grid: \
         timestamptz, timestamp, date, smallint, int, bigint, numeric with whole bounds, or what `encoding` says",
    )
    .examples(&["order_date", "[order_date, tenant_id]", "\"(date_trunc('day', created_at))\""])
    .required(),
    Key::new("list", PARTS, "the key: a column, or an expression in parentheses")
        .examples(&["region", "(lower(region))"])
        .required(),
    Key::new("hash", PARTS, "the key: a column, an expression in parentheses, or a list of these")
        .examples(&["user_id", "[tenant_id, user_id]"])
        .required(),
    Key::new(
        "every",
        Shape::Either(&[INTERVAL, Shape::Whole(1, u64::MAX)]),
        "width of a partition: a step on the calendar or on the clock; a number for number keys",
    )
    .examples(&["1 month", "1 week", "1 day", "6 hours", "15 minutes", "1 quarter", "1 year", "1000000"])
    .required(),
    Key::new(
        "timezone",
        Shape::Zone,
        "IANA name of the zone whose calendar is followed. Required for timestamptz and ids that carry a time, refused \
         for date; for timestamp and text it says whose wall clock the column shows, UTC when not given",
    )
    .examples(&["UTC", "Europe/Berlin"]),
    Key::new(
        "anchor",
        AXIS_VALUE,
        "where the grid starts counting; 2000-01-01 when not given, for weeks Monday 2000-01-03, for numbers 0",
    )
    .examples(&["2024-01-01", "2024-01-01 06:00", "1"]),
    Key::new("encoding", ENCODING, "how a key that is no time by its type carries one").examples(&[
        "uuidv7",
        "epoch_ms",
        "\"text:%Y%m%d\"",
        "{snowflake: {epoch: 1288834974657, shift: 22}}",
    ]),
    Key::new(
        "values",
        Shape::NonEmpty(&Shape::Map(&Shape::NonEmpty(&Shape::List(&VALUE)))),
        "partitions and the values of each. Values keep their text (`NO`, `off`, `08`, `1e3`); `null` is null",
    )
    .examples(&["{na: [US, CA, MX], eu: [DE, ES, FR]}"]),
    Key::new(
        "each",
        Shape::Text,
        "instead of `values`: a query of one column in SQL, with schemas before the names of tables. Each of its rows is a \
         partition, made when the row appears and named by its value; a row that is gone removes nothing unless there is \
         a `retain`",
    )
    .examples(&["select id from app.tenants"]),
    Key::new("default", Shape::Text, "makes a DEFAULT partition named with this; none when not given")
        .examples(&["other"]),
    Key::new("modulus", Shape::Whole(1, MAX_PARTITIONS as u64), "how many partitions").examples(&["8"]).required(),
    Key::new(
        "name",
        Shape::Text,
        "template of names: {table} {parent} {start} {end} {value} {remainder} {modulus}, a time with a format as in \
         {start:%Y_%m}. When not given, {table}_ and the start in the shortest form that tells neighbours apart, \
         {table}_{value}, or {table}_p{remainder}",
    )
    .examples(&["\"{table}_{start:%Y_%m}\"", "\"{table}_{value}\"", "\"{table}_p{remainder}\""]),
    Key::new("schema", Shape::Name, "where new partitions are made; the parent's when not given"),
    Key::new("tablespace", Shape::Name, "of new partitions; the parent's when not given"),
];

static OUTERMOST: [Key; GRID.len() + 1] = followed_by([subpartition()]);
static BELOW: [Key; GRID.len() + 3] = followed_by([
    subpartition(),
    Key::new("create", Shape::Section(&create::KEYS), "how far coverage of this level reaches")
        .examples(&["{ahead: 3 partitions}"]),
    Key::new("retain", Shape::Section(&retain::KEYS), "when partitions of this level end, and how")
        .examples(&["{newest: 12, then: drop}"]),
]);

const fn subpartition() -> Key {
    Key::new(
        "subpartition",
        Shape::Section(&SUBPARTITION),
        "how each partition is partitioned itself: the same keys again, with `create` and `retain` of its own, nested to \
         any depth",
    )
    .examples(&["{hash: customer_id, modulus: 4}"])
}

/// The keys of a grid, and these.
const fn followed_by<const MORE: usize, const ALL: usize>(more: [Key; MORE]) -> [Key; ALL] {
    let mut known = [more[0]; ALL];
    let mut at = 0;
    while at < ALL {
        known[at] = if at < GRID.len() { GRID[at] } else { more[at - GRID.len()] };
        at += 1;
    }
    known
}

/// A key of one column, which may be written as a list of one.
const PART: Shape = Shape::Either(&[Shape::Name, Shape::Pattern(r"^\s*\([^\x00]+\)\s*$")]);
const PARTS: Shape = Shape::Either(&[PART, Shape::NonEmpty(&Shape::List(&PART))]);
/// A word, a word with its parameters in one text, or a map of the word to its parameters.
const ENCODING: Shape = Shape::Either(&[
    Shape::Choice(Encoding::words),
    Shape::Pattern(r"^\s*[a-z0-9_]+\s*[:{]"),
    Shape::NonEmpty(&Shape::Map(&Shape::Either(&[Shape::Text, Shape::Map(&Shape::Number)]))),
]);
const VALUE: Shape = Shape::Either(&[Shape::Scalar, Shape::Null]);

/// Most partitions that one table is given; Postgres plans slowly long before.
pub(super) const MAX_PARTITIONS: u32 = 10_000;

/// A strategy and the keys that only it has.
#[derive(Clone, Copy)]
pub(super) struct Strategy {
    pub key: &'static str,
    pub keys: &'static [&'static str],
}

pub(super) fn strategies() -> impl Iterator<Item = Strategy> + Clone {
    KEYS.alternatives.iter().filter_map(|keys| keys.split_first()).map(|(key, keys)| Strategy { key, keys })
}

/// What the other sections must fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Axis {
    /// Range partitions of this width in time.
    Time(Interval),
    /// Range partitions of a number.
    Integer,
    List,
    Hash,
}

impl Axis {
    /// The strategy, for messages.
    pub fn strategy(self) -> &'static str {
        match self {
            Self::Time(_) | Self::Integer => "range",
            Self::List => "list",
            Self::Hash => "hash",
        }
    }

    /// Whether its partitions have a before and an after.
    pub fn ages(self) -> bool {
        matches!(self, Self::Time(_) | Self::Integer)
    }
}

/// The section, as far as it could be read.
pub(super) struct Partition {
    pub axis: Option<Axis>,
    pub partitioning: Option<Partitioning>,
    pub placement: Placement,
}

/// Reads the section's own level.
pub(super) fn read(section: &Section<'_>, report: &mut Report<'_>) -> Partition {
    let strategy = strategy(section, report);
    let (axis, partitioning) = match strategy.map(|strategy| strategy.key) {
        Some("range") => range::read(section, report),
        Some("list") => (Some(Axis::List), list::read(section, report)),
        Some(_) => (Some(Axis::Hash), hash(section, report)),
        None => {
            // Which of them are in place is not known, but each can be looked at.
            range::read_keys(section, report);
            section.optional("values", report, list::groups);
            section.optional("each", report, list::each);
            section.optional("modulus", report, modulus);
            (None, None)
        }
    };
    let placement = Placement {
        name: name::read(section, axis, partitioning.as_ref(), report),
        schema: section.optional("schema", report, identifier),
        tablespace: section.optional("tablespace", report, identifier),
    };
    Partition { axis, partitioning, placement }
}

/// The only strategy; keys of the others are reported when the document itself has them.
fn strategy(section: &Section<'_>, report: &mut Report<'_>) -> Option<Strategy> {
    let mut found = strategies().filter(|strategy| section.get(strategy.key).is_some());
    let Some(first) = found.next() else {
        if report.wholeness() == Wholeness::Whole {
            let hint = "write the key columns under one of `range`, `list` and `hash`";
            report.hinted(rules::STRATEGY, section.place(), "no partitioning strategy", hint);
        }
        return None;
    };
    let mut only = Some(first);
    for other in found {
        if let Some(entry) = section.get(other.key) {
            let message = format!("`{}` and `{}` in one policy", first.key, other.key);
            report.hinted(rules::STRATEGY, &entry.key_span, message, "a table has one partitioning strategy");
        }
        only = None;
    }
    let only = only?;
    for other in strategies().filter(|other| other.key != only.key) {
        for entry in other.keys.iter().filter_map(|key| section.own(key)) {
            let message = format!("`{}` does not go with `{}`", entry.key, only.key);
            let hint = format!("it belongs to `{}` partitions", other.key);
            report.hinted(rules::CONTRADICTION, &entry.key_span, message, hint);
        }
    }
    Some(only)
}

fn hash(section: &Section<'_>, report: &mut Report<'_>) -> Option<Partitioning> {
    let key = section.required("hash", report, key::parts);
    let modulus = section.required("modulus", report, modulus);
    Some(Partitioning::Hash(HashPolicy { key: key?, modulus: modulus? }))
}

fn modulus(node: &Node, report: &mut Report<'_>) -> Option<u32> {
    count(node, 1..=MAX_PARTITIONS, report)
}
