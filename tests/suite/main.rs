//! The one integration binary: pure scenarios, the architecture's laws, and live tests against a real server.

mod architecture;
mod live;
mod scenarios;
