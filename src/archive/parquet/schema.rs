//! Which physical and logical type each form has.

use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::errors::Result;
use parquet::schema::types::{Type, TypePtr};

use crate::rows::{Column, Form};

/// Microseconds and days from 1970-01-01, where Parquet counts from, to 2000-01-01, where Postgres does.
pub(super) const EPOCH_DAYS: i32 = 10_957;
pub(super) const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * 86_400_000_000;
/// Of a decimal that no 64-bit number holds.
pub(super) const WIDE_DECIMAL: usize = 16;
pub(super) const UUID: usize = 16;

/// How the values of a form stand in a file.
pub(super) fn physical(form: Form) -> Physical {
    match form {
        Form::Bool => Physical::BOOLEAN,
        Form::Int2 | Form::Int4 | Form::Date => Physical::INT32,
        Form::Int8 | Form::Time | Form::Timestamp | Form::TimestampTz => Physical::INT64,
        Form::Float4 => Physical::FLOAT,
        Form::Float8 => Physical::DOUBLE,
        Form::Decimal { precision: ..=9, .. } => Physical::INT32,
        Form::Decimal { precision: ..=18, .. } => Physical::INT64,
        Form::Decimal { .. } | Form::Uuid => Physical::FIXED_LEN_BYTE_ARRAY,
        Form::Bytes | Form::Text | Form::Json | Form::Jsonb | Form::Cast => Physical::BYTE_ARRAY,
    }
}

fn logical(form: Form) -> Option<LogicalType> {
    let timestamp = |utc| LogicalType::timestamp(utc, TimeUnit::MICROS);
    match form {
        Form::Bool | Form::Int4 | Form::Int8 | Form::Float4 | Form::Float8 | Form::Bytes => None,
        Form::Int2 => Some(LogicalType::integer(16, true)),
        Form::Decimal { precision, scale } => Some(LogicalType::decimal(scale.into(), precision.into())),
        Form::Uuid => Some(LogicalType::Uuid),
        Form::Text | Form::Cast => Some(LogicalType::String),
        Form::Json | Form::Jsonb => Some(LogicalType::Json),
        Form::Date => Some(LogicalType::Date),
        Form::Time => Some(LogicalType::time(false, TimeUnit::MICROS)),
        Form::Timestamp => Some(timestamp(false)),
        Form::TimestampTz => Some(timestamp(true)),
    }
}

/// The schema of these columns.
pub(super) fn schema(columns: &[Column]) -> Result<TypePtr> {
    let field = |column: &Column| {
        let form = column.stored_as;
        let mut builder = Type::primitive_type_builder(column.name.as_str(), physical(form))
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical(form));
        builder = match form {
            Form::Uuid => builder.with_length(UUID as i32),
            Form::Decimal { precision, scale } => {
                let builder = builder.with_precision(precision.into()).with_scale(scale.into());
                if 18 < precision { builder.with_length(WIDE_DECIMAL as i32) } else { builder }
            }
            _ => builder,
        };
        builder.build().map(Arc::new)
    };
    let fields = columns.iter().map(field).collect::<Result<_>>()?;
    Ok(Arc::new(Type::group_type_builder("rows").with_fields(fields).build()?))
}
