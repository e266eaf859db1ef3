//! Against a real server: one throwaway server per run, one fresh database per test.

mod anywhere;
mod connecting;
mod convergence;
mod harness;
mod keys;
mod outages;
mod proxy;
mod pruning;
mod retention;
mod run_lock;
mod signals;
mod standby;
mod status;
mod trial;
mod trouble;
mod workloads;
