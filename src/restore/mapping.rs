//! Columns of an archive and of a table, paired by name. Added ones get their defaults, dropped ones are told of, and
//! those of another type are read by the server from text.

use std::fmt;

use crate::manifest::Manifest;
use crate::rows::{Column, Form, Format, stored_columns};
use crate::sql::{Identifier, QualifiedName};

/// How rows are sent to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As the records that are stored.
    Csv,
    /// As the tuples that once came.
    Binary,
    /// As text, which every type is read from: some column has another type now, or no binary form here.
    Text,
}

impl Way {
    /// The option of COPY.
    pub fn format(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Binary => "binary",
            Self::Text => "text",
        }
    }
}

/// A column that is archived and still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    /// Its place among the fields of an archived row.
    pub from: usize,
    /// What its values are stored as.
    pub form: Form,
    /// Its name.
    pub name: Identifier,
    /// How it is selected so that it is spelled as in the archive; `None`: its type has changed so that it cannot be
    /// compared.
    pub compared_as: Option<String>,
}

/// Something that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// It is not in the archive: its default, if it has one, else null.
    Added {
        /// The column.
        column: Identifier,
        /// Its default as SQL.
        default: Option<String>,
    },
    /// It is in the archive, and the table has it no more.
    Dropped(Identifier),
    /// The server makes its values now, and made none then.
    Generated(Identifier),
    /// It has another type.
    Converted {
        /// The column.
        column: Identifier,
        /// Its type then.
        from: String,
        /// Its type now.
        to: String,
        /// Whether its values can be compared all the same.
        compared: bool,
    },
    /// A column of a type that is not known here is made of another one.
    Replaced {
        /// The column.
        column: Identifier,
        /// Its type then.
        from: String,
        /// What it is made of.
        to: String,
    },
    /// A constraint or an index that could not be made.
    LeftOut {
        /// Its name.
        name: String,
        /// Why, as the server says it.
        why: String,
    },
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added { column, default: Some(default) } => {
                write!(f, "column {column} is not in the archive: it gets its default {default}")
            }
            Self::Added { column, default: None } => write!(f, "column {column} is not in the archive: it is null"),
            Self::Dropped(column) => {
                write!(f, "column {column} is in the archive, and no longer in the table: left out")
            }
            Self::Generated(column) => write!(f, "column {column} is generated now: its archived values are left out"),
            Self::Converted { column, from, to, compared: true } => {
                write!(f, "column {column} was {from} and is {to}")
            }
            Self::Converted { column, from, to, compared: false } => {
                write!(
                    f,
                    "column {column} was {from} and is {to}: the server converts its values, and they are not compared"
                )
            }
            Self::Replaced { column, from, to } => {
                write!(f, "column {column} was {from}, which is unknown here: it is made {to}")
            }
            Self::LeftOut { name, why } => write!(f, "{name} was not made: {why}"),
        }
    }
}

/// Why rows cannot become rows of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// A column that must have a value, and that neither the archive nor the server has one for.
    NoValue(Identifier),
    /// A column's values are stored as only its old type reads them, and it has another one, or another column has.
    OnlyItsOwnType {
        /// The column.
        column: Identifier,
        /// Its type then.
        type_name: String,
    },
    /// No column is in both.
    NothingInCommon,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoValue(column) => {
                write!(f, "column {column} is NOT NULL, is not in the archive, and has no default")
            }
            Self::OnlyItsOwnType { column, type_name } => {
                write!(f, "column {column} is stored in the binary form of {type_name}, and types have changed since")
            }
            Self::NothingInCommon => f.write_str("the archive and the table have no column in common"),
        }
    }
}

/// Which columns of an archive go where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// How rows travel.
    pub way: Way,
    /// How many fields an archived row has.
    pub stored: usize,
    /// The columns, in the order of the archive.
    pub columns: Vec<Mapped>,
    /// What is not as it was, in the order of columns.
    pub remarks: Vec<Remark>,
}

/// Pairs the archive's columns with those of a table.
///
/// # Errors
/// When rows would surely be refused.
pub fn map(manifest: &Manifest, today: &[Column]) -> Result<Mapping, Unfit> {
    let stored: Vec<&Column> = stored_columns(&manifest.table.columns, manifest.layout).collect();
    let (mut columns, mut remarks, mut same) = (Vec::new(), Vec::new(), true);
    for (from, then) in stored.iter().enumerate() {
        let Some(now) = today.iter().find(|column| column.name == then.name) else {
            remarks.push(Remark::Dropped(then.name.clone()));
            continue;
        };
        if now.generated {
            if !then.generated {
                remarks.push(Remark::Generated(now.name.clone()));
            }
            continue;
        }
        let compared_as = compared_as(then, now, manifest.layout.format);
        same &= goes_as_it_is(then, now, manifest.layout.format);
        if then.type_name != now.type_name {
            remarks.push(Remark::Converted {
                column: now.name.clone(),
                from: then.type_name.clone(),
                to: now.type_name.clone(),
                compared: compared_as.is_some(),
            });
        }
        columns.push(Mapped { from, form: then.stored_as, name: now.name.clone(), compared_as });
    }
    for now in today.iter().filter(|now| !now.generated) {
        if manifest.table.columns.iter().any(|then| then.name == now.name && (!then.generated || is_in(&columns, now)))
        {
            continue;
        }
        let default = now.default.clone();
        if now.not_null && default.is_none() {
            return Err(Unfit::NoValue(now.name.clone()));
        }
        remarks.push(Remark::Added { column: now.name.clone(), default });
    }
    if columns.is_empty() {
        return Err(Unfit::NothingInCommon);
    }
    let way = match manifest.layout.format {
        Format::Csv => Way::Csv,
        Format::Parquet | Format::Binary if same => Way::Binary,
        Format::Parquet | Format::Binary => Way::Text,
    };
    let own = |mapped: &&Mapped| manifest.layout.format == Format::Binary && mapped.form == Form::Cast;
    if let Some(mapped) = columns.iter().find(own).filter(|_| way == Way::Text) {
        let (column, type_name) = (mapped.name.clone(), stored[mapped.from].type_name.clone());
        return Err(Unfit::OnlyItsOwnType { column, type_name });
    }
    Ok(Mapping { way, stored: stored.len(), columns, remarks })
}

fn is_in(columns: &[Mapped], column: &Column) -> bool {
    columns.iter().any(|mapped| mapped.name == column.name)
}

/// Whether the type of today reads the very bytes that are stored in a tuple.
fn goes_as_it_is(then: &Column, now: &Column, format: Format) -> bool {
    match then.stored_as {
        // In `binary` it is what its own type once sent, which `bytea` takes as it is.
        Form::Cast => format == Format::Binary && (then.type_name == now.type_name || now.stored_as == Form::Bytes),
        form => form == now.stored_as,
    }
}

/// How today's column is selected so that it is spelled as the archived one.
fn compared_as(then: &Column, now: &Column, format: Format) -> Option<String> {
    let name = &now.name;
    match then.stored_as {
        Form::Cast if format == Format::Binary => goes_as_it_is(then, now, format).then(|| name.to_string()),
        // Text is what is stored, and what a column of text is given.
        Form::Cast if now.stored_as == Form::Text => Some(name.to_string()),
        Form::Cast if then.type_name != now.type_name => None,
        Form::Cast if format == Format::Csv => Some(name.to_string()),
        // Not all types are spelled in the same way by a cast: `inet` is not.
        Form::Cast => Some(format!("{name}::pg_catalog.text")),
        form if form == now.stored_as => Some(name.to_string()),
        form if form.fits_in(now.stored_as) => Some(format!("{name}::{}", form.type_name()?)),
        _ => None,
    }
}

impl Mapping {
    /// The statement that takes the rows, which nobody else sees before its transaction is committed: the table was
    /// truncated in it.
    pub fn copy_in(&self, table: &QualifiedName) -> String {
        let names: Vec<String> = self.columns.iter().map(|column| column.name.to_string()).collect();
        format!("COPY {table} ({}) FROM STDIN (FORMAT {}, FREEZE)", names.join(", "), self.way.format())
    }

    /// The statement that gives the compared columns back, as they are spelled in the archive.
    pub fn copy_out(&self, table: &QualifiedName) -> String {
        let selected: Vec<&str> = self.columns.iter().filter_map(|column| column.compared_as.as_deref()).collect();
        let format = if self.way == Way::Csv { "csv" } else { "binary" };
        format!("COPY (SELECT {} FROM ONLY {table}) TO STDOUT (FORMAT {format})", selected.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::samples::{column, manifest};
    use crate::rows::{Compression, Layout};

    fn of(columns: Vec<Column>, format: Format) -> Manifest {
        let mut manifest = manifest();
        manifest.table.columns = columns;
        manifest.layout = Layout { format, compression: Compression::None };
        manifest
    }

    fn typed(name: &str, type_name: &str, form: Form) -> Column {
        Column { type_name: type_name.to_owned(), stored_as: form, ..column(name) }
    }

    #[test]
    fn the_same_columns_in_another_order_go_as_they_came() {
        let then = vec![column("a"), column("b")];
        let mapping = map(&of(then, Format::Parquet), &[column("b"), column("a")]).unwrap();
        assert_eq!((mapping.way, mapping.remarks.len()), (Way::Binary, 0));
        let table = QualifiedName::new("s", "t");
        assert_eq!(mapping.copy_in(&table), "COPY s.t (a, b) FROM STDIN (FORMAT binary, FREEZE)");
        assert_eq!(mapping.copy_out(&table), "COPY (SELECT a, b FROM ONLY s.t) TO STDOUT (FORMAT binary)");
    }

    #[test]
    fn what_is_not_as_it_was_is_said() {
        let generated = |name| Column { generated: true, ..column(name) };
        let default = |name| Column { default: Some("7".to_owned()), not_null: true, ..column(name) };
        let then = vec![column("a"), column("gone"), typed("n", "integer", Form::Int4), column("made"), generated("g")];
        let now = [
            column("a"),
            typed("n", "bigint", Form::Int8),
            generated("made"),
            generated("g"),
            default("more"),
            Column { not_null: false, ..column("maybe") },
        ];
        let mapping = map(&of(then, Format::Parquet), &now).unwrap();
        let said: Vec<String> = mapping.remarks.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "column gone is in the archive, and no longer in the table: left out",
                "column n was integer and is bigint",
                "column made is generated now: its archived values are left out",
                "column more is not in the archive: it gets its default 7",
                "column maybe is not in the archive: it is null",
            ]
        );
        assert_eq!(mapping.way, Way::Text);
        assert_eq!(mapping.stored, 5);
        assert_eq!(mapping.columns.iter().map(|column| column.from).collect::<Vec<_>>(), [0, 2]);
        assert_eq!(mapping.columns[1].compared_as.as_deref(), Some("n::integer"));
    }

    #[test]
    fn a_column_that_was_generated_and_is_plain_now_keeps_its_values_where_they_are_stored() {
        let then = vec![column("a"), Column { generated: true, ..column("g") }];
        let now = [column("a"), column("g")];
        assert_eq!(map(&of(then.clone(), Format::Parquet), &now).unwrap().columns.len(), 2);
        assert_eq!(map(&of(then, Format::Csv), &now), Err(Unfit::NoValue(Identifier::new("g"))));
    }

    #[test]
    fn what_cannot_be_compared_is_not_and_what_cannot_be_filled_is_refused() {
        let json = map(&of(vec![typed("j", "json", Form::Json)], Format::Binary), &[typed("j", "jsonb", Form::Jsonb)]);
        let json = json.unwrap();
        assert_eq!((json.way, json.columns[0].compared_as.as_ref()), (Way::Text, None));
        assert!(json.remarks[0].to_string().ends_with("they are not compared"));
        let list =
            map(&of(vec![typed("l", "integer[]", Form::Cast)], Format::Csv), &[typed("l", "integer[]", Form::Cast)]);
        let list = list.unwrap();
        assert_eq!((list.way, list.columns[0].compared_as.as_deref()), (Way::Csv, Some("l")));
        let refused = map(&of(vec![column("a")], Format::Csv), &[column("a"), column("b")]);
        assert_eq!(refused, Err(Unfit::NoValue(Identifier::new("b"))));
        assert_eq!(map(&of(vec![column("a")], Format::Csv), &[]), Err(Unfit::NothingInCommon));
    }
}
