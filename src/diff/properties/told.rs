//! What is told of properties and not changed: gathered over all partitions of a table, so that the same thing on five
//! hundred partitions is one finding.

use std::collections::{BTreeMap, BTreeSet};

use super::{Member, grants};
use crate::catalog::{Grant, Partition, Property, RelationKind, ReplicaIdentity};
use crate::diff::Situation;
use crate::plan::{Finding, codes, first_few, inherited_as, role};
use crate::policy::{Inherited, StorageParameter};
use crate::sql::{Identifier, QualifiedName};

/// Partitions that are named before the rest is counted.
pub(super) const NAMED: usize = 3;

/// What a partition lacks and is not given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Refusal {
    /// The session's role lacks the rights of its owner.
    Owner(Identifier),
    /// The table's owner may not create in its schema.
    Schema(Identifier),
    /// Showing what they are of would lock the table.
    StatisticsOnExpressions,
    /// It stops UPDATE and DELETE where they are published.
    ReplicaIdentityNothing,
}

/// Privileges that a role has on a partition and not on its table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Surplus {
    grantee: Option<Identifier>,
    which: Beyond,
    privileges: Vec<String>,
}

/// In what a privilege goes beyond those on the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Beyond {
    /// It is not there.
    Privilege,
    /// It is there, and cannot be passed on.
    GrantOption,
}

/// Where a partition is that the table and the policy want elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Tablespace { has: Option<Identifier>, wanted: Identifier },
    AccessMethod { has: Option<Identifier>, wanted: Identifier },
}

/// Facts, each with the partitions that it is true of.
#[derive(Debug, Default)]
pub(super) struct Told<'a> {
    refused: BTreeMap<Refusal, Vec<&'a QualifiedName>>,
    own: BTreeMap<Inherited, Vec<&'a QualifiedName>>,
    surplus: BTreeMap<Surplus, Vec<&'a QualifiedName>>,
    places: BTreeMap<Place, Vec<&'a QualifiedName>>,
}

impl<'a> Told<'a> {
    pub(super) fn refuse(&mut self, refusal: Refusal, partition: &'a Partition) {
        let partitions = self.refused.entry(refusal).or_default();
        if partitions.last() != Some(&&partition.name) {
            partitions.push(&partition.name);
        }
    }

    /// What the partition has and its table has not, or has otherwise.
    pub(super) fn differences(&mut self, situation: &Situation<'_>, member: Member<'a>) {
        let partition = member.partition;
        let inherits = |word| situation.policy.inherit.contains(&word);
        if inherits(Inherited::Storage) {
            for place in places(situation, partition) {
                self.places.entry(place).or_default().push(&partition.name);
            }
        }
        let Some(own) = &partition.properties else { return };
        let theirs = &situation.root.properties;
        let words: BTreeSet<Inherited> =
            own.set.iter().filter(|property| is_its_own(property, theirs)).map(inherited_as).collect();
        for word in words.into_iter().filter(|word| inherits(*word)) {
            self.own.entry(word).or_default().push(&partition.name);
        }
        if !inherits(Inherited::Privileges) {
            return;
        }
        let mut beyond: BTreeMap<(Option<Identifier>, Beyond), Vec<String>> = BTreeMap::new();
        for grant in grants(&own.set).filter(|grant| !grants(theirs).any(|has| has.covers(grant))) {
            let plain = Grant { grantable: false, ..grant.clone() };
            let which =
                if grants(theirs).any(|has| has.covers(&plain)) { Beyond::GrantOption } else { Beyond::Privilege };
            let column = grant.column.as_ref().map(|column| format!(" ({column})")).unwrap_or_default();
            beyond.entry((grant.grantee.clone(), which)).or_default().push(format!("{}{column}", grant.privilege));
        }
        for ((grantee, which), mut privileges) in beyond {
            privileges.sort_unstable();
            self.surplus.entry(Surplus { grantee, which, privileges }).or_default().push(&partition.name);
        }
    }

    /// One finding each.
    pub(super) fn findings(self, situation: &Situation<'_>) -> Vec<Finding> {
        let table = &situation.root.name;
        let mut findings: Vec<Finding> = unknown_parameters(situation).into_iter().collect();
        findings.extend(self.refused.iter().map(|(refusal, partitions)| refused(situation, refusal, partitions)));
        findings.extend(self.own.iter().map(|(word, partitions)| {
            let what = word.as_str().replace('_', " ");
            let message = format!("{} of their own, other than the table's: {}", what, named(partitions));
            Finding::about(codes::OWN_PROPERTIES, table, message)
                .hint(format!("left as they are; without {} in `inherit` nobody looks", word.as_str()))
        }));
        findings.extend(self.surplus.iter().map(|(Surplus { grantee, which, privileges }, partitions)| {
            let (grantee, privileges) = (role(grantee.as_ref()), privileges.join(", "));
            let (has, revoke) = match which {
                Beyond::Privilege => ("", ""),
                Beyond::GrantOption => ("the grant option for ", "GRANT OPTION FOR "),
            };
            let message = format!("{grantee} has {has}{privileges} on {}, and not on the table", named(partitions));
            Finding::about(codes::SURPLUS_PRIVILEGES, table, message).hint(each(partitions, |partition| {
                format!("REVOKE {revoke}{privileges} ON {partition} FROM {grantee}")
            }))
        }));
        findings.extend(self.places.iter().map(|(place, partitions)| stored_elsewhere(table, place, partitions)));
        findings
    }
}

/// Whether it is one that the table has not, or has otherwise, and that matching leaves alone. Privileges are told of
/// apart; statistics and compression of its own are nobody's loss.
fn is_its_own(property: &Property, theirs: &[Property]) -> bool {
    match property {
        Property::Grant(_) | Property::Statistics(_) | Property::StatisticsTarget { .. } | Property::Compression { .. } => false,
        Property::RowSecurity => !theirs.contains(property),
        Property::ReplicaIdentity(_) => {
            let matched = theirs.iter().any(|has| {
                matches!(has, Property::ReplicaIdentity(ReplicaIdentity::Full | ReplicaIdentity::Index(_)))
            });
            !matched && !theirs.contains(property)
        }
        Property::Comment { column, text } => theirs.iter().any(|has| {
            matches!(has, Property::Comment { column: other, text: another } if other == column && another != text)
        }),
    }
}

fn places(situation: &Situation<'_>, partition: &Partition) -> Vec<Place> {
    if partition.kind != RelationKind::Table {
        return Vec::new();
    }
    let (root, storage) = (situation.root, &partition.storage);
    let mut places = Vec::new();
    // Where neither says anything, partitions may be anywhere.
    let wanted: Vec<&Identifier> = situation.level.placement.tablespace.iter().chain(&root.tablespace).collect();
    if let Some(first) = wanted.first()
        && !wanted.iter().any(|wanted| Some(*wanted) == storage.tablespace.as_ref())
    {
        places.push(Place::Tablespace { has: storage.tablespace.clone(), wanted: (*first).clone() });
    }
    let heap = Identifier::new("heap");
    if let Some(wanted) = &root.access_method
        && storage.access_method.as_ref().unwrap_or(&heap) != wanted
    {
        places.push(Place::AccessMethod { has: storage.access_method.clone(), wanted: wanted.clone() });
    }
    places
}

fn stored_elsewhere(table: &QualifiedName, place: &Place, partitions: &[&QualifiedName]) -> Finding {
    let (message, set) = match place {
        Place::Tablespace { has, wanted } => {
            let has =
                has.as_ref().map_or("the database's own tablespace".to_owned(), |has| format!("tablespace {has}"));
            (format!("in {has} and not in {wanted}: {}", named(partitions)), format!("SET TABLESPACE {wanted}"))
        }
        Place::AccessMethod { has, wanted } => {
            let has = has.as_ref().map_or("heap".to_owned(), ToString::to_string);
            (
                format!("stored by {has} and not by {wanted}: {}", named(partitions)),
                format!("SET ACCESS METHOD {wanted}"),
            )
        }
    };
    let hint = each(partitions, |partition| format!("ALTER TABLE {partition} {set}"));
    Finding::about(codes::STORED_ELSEWHERE, table, message)
        .hint(format!("{hint}: it is rewritten, and everybody waits meanwhile"))
}

fn refused(situation: &Situation<'_>, refusal: &Refusal, partitions: &[&QualifiedName]) -> Finding {
    let root = situation.root;
    let (table, names) = (&root.name, named(partitions));
    match refusal {
        Refusal::Owner(owner) => {
            let role = &situation.snapshot.server.role;
            let message = format!("role {role} lacks the rights of {owner}, who owns {names}: not matched");
            let hint = each(partitions, |partition| format!("ALTER TABLE {partition} OWNER TO {}", root.owner));
            Finding::about(codes::MISSING_RIGHT, table, message).hint(hint)
        }
        Refusal::Schema(schema) => {
            let owner = &root.owner;
            let message =
                format!("its owner {owner} may not create in schema {schema}: not matched as a whole: {names}");
            Finding::about(codes::MISSING_RIGHT, table, message)
                .hint(format!("GRANT USAGE, CREATE ON SCHEMA {schema} TO {owner}"))
        }
        Refusal::StatisticsOnExpressions => {
            let message = format!("statistics on expressions that the table has and these have not: {names}");
            Finding::about(codes::OWN_PROPERTIES, table, message)
                .hint("CREATE STATISTICS on them as on the table: pg_get_statisticsobjdef shows how")
        }
        Refusal::ReplicaIdentityNothing => {
            let message = format!("replica identity NOTHING, which the table has and these have not: {names}");
            let hint = each(partitions, |partition| format!("ALTER TABLE {partition} REPLICA IDENTITY NOTHING"));
            Finding::about(codes::OWN_PROPERTIES, table, message)
                .hint(format!("{hint}: where they are published, UPDATE and DELETE fail then"))
        }
    }
}

fn unknown_parameters(situation: &Situation<'_>) -> Option<Finding> {
    let server = &situation.snapshot.server;
    let major = server.version / 10_000;
    let unknown = |name: &&String| StorageParameter::named(name).is_some_and(|parameter| major < parameter.since);
    let unknown: Vec<String> = situation.policy.storage.keys().filter(unknown).cloned().collect();
    let message = format!("PostgreSQL {major} does not know {}: not set", unknown.join(", "));
    (!unknown.is_empty()).then(|| {
        Finding::about(codes::UNKNOWN_PARAMETER, &situation.root.name, message)
            .hint("take it out of `storage`, or leave it there for the servers that know it")
    })
}

/// `a, b, c and 9 more`
pub(super) fn named(partitions: &[&QualifiedName]) -> String {
    let names: Vec<String> = partitions.iter().map(ToString::to_string).collect();
    first_few(&names, NAMED)
}

/// A statement for the first of them, and that the others need it too.
pub(super) fn each(partitions: &[&QualifiedName], statement: impl Fn(&QualifiedName) -> String) -> String {
    let others = if 1 < partitions.len() { ", and so for the others" } else { "" };
    partitions.first().map(|first| format!("{}{others}", statement(first))).unwrap_or_default()
}
