//! Against a real server: one throwaway server per run, one fresh database per test.

mod anywhere;
mod beside;
mod connecting;
mod convergence;
mod harness;
mod keys;
mod outages;
mod pooled;
mod proxy;
mod pruning;
mod reattach;
mod retention;
mod rights;
mod run_lock;
mod signals;
mod standby;
mod statistics;
mod status;
mod story;
mod trial;
mod trouble;
mod workloads;
