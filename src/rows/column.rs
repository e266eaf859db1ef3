//! What the values of a column are stored as. The server's type decides; a type without a form of its own travels as
//! the text that the server makes of it, which every server reads back.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Format, Layout};
use crate::sql::Identifier;

/// How a value stands in a typed file, and how `COPY BINARY` spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Form {
    /// `boolean`
    Bool,
    /// `smallint`
    Int2,
    /// `integer`
    Int4,
    /// `bigint`
    Int8,
    /// `real`
    Float4,
    /// `double precision`
    Float8,
    /// `numeric(precision, scale)` of at most 38 digits, none of them before the point by a negative scale.
    Decimal {
        /// All digits, 1 to 38.
        precision: u8,
        /// Digits after the point, 0 to `precision`.
        scale: u8,
    },
    /// `uuid`
    Uuid,
    /// `bytea`
    Bytes,
    /// `text`, `varchar`, `char(n)`, `name`, and enums, whose binary spelling is their label.
    Text,
    /// `json`
    Json,
    /// `jsonb`
    Jsonb,
    /// `date`
    Date,
    /// `time`
    Time,
    /// `timestamp`
    Timestamp,
    /// `timestamptz`
    TimestampTz,
    /// Any other type: the server casts it to text for a typed file.
    Cast,
}

/// A type as `pg_type` knows it, domains resolved to what they are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerType {
    /// `pg_type.oid`, which is fixed for the types that the server is born with.
    pub oid: u32,
    /// The type modifier; -1 when there is none.
    pub modifier: i32,
    /// `pg_type.typtype = 'e'`
    pub is_enum: bool,
}

/// A column of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name.
    pub name: Identifier,
    /// Its type as `format_type` spells it, such as `numeric(12,2)`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// What its values are stored as.
    pub stored_as: Form,
    /// Why they are stored as text where their type has a form of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// `attnotnull`
    #[serde(default)]
    pub not_null: bool,
    /// The collation, where it is not that of the type, with its schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<String>,
    /// The default, or what a generated column is generated from, as SQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Whether the server makes its values: `GENERATED ALWAYS AS (...)`.
    #[serde(default)]
    pub generated: bool,
    /// `always` or `by default` for identity columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

/// Digits that a 128-bit number surely holds.
const MOST_DIGITS: i32 = 38;

impl Form {
    /// The form of a type.
    pub fn of(server_type: ServerType) -> Self {
        let ServerType { oid, modifier, is_enum } = server_type;
        match oid {
            _ if is_enum => Self::Text,
            16 => Self::Bool,
            17 => Self::Bytes,
            20 => Self::Int8,
            21 => Self::Int2,
            23 => Self::Int4,
            19 | 25 | 1042 | 1043 => Self::Text,
            114 => Self::Json,
            700 => Self::Float4,
            701 => Self::Float8,
            1082 => Self::Date,
            1083 => Self::Time,
            1114 => Self::Timestamp,
            1184 => Self::TimestampTz,
            1700 => Self::decimal(modifier),
            2950 => Self::Uuid,
            3802 => Self::Jsonb,
            _ => Self::Cast,
        }
    }

    /// A numeric's modifier is `(precision << 16 | scale) + 4`; from Postgres 15 on the scale has 11 bits and a sign.
    fn decimal(modifier: i32) -> Self {
        let packed = modifier.wrapping_sub(4);
        let (precision, scale) = ((packed >> 16) & 0xffff, ((packed & 0x7ff) ^ 1024) - 1024);
        let digits = |number| u8::try_from(number).ok();
        match (digits(precision), digits(scale)) {
            (Some(precision), Some(scale))
                if 0 <= packed && i32::from(precision) <= MOST_DIGITS && scale <= precision =>
            {
                Self::Decimal { precision, scale }
            }
            _ => Self::Cast,
        }
    }
}

impl Form {
    /// The server's own type that has this form; `None`: a value may be of any type.
    pub fn type_name(self) -> Option<String> {
        Some(match self {
            Self::Bool => "boolean".to_owned(),
            Self::Int2 => "smallint".to_owned(),
            Self::Int4 => "integer".to_owned(),
            Self::Int8 => "bigint".to_owned(),
            Self::Float4 => "real".to_owned(),
            Self::Float8 => "double precision".to_owned(),
            Self::Decimal { precision, scale } => format!("numeric({precision},{scale})"),
            Self::Uuid => "uuid".to_owned(),
            Self::Bytes => "bytea".to_owned(),
            Self::Text => "text".to_owned(),
            Self::Json => "json".to_owned(),
            Self::Jsonb => "jsonb".to_owned(),
            Self::Date => "date".to_owned(),
            Self::Time => "time without time zone".to_owned(),
            Self::Timestamp => "timestamp without time zone".to_owned(),
            Self::TimestampTz => "timestamp with time zone".to_owned(),
            Self::Cast => return None,
        })
    }

    /// Whether another form holds every value of this one, so that a cast there and back changes none.
    pub fn fits_in(self, other: Self) -> bool {
        match (self, other) {
            (Self::Int2, Self::Int4 | Self::Int8) | (Self::Int4, Self::Int8) | (Self::Float4, Self::Float8) => true,
            (Self::Decimal { precision, scale }, Self::Decimal { precision: other_precision, scale: other_scale }) => {
                scale <= other_scale && precision - scale <= other_precision - other_scale
            }
            _ => self == other,
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Decimal { precision, scale } = self {
            return write!(f, "decimal({precision},{scale})");
        }
        let (_, name) = NAMES.iter().find(|(form, _)| form == self).expect("every form but decimal has a name");
        f.write_str(name)
    }
}

const NAMES: &[(Form, &str)] = &[
    (Form::Bool, "bool"),
    (Form::Int2, "int2"),
    (Form::Int4, "int4"),
    (Form::Int8, "int8"),
    (Form::Float4, "float4"),
    (Form::Float8, "float8"),
    (Form::Uuid, "uuid"),
    (Form::Bytes, "bytes"),
    (Form::Text, "text"),
    (Form::Json, "json"),
    (Form::Jsonb, "jsonb"),
    (Form::Date, "date"),
    (Form::Time, "time"),
    (Form::Timestamp, "timestamp"),
    (Form::TimestampTz, "timestamptz"),
    (Form::Cast, "cast to text"),
];

impl FromStr for Form {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let decimal = || {
            let (precision, scale) = text.strip_prefix("decimal(")?.strip_suffix(')')?.split_once(',')?;
            let (precision, scale) = (precision.parse().ok()?, scale.parse().ok()?);
            (0 < precision && i32::from(precision) <= MOST_DIGITS && scale <= precision)
                .then_some(Self::Decimal { precision, scale })
        };
        let named = NAMES.iter().find(|(_, name)| *name == text).map(|(form, _)| *form);
        named.or_else(decimal).ok_or_else(|| format!("`{}` is no form of values", text.escape_debug()))
    }
}

impl From<Form> for String {
    fn from(form: Form) -> Self {
        form.to_string()
    }
}

impl TryFrom<String> for Form {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl Column {
    /// How the column is written in a SELECT list. Only typed files need the cast: in `binary` it would be in the way,
    /// as `COPY FROM` reads what the column's own type has sent.
    pub fn selected(&self, format: Format) -> String {
        match (format, self.stored_as) {
            (Format::Parquet, Form::Cast) => format!("{}::pg_catalog.text", self.name),
            _ => self.name.to_string(),
        }
    }

    /// Stores it as text from now on, because of a value that its form cannot hold.
    pub fn cast_because(&mut self, why: &str) {
        self.stored_as = Form::Cast;
        self.because = Some(why.to_owned());
    }
}

/// The columns whose values stand in the data files. `COPY FROM` takes none for a generated column, so files that psql
/// restores from leave it out.
pub fn stored_columns(columns: &[Column], layout: Layout) -> impl Iterator<Item = &Column> {
    columns.iter().filter(move |column| layout.format == Format::Parquet || !column.generated)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(modifier: i32) -> Form {
        Form::of(ServerType { oid: 1700, modifier, is_enum: false })
    }

    #[test]
    fn a_numeric_is_a_decimal_where_its_digits_fit() {
        let modifier = |precision: i32, scale: i32| ((precision << 16) | (scale & 0x7ff)) + 4;
        assert_eq!(numeric(modifier(12, 2)), Form::Decimal { precision: 12, scale: 2 });
        assert_eq!(numeric(modifier(38, 38)), Form::Decimal { precision: 38, scale: 38 });
        assert_eq!(numeric(modifier(39, 2)), Form::Cast);
        assert_eq!(numeric(modifier(5, -2)), Form::Cast, "numeric(5,-2) is a number of hundreds");
        assert_eq!(numeric(modifier(2, 5)), Form::Cast);
        assert_eq!(numeric(modifier(1000, 1000)), Form::Cast);
        assert_eq!(numeric(-1), Form::Cast, "without a modifier it holds anything");
    }

    #[test]
    fn every_form_is_read_back_from_its_name() {
        let decimal = Form::Decimal { precision: 38, scale: 0 };
        for form in NAMES.iter().map(|(form, _)| *form).chain([decimal]) {
            assert_eq!(form.to_string().parse(), Ok(form));
        }
        for text in ["decimal(0,0)", "decimal(39,0)", "decimal(5,6)", "decimal(5)", "decimal(5,2", "", "money"] {
            assert!(text.parse::<Form>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_cast_column_is_selected_as_text() {
        let mut column = Column {
            name: Identifier::new("Amount"),
            type_name: "numeric(12,2)".to_owned(),
            stored_as: numeric(((12 << 16) | 2) + 4),
            because: None,
            not_null: false,
            collation: None,
            default: None,
            generated: false,
            identity: None,
        };
        assert_eq!(column.selected(Format::Parquet), "\"Amount\"");
        column.cast_because("it holds NaN");
        assert_eq!(column.selected(Format::Parquet), "\"Amount\"::pg_catalog.text");
        assert_eq!(column.selected(Format::Binary), "\"Amount\"", "COPY FROM would take the text for an array");
    }
}
