//! Against a real server: one throwaway server per run, one fresh database per test.

mod connecting;
mod convergence;
mod harness;
mod keys;
mod killed;
mod pruning;
mod pruning_reasons;
mod retention;
mod standby;
mod status;
mod trouble;
