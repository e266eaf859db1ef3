//! Postgres, seen from outside: connecting, reading the catalog, asking the planner. The only room that names
//! `tokio_postgres`; it decides nothing about partitions.

pub mod analyze;
pub mod answers;
pub mod blockers;
pub mod connect;
pub mod conninfo;
mod default_rows;
pub mod explain;
pub mod look_up;
mod partition_facts;
pub mod read_archives;
pub mod read_catalog;
pub mod read_definition;
mod read_expressions;
pub mod read_history;
pub mod read_partman;
pub mod throwaway;
pub mod tls;
pub mod workload;
