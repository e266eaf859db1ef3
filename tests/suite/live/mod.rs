//! Against a real server: one throwaway server per run, one fresh database per test.

mod connecting;
mod convergence;
mod harness;
mod keys;
mod killed;
mod pruning;
mod retention;
mod rights;
mod standby;
mod statistics;
mod status;
mod story;
mod trouble;
