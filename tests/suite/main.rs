//! The one integration binary: pure scenarios, the architecture's laws, and live tests against a real server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod architecture;
mod documents;
mod generating;
mod live;
mod python;
mod scenarios;
