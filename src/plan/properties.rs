//! How properties are set: the SQL, the lock that it takes, and under which word of `inherit` they go.
//!
//! Facts: modes were seen in pg_locks on 14-18. ONLY keeps ALTER TABLE off the partitions of a partition.

use std::collections::BTreeMap;

use super::LockMode;
use crate::catalog::{ExtendedStatistics, Grant, Property, RelationKind, ReplicaIdentity};
use crate::policy::Inherited;
use crate::sql::{DollarQuoted, Identifier, QualifiedName, SqlLiteral};

/// The word of `inherit` that a property goes under.
pub fn inherited_as(property: &Property) -> Inherited {
    match property {
        Property::Grant(_) => Inherited::Privileges,
        Property::ReplicaIdentity(_) => Inherited::ReplicaIdentity,
        Property::RowSecurity => Inherited::RowSecurity,
        Property::Compression { .. } => Inherited::Storage,
        Property::StatisticsTarget { .. } | Property::Statistics(_) => Inherited::Statistics,
        Property::Comment { .. } => Inherited::Comments,
    }
}

/// The lock that setting it takes on the relation; `None`: none that anybody notices.
pub(super) fn lock_mode(property: &Property) -> Option<LockMode> {
    match property {
        Property::Grant(_) => None,
        Property::ReplicaIdentity(_) | Property::RowSecurity | Property::Compression { .. } => {
            Some(LockMode::AccessExclusive)
        }
        Property::StatisticsTarget { .. } | Property::Statistics(_) | Property::Comment { .. } => {
            Some(LockMode::ShareUpdateExclusive)
        }
    }
}

/// A relation on which properties are set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Receiver<'a> {
    /// Its name.
    pub(super) name: &'a QualifiedName,
    /// What it is.
    pub(super) kind: RelationKind,
    /// The table that it takes its properties from.
    pub(super) of: &'a QualifiedName,
}

impl Receiver<'_> {
    /// The statements that set these properties, in their order, privileges of one role together.
    pub(super) fn statements(self, properties: &[Property]) -> Vec<String> {
        let grants = properties.iter().filter_map(|property| match property {
            Property::Grant(grant) => Some(grant),
            _ => None,
        });
        let others = properties.iter().filter(|property| !matches!(property, Property::Grant(_)));
        self.grants(grants).into_iter().chain(others.map(|property| self.statement(property))).collect()
    }

    fn grants<'g>(self, grants: impl Iterator<Item = &'g Grant>) -> Vec<String> {
        // In the order given: then the catalog shows them as on the table, and is quick to tell that they are the same.
        let mut by_role: Vec<(&Option<Identifier>, bool, Vec<String>)> = Vec::new();
        for Grant { grantee, privilege, column, grantable } in grants {
            let column = column.as_ref().map(|column| format!(" ({column})")).unwrap_or_default();
            let privilege = format!("{privilege}{column}");
            match by_role.iter_mut().find(|(role, option, _)| (*role, *option) == (grantee, *grantable)) {
                Some((_, _, privileges)) => privileges.push(privilege),
                None => by_role.push((grantee, *grantable, vec![privilege])),
            }
        }
        let grant = |(grantee, grantable, privileges): (&Option<Identifier>, bool, Vec<String>)| {
            let option = if grantable { " WITH GRANT OPTION" } else { "" };
            format!("GRANT {} ON {} TO {}{option}", privileges.join(", "), self.name, role(grantee.as_ref()))
        };
        by_role.into_iter().map(grant).collect()
    }

    fn statement(self, property: &Property) -> String {
        let name = self.name;
        let alter = |what: String| format!("ALTER TABLE ONLY {name} {what}");
        match property {
            Property::Grant(grant) => self.grants([grant].into_iter()).remove(0),
            Property::ReplicaIdentity(identity) => match identity {
                ReplicaIdentity::Default => alter("REPLICA IDENTITY DEFAULT".to_owned()),
                ReplicaIdentity::Nothing => alter("REPLICA IDENTITY NOTHING".to_owned()),
                ReplicaIdentity::Full => alter("REPLICA IDENTITY FULL".to_owned()),
                ReplicaIdentity::Index(index) => self.identity_by_index(index),
            },
            Property::RowSecurity => alter("ENABLE ROW LEVEL SECURITY".to_owned()),
            Property::StatisticsTarget { column, target } => {
                alter(format!("ALTER COLUMN {column} SET STATISTICS {target}"))
            }
            Property::Compression { column, method } => {
                alter(format!("ALTER COLUMN {column} SET COMPRESSION {method}"))
            }
            Property::Statistics(statistics) => self.create_statistics(statistics),
            Property::Comment { column, text } => {
                let text = SqlLiteral(text);
                match (column, self.kind) {
                    (Some(column), _) => format!("COMMENT ON COLUMN {name}.{column} IS {text}"),
                    // COMMENT ON TABLE refuses it (42809).
                    (None, RelationKind::Foreign) => format!("COMMENT ON FOREIGN TABLE {name} IS {text}"),
                    (None, _) => format!("COMMENT ON TABLE {name} IS {text}"),
                }
            }
        }
    }

    /// Before Postgres 16 statistics cannot be made without a name.
    fn create_statistics(self, ExtendedStatistics { kinds, columns, .. }: &ExtendedStatistics) -> String {
        let listed = columns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let parts = [self.name.name.as_str()].into_iter().chain(columns.iter().map(Identifier::as_str));
        let parts = parts.chain(kinds.iter().map(String::as_str)).chain(["stat"]).collect::<Vec<_>>();
        let schema = self.name.schema.clone();
        let name = QualifiedName { schema, name: Identifier::new(parts.join("_")).shortened() };
        format!("CREATE STATISTICS {name} ({}) ON {listed} FROM {}", kinds.join(", "), self.name)
    }

    /// The counterpart of the table's index has a name of Postgres' choosing, so it is looked up when it exists.
    fn identity_by_index(self, index: &Identifier) -> String {
        let index = QualifiedName { schema: self.of.schema.clone(), name: index.clone() }.to_string();
        let table = SqlLiteral(&self.name.to_string()).to_string();
        let body = format!(
            "BEGIN EXECUTE (SELECT pg_catalog.format('ALTER TABLE ONLY %s REPLICA IDENTITY USING INDEX %I', \
             {table}::pg_catalog.regclass, c.relname) FROM pg_catalog.pg_index x \
             JOIN pg_catalog.pg_class c ON c.oid = x.indexrelid \
             JOIN pg_catalog.pg_partition_ancestors(x.indexrelid) a ON a.relid = {}::pg_catalog.regclass \
             WHERE x.indrelid = {table}::pg_catalog.regclass); END",
            SqlLiteral(&index)
        );
        format!("DO {}", DollarQuoted(&body))
    }
}

/// Storage parameters as they stand between the parentheses of WITH and SET.
pub(super) fn storage_parameters(parameters: &BTreeMap<String, String>) -> String {
    parameters.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ")
}

/// A role as GRANT and REVOKE name it; `None`: PUBLIC.
pub fn role(role: Option<&Identifier>) -> String {
    role.map_or("PUBLIC".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(grantee: Option<&str>, privilege: &str, column: Option<&str>, grantable: bool) -> Property {
        Property::Grant(Grant {
            grantee: grantee.map(Identifier::new),
            privilege: privilege.to_owned(),
            column: column.map(Identifier::new),
            grantable,
        })
    }

    fn statements(kind: RelationKind, properties: &[Property]) -> Vec<String> {
        let (name, of) = (QualifiedName::new("shop", "orders_1"), QualifiedName::new("shop", "orders"));
        Receiver { name: &name, kind, of: &of }.statements(properties)
    }

    #[test]
    fn privileges_of_one_role_are_granted_together_whatever_they_are_called() {
        let shown = statements(
            RelationKind::Table,
            &[
                grant(None, "SELECT", None, false),
                grant(Some("Reader"), "MAINTAIN", None, false),
                grant(Some("Reader"), "SELECT", Some("note"), true),
                grant(Some("Reader"), "SOME FUTURE ONE", None, false),
            ],
        );
        assert_eq!(
            shown,
            [
                "GRANT SELECT ON shop.orders_1 TO PUBLIC",
                "GRANT MAINTAIN, SOME FUTURE ONE ON shop.orders_1 TO \"Reader\"",
                "GRANT SELECT (note) ON shop.orders_1 TO \"Reader\" WITH GRANT OPTION",
            ]
        );
    }

    #[test]
    fn a_foreign_table_is_commented_on_as_one() {
        let comment = [Property::Comment { column: None, text: "it's".to_owned() }];
        assert_eq!(statements(RelationKind::Table, &comment), ["COMMENT ON TABLE shop.orders_1 IS 'it''s'"]);
        assert_eq!(statements(RelationKind::Foreign, &comment), ["COMMENT ON FOREIGN TABLE shop.orders_1 IS 'it''s'"]);
    }
}
