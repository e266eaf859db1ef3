//! A table made of nothing but a manifest: where there is no parent to be like, or it shall be as it was.

use std::collections::BTreeSet;

use super::mapping::Remark;
use crate::manifest::{ArchivedTable, Manifest, Origin};
use crate::rows::{Column, Format};
use crate::sql::{Identifier, QualifiedName};

/// Something that is made once the rows are there, as it may fail without any harm to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Afterwards {
    /// Its name in the archive.
    pub name: String,
    /// The statement.
    pub statement: String,
}

/// The statement that makes the table. Types that are `unknown` on this server are replaced by the one that their values
/// are stored as. Defaults are left out: they are for rows to come, and may need what is not here.
pub fn create_table(manifest: &Manifest, table: &QualifiedName, unknown: &BTreeSet<String>) -> (String, Vec<Remark>) {
    let mut remarks = Vec::new();
    let stored = manifest.layout.format == Format::Parquet;
    let column = |column: &Column| {
        let mut type_name = column.type_name.clone();
        if unknown.contains(&type_name) {
            // What its own type has sent is only bytes to anybody else.
            let any = if manifest.layout.format == Format::Binary { "bytea" } else { "text" };
            let other = column.stored_as.type_name().unwrap_or_else(|| any.to_owned());
            remarks.push(Remark::Replaced { column: column.name.clone(), from: type_name, to: other.clone() });
            type_name = other;
        }
        let collation = column.collation.as_ref().map(|collation| format!(" COLLATE {collation}")).unwrap_or_default();
        let not_null = if column.not_null { " NOT NULL" } else { "" };
        let made = match &column.default {
            Some(expression) if column.generated && !stored => format!(" GENERATED ALWAYS AS ({expression}) STORED"),
            _ => String::new(),
        };
        format!("{} {type_name}{collation}{made}{not_null}", column.name)
    };
    let columns: Vec<String> = manifest.table.columns.iter().map(column).collect();
    (format!("CREATE TABLE {table} ({})", columns.join(", ")), remarks)
}

/// Constraints and indexes as they were, foreign keys left out: what they pointed to need not be here.
pub fn add_afterwards(archived: &ArchivedTable, table: &QualifiedName) -> Vec<Afterwards> {
    let local = |origin: &&Origin| !origin.definition.starts_with("FOREIGN KEY");
    // A name that an index has must be new in its schema, and the old table may still be there.
    let named = |Origin { name, definition }: &Origin| match definition.starts_with("CHECK") {
        true => format!("CONSTRAINT {} ", Identifier::new(name)),
        false => String::new(),
    };
    let constraints = archived.constraints.iter().filter(local).map(|origin| Afterwards {
        name: origin.name.clone(),
        statement: format!("ALTER TABLE {table} ADD {}{}", named(origin), origin.definition),
    });
    let of_a_constraint = |index: &&Origin| archived.constraints.iter().any(|constraint| constraint.name == index.name);
    let indexes = archived.indexes.iter().filter(|index| !of_a_constraint(index)).filter_map(|index| {
        let head = format!("INDEX {} ON {} ", Identifier::new(&index.name), archived.name);
        let (before, after) = index.definition.split_once(&head)?;
        Some(Afterwards { name: index.name.clone(), statement: format!("{before}INDEX ON {table} {after}") })
    });
    constraints.chain(indexes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::samples::{column, manifest};
    use crate::rows::{Compression, Form, Layout};

    #[test]
    fn a_table_is_made_of_what_the_manifest_says() {
        let mut manifest = manifest();
        let mood = Column { type_name: "s.mood".to_owned(), stored_as: Form::Text, ..column("Mood") };
        let name = Column { collation: Some("pg_catalog.\"C\"".to_owned()), not_null: false, ..column("name") };
        let twice = Column { generated: true, default: Some("(id * 2)".to_owned()), ..column("twice") };
        manifest.table.columns = vec![column("id"), mood, name, twice];
        let unknown = BTreeSet::from(["s.mood".to_owned()]);
        let table = QualifiedName::new("x", "T");
        let (sql, remarks) = create_table(&manifest, &table, &unknown);
        assert_eq!(
            sql,
            "CREATE TABLE x.\"T\" (id integer NOT NULL, \"Mood\" text NOT NULL, name integer COLLATE pg_catalog.\"C\", \
             twice integer GENERATED ALWAYS AS ((id * 2)) STORED NOT NULL)"
        );
        assert_eq!(remarks[0].to_string(), "column \"Mood\" was s.mood, which is unknown here: it is made text");
        manifest.layout = Layout { format: Format::Parquet, compression: Compression::None };
        assert!(create_table(&manifest, &table, &unknown).0.ends_with("twice integer NOT NULL)"));
    }

    #[test]
    fn constraints_and_indexes_follow_and_foreign_keys_do_not() {
        let origin = |name: &str, definition: &str| Origin { name: name.to_owned(), definition: definition.to_owned() };
        let mut archived = manifest().table;
        archived.constraints =
            vec![origin("pk", "PRIMARY KEY (id)"), origin("fk", "FOREIGN KEY (id) REFERENCES s.o(id)")];
        archived.indexes = vec![
            origin("pk", "CREATE UNIQUE INDEX pk ON shop.orders_2024_10 USING btree (id)"),
            origin("By id", "CREATE INDEX \"By id\" ON shop.orders_2024_10 USING btree (id DESC)"),
        ];
        let made = add_afterwards(&archived, &QualifiedName::new("x", "t"));
        let statements: Vec<&str> = made.iter().map(|made| made.statement.as_str()).collect();
        assert_eq!(statements, ["ALTER TABLE x.t ADD PRIMARY KEY (id)", "CREATE INDEX ON x.t USING btree (id DESC)"]);
    }
}
