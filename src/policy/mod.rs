//! The wish: policy documents as YAML writes them, the problems in them, and the policies they mean.
//!
//! Pure: files are read upstairs and arrive as [`Source`]s.

mod check;
mod document;
mod fingerprint;
mod format;
mod mentions;
mod model;
mod name_template;
mod problem;
mod query_files;
mod reference;
mod schema;
mod storage;

pub use check::{Checked, RULES, check, check_with, code_of_severity, is_query, severity_called};
pub use fingerprint::fingerprint;
pub use format::{Formatted, format};
pub use mentions::mentioned;
pub use model::*;
pub use name_template::{NameTemplate, Segment, TemplateError};
pub use problem::{Lines, Problem, Rule, Source};
pub use query_files::{QueryFileWanted, QueryFiles, query_files_wanted};
pub use schema::schema;
pub use storage::{STORAGE_PARAMETERS, StorageParameter, Takes};
