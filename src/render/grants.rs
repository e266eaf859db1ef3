//! The rights that partctl needs, as a script of one statement per line: what stands here is enough, and `diff`'s rule
//! about rights names each of these lines when it is missing.

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::policy::{MoveTo, Policy};
use crate::sql::{DollarQuoted, Identifier, SqlLiteral};

/// What a role is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// Looks: plans, checks, tells.
    Plan,
    /// Carries plans out.
    Apply,
}

const HEADER: &str = "\
-- The rights that partctl needs on the tables of its policies, and no more. PostgreSQL 14 and newer.
-- Run this in their database, as a role that may grant all of it, after `partctl init` has made the ledger.
";

/// Writes the script. Without `owner` each table's owner is looked up where the script runs.
///
/// # Errors
/// Those of `out`.
pub fn grants(
    policies: &[Policy],
    duties: &[(Duty, Identifier)],
    owner: Option<&Identifier>,
    out: &mut dyn Write,
) -> io::Result<()> {
    write!(out, "{HEADER}")?;
    for (duty, role) in duties {
        let sections = match duty {
            Duty::Plan => to_plan(policies, role),
            Duty::Apply => to_apply(policies, role, owner),
        };
        let purpose = match duty {
            Duty::Plan => "plans, checks, and tells: it changes nothing",
            Duty::Apply => "applies. It needs no right of its own on the tables: it has their owner's",
        };
        writeln!(out, "\n-- Role {role} {purpose}.\n-- CREATE ROLE {role} LOGIN;")?;
        for (why, statements) in sections.into_iter().filter(|(_, statements)| !statements.is_empty()) {
            writeln!(out)?;
            why.iter().try_for_each(|line| writeln!(out, "-- {line}"))?;
            statements.iter().try_for_each(|statement| writeln!(out, "{statement};"))?;
        }
    }
    Ok(())
}

/// Why, and the statements.
type Section = (&'static [&'static str], Vec<String>);

fn to_plan(policies: &[Policy], role: &Identifier) -> Vec<Section> {
    let schemas: BTreeSet<&Identifier> =
        policies.iter().flat_map(|policy| [&policy.table.schema].into_iter().chain(made_in(policy))).collect();
    let rows = policies.iter().map(|policy| {
        let body = format!(
            "DECLARE member regclass; BEGIN FOR member IN SELECT t.relid FROM pg_catalog.pg_partition_tree({}) t LOOP \
             EXECUTE pg_catalog.format('GRANT SELECT ON TABLE %s TO %s', member, {}); END LOOP; END",
            SqlLiteral(&policy.table.to_string()),
            SqlLiteral(&role.to_string()),
        );
        format!("DO {}", DollarQuoted(&body))
    });
    vec![
        (
            &[
                "Planning reads the catalog, which needs no right. It looks at rows only where nothing else tells: those in",
                "DEFAULT, the highest number in use, partitions that nobody has counted. Pruning is checked with EXPLAIN,",
                "which needs SELECT on the table. Partitions that partctl makes get their parent's privileges by themselves.",
            ],
            schemas.into_iter().map(|schema| format!("GRANT USAGE ON SCHEMA {schema} TO {role}")).chain(rows).collect(),
        ),
        (
            &["What was detached and waits for the end of its grace; past runs, for `partctl history`."],
            vec![
                format!("GRANT USAGE ON SCHEMA partctl TO {role}"),
                format!(
                    "GRANT SELECT ON partctl.runs, partctl.steps, partctl.detached_tables, partctl.archives TO {role}"
                ),
            ],
        ),
        (
            &["Only for `check --workload`, which judges statements of other roles: nothing else shows their text."],
            vec![format!("-- GRANT pg_read_all_stats TO {role}")],
        ),
    ]
}

fn to_apply(policies: &[Policy], role: &Identifier, owner: Option<&Identifier>) -> Vec<Section> {
    let membership = policies.iter().map(|policy| with_owner(policy, owner, &format!("GRANT %s TO {}", escaped(role))));
    let home = policies.iter().map(|policy| {
        let (own, made_in) = (&policy.table.schema, made_in(policy));
        let usage = (!made_in.contains(&own))
            .then(|| with_owner(policy, owner, &format!("GRANT USAGE ON SCHEMA {} TO %s", escaped(own))));
        let moved_to = moves(policy).filter_map(|to| to.schema.as_ref());
        let create = made_in.into_iter().chain(moved_to).map(|schema| {
            with_owner(policy, owner, &format!("GRANT USAGE, CREATE ON SCHEMA {} TO %s", escaped(schema)))
        });
        usage.into_iter().chain(create).collect::<Vec<_>>()
    });
    let stored = policies.iter().flat_map(|policy| {
        let made_in = policy.levels().filter_map(|level| level.placement.tablespace.as_ref());
        let tablespaces = made_in.chain(moves(policy).filter_map(|to| to.tablespace.as_ref()));
        tablespaces.map(|tablespace| {
            with_owner(policy, owner, &format!("GRANT CREATE ON TABLESPACE {} TO %s", escaped(tablespace)))
        })
    });
    vec![
        (
            &[
                "CREATE, ATTACH, DETACH and DROP are the owner's. The membership needs INHERIT and SET: from PostgreSQL 16 on",
                "GRANT gives both, unless the role is NOINHERIT; then add WITH INHERIT TRUE, SET TRUE.",
                "A table of a superuser's would make the role one too: give it an owner of its own first.",
            ],
            distinct(membership),
        ),
        (
            &[
                "New partitions are made as the owner, and detached ones moved, so it is the owner that needs the schema.",
            ],
            distinct(home.flatten()),
        ),
        (&["The same for their tablespaces."], distinct(stored)),
        (
            &[
                "The ledger: runs, their steps, and what was detached. Without it creations work and retirement is refused.",
            ],
            vec![
                format!("GRANT USAGE ON SCHEMA partctl TO {role}"),
                format!(
                    "GRANT SELECT, INSERT, UPDATE ON partctl.runs, partctl.detached_tables, partctl.archives TO {role}"
                ),
                format!("GRANT SELECT, INSERT ON partctl.steps TO {role}"),
            ],
        ),
        (
            &[
                "To see how old other sessions' transactions are before a concurrent detach, and to name who is in the way.",
            ],
            vec![format!("GRANT pg_read_all_stats TO {role}")],
        ),
    ]
}

/// The schemas that a policy's new partitions are made in, those of each level.
fn made_in(policy: &Policy) -> Vec<&Identifier> {
    let outermost = policy.level.placement.schema.as_ref().unwrap_or(&policy.table.schema);
    // Below the outermost level it is that of the partition above.
    let below = policy.levels().skip(1).filter_map(|level| level.placement.schema.as_ref());
    [outermost].into_iter().chain(below).collect()
}

/// Where detached tables go.
fn moves(policy: &Policy) -> impl Iterator<Item = &MoveTo> {
    policy.levels().filter_map(|level| level.retain.as_ref()?.move_to.as_ref())
}

/// A name inside of a `format` template.
fn escaped(name: &Identifier) -> String {
    name.to_string().replace('%', "%%")
}

/// The statement with the owner in place of `%s`: as given, or as the catalog knows it.
fn with_owner(policy: &Policy, owner: Option<&Identifier>, template: &str) -> String {
    match owner {
        Some(owner) => template.replacen("%s", &owner.to_string(), 1).replace("%%", "%"),
        None => {
            let body = format!(
                "BEGIN EXECUTE pg_catalog.format({}, (SELECT c.relowner::regrole FROM pg_catalog.pg_class c \
                 WHERE c.oid = {}::regclass)); END",
                SqlLiteral(template),
                SqlLiteral(&policy.table.to_string()),
            );
            format!("DO {}", DollarQuoted(&body))
        }
    }
}

fn distinct(statements: impl Iterator<Item = String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for statement in statements {
        if !kept.contains(&statement) {
            kept.push(statement);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Source, check};

    const POLICIES: &str =
        "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, schema: parts, tablespace: fast}\n---
version: 1\ntable: shop.\"odd 100%'s\"\npartition: {hash: id, modulus: 2}\n---
version: 1\ntable: shop.lines\npartition:\n  range: at\n  every: 1 day\n  subpartition: {hash: id, modulus: 2, schema: leaves}
retain: {for: 1 day, then: move, move_to: {schema: cold, tablespace: slow}}\n";

    fn script(duties: &[(Duty, Identifier)], owner: Option<&Identifier>) -> String {
        let checked = check(&[Source { path: "a.yaml".to_owned(), text: POLICIES.to_owned() }]);
        assert_eq!(checked.problems, []);
        let mut out = Vec::new();
        grants(&checked.policies, duties, owner, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn statements(script: &str) -> Vec<&str> {
        script.lines().filter(|line| !line.is_empty() && !line.starts_with("--")).collect()
    }

    #[test]
    fn a_known_owner_is_written_out_and_each_statement_stands_once() {
        let script = script(&[(Duty::Apply, Identifier::new("Night Shift"))], Some(&Identifier::new("shop_owner")));
        assert_eq!(
            statements(&script),
            [
                "GRANT shop_owner TO \"Night Shift\";",
                "GRANT USAGE ON SCHEMA shop TO shop_owner;",
                "GRANT USAGE, CREATE ON SCHEMA parts TO shop_owner;",
                "GRANT USAGE, CREATE ON SCHEMA shop TO shop_owner;",
                "GRANT USAGE, CREATE ON SCHEMA leaves TO shop_owner;",
                "GRANT USAGE, CREATE ON SCHEMA cold TO shop_owner;",
                "GRANT CREATE ON TABLESPACE fast TO shop_owner;",
                "GRANT CREATE ON TABLESPACE slow TO shop_owner;",
                "GRANT USAGE ON SCHEMA partctl TO \"Night Shift\";",
                "GRANT SELECT, INSERT, UPDATE ON partctl.runs, partctl.detached_tables, partctl.archives TO \"Night Shift\";",
                "GRANT SELECT, INSERT ON partctl.steps TO \"Night Shift\";",
                "GRANT pg_read_all_stats TO \"Night Shift\";",
            ]
        );
    }

    #[test]
    fn a_role_that_only_plans_is_granted_nothing_but_looking() {
        let script = script(&[(Duty::Plan, Identifier::new("ci"))], None);
        let granted = statements(&script);
        assert_eq!(granted.len(), 8, "{script}");
        assert!(
            granted.iter().all(|line| ["INSERT", "UPDATE", "DELETE", "CREATE"].iter().all(|word| !line.contains(word)))
        );
        assert!(granted[3].contains("pg_partition_tree('shop.orders')"), "{script}");
    }

    #[test]
    fn an_owner_that_nobody_told_is_looked_up_by_the_script() {
        let script = script(&[(Duty::Apply, Identifier::new("50%"))], None);
        assert!(script.contains("format('GRANT %s TO \"50%%\"', (SELECT c.relowner::regrole"), "{script}");
        assert!(script.contains("'shop.\"odd 100%''s\"'::regclass"), "{script}");
    }
}
