//! The wish: policy documents as YAML writes them, the problems in them, and the policies they mean.
//!
//! Pure: files are read upstairs and arrive as [`Source`]s.

mod check;
mod document;
mod fingerprint;
mod model;
mod name_template;
mod problem;

pub use check::{Checked, RULES, check};
pub use fingerprint::fingerprint;
pub use model::*;
pub use name_template::{NameTemplate, Segment, TemplateError};
pub use problem::{Lines, Problem, Rule, Source};
