//! Against a real server: one throwaway server per run, one fresh database per test.

mod autovacuum;
mod connecting;
mod convergence;
mod foreign_keys;
mod harness;
mod keys;
mod killed;
mod locks;
mod pruning;
mod retention;
mod scans;
mod standby;
mod status;
mod trouble;
mod windows;
