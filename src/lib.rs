//! partctl: declarative partition management for PostgreSQL.

pub mod cli;
pub mod db;
pub mod failure;
pub mod policy;
pub mod render;
pub mod schedule;
pub mod sql;
