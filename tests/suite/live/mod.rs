//! Against a real server: one throwaway server per run, one fresh database per test.

mod beside;
mod connecting;
mod convergence;
mod harness;
mod keys;
mod killed;
mod pooled;
mod pruning;
mod pruning_files;
mod pruning_reasons;
mod reattach;
mod retention;
mod standby;
mod status;
mod trouble;
mod workload;
