//! The wish: policy documents as YAML writes them, the problems in them, and the policies they mean.
//!
//! Pure: files are read upstairs and arrive as [`Source`]s.

mod fingerprint;
mod model;
mod name_template;
mod problem;

pub use fingerprint::fingerprint;
pub use model::*;
pub use name_template::{NameTemplate, Segment};
pub use problem::{Problem, Rule, Source};
