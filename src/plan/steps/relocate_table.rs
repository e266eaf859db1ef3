//! Puts a detached table into another schema, another tablespace, or both: one transaction, and all of a table that is
//! partitioned itself. Only who reads the detached table waits, for as long as its files are copied.

use crate::catalog::RelationKind;
use crate::plan::guard::{Standing, guard};
use crate::plan::{Action, Lock, LockMode, Transaction};
use crate::policy::MoveTo;
use crate::sql::{DollarQuoted, QualifiedName, SqlLiteral};

/// A detached table that goes elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct RelocateTable {
    /// The table, where it is now.
    pub table: QualifiedName,
    /// Its oid.
    pub oid: u32,
    /// What it is.
    pub kind: RelationKind,
    /// What it held, for a person.
    pub range: String,
    /// Where to.
    pub to: MoveTo,
    /// Estimated bytes, with indexes and TOAST.
    pub bytes: u64,
    /// Estimated rows.
    pub rows: Option<u64>,
}

impl RelocateTable {
    pub(in crate::plan) fn actions(&self) -> Vec<Action> {
        let own = Lock::with_partitions(&self.table, LockMode::AccessExclusive);
        // LOCK TABLE refuses a foreign table (42809).
        let (locks, implied) = match self.kind {
            RelationKind::Foreign => (Vec::new(), vec![own]),
            _ => (vec![own], Vec::new()),
        };
        let mut under = vec![guard(self.oid, &self.table, &Standing::Detached)];
        if let Some(tablespace) = &self.to.tablespace {
            // Files are copied, and nobody waits for that: the table is detached.
            under.push("SET LOCAL statement_timeout = 0".to_owned());
            under.push(self.each_part("relkind IN ('r', 'p', 'i', 'I')", "SET TABLESPACE", tablespace.as_str()));
        }
        if let Some(schema) = &self.to.schema {
            // Indexes, constraints and owned sequences follow their table.
            under.push(self.each_part("relkind IN ('r', 'p', 'f')", "SET SCHEMA", schema.as_str()));
        }
        vec![Action::Transaction(Transaction { locks, implied, under, ..Transaction::default() })]
    }

    /// Neither goes from a partitioned table to its partitions, nor the tablespace from a table to its indexes.
    fn each_part(&self, wanted: &str, change: &str, place: &str) -> String {
        let (oid, place) = (self.oid, SqlLiteral(place));
        let body = format!(
            "DECLARE part record; BEGIN FOR part IN \
             WITH tree(oid) AS (SELECT {oid}::pg_catalog.oid UNION SELECT relid FROM pg_catalog.pg_partition_tree({oid})) \
             SELECT c.oid::pg_catalog.regclass AS name, \
             CASE WHEN c.relkind IN ('i', 'I') THEN 'INDEX' WHEN c.relkind = 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END AS kind \
             FROM pg_catalog.pg_class c WHERE {wanted} AND c.oid IN (SELECT oid FROM tree UNION ALL SELECT x.indexrelid \
             FROM pg_catalog.pg_index x JOIN tree ON tree.oid = x.indrelid) \
             LOOP EXECUTE pg_catalog.format('ALTER %s %s {change} %I', part.kind, part.name, {place}); END LOOP; END"
        );
        format!("DO {}", DollarQuoted(&body))
    }

    pub(in crate::plan) fn reason(&self) -> String {
        let schema = self.to.schema.iter().map(|schema| format!("to schema {schema}"));
        let tablespace = self.to.tablespace.iter().map(|tablespace| format!("to tablespace {tablespace}"));
        schema.chain(tablespace).collect::<Vec<_>>().join(", ")
    }

    pub(in crate::plan) fn undo(&self) -> String {
        match &self.to.schema {
            Some(schema) => {
                let there = QualifiedName { schema: schema.clone(), name: self.table.name.clone() };
                format!("ALTER TABLE {there} SET SCHEMA {}", self.table.schema)
            }
            None => format!("ALTER TABLE {} SET TABLESPACE, back to where it was", self.table),
        }
    }
}
