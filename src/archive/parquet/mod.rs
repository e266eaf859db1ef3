//! Parquet: typed columns that any reader understands. What cannot be told apart by type, Postgres' own type is beside
//! it in the file's metadata. Every column may hold nulls: Postgres 18 has NOT NULL constraints that are not valid.

mod decode;
mod encode;
mod schema;

pub(super) use decode::{Footer, decode_row_group};
pub(super) use encode::encode;
