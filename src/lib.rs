//! partctl: declarative partition management for PostgreSQL.

pub mod catalog;
pub mod db;
pub mod desired;
pub mod diff;
pub mod failure;
pub mod keys;
pub mod plan;
pub mod policy;
pub mod pruning;
pub mod render;
pub mod schedule;
pub mod sql;
