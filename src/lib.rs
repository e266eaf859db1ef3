//! partctl: declarative partition management for PostgreSQL.

pub mod db;
pub mod failure;
pub mod schedule;
pub mod sql;
