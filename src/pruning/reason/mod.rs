//! Why a query prunes late or not at all, and what to write instead: found from its own words and from facts about the
//! names in it.
//!
//! A plan alone gives the verdict; this only explains it, so a query that cannot be read still has one. A rewrite is
//! proposed here and proven by whoever can ask the planner.

mod codes;
mod comparison;
mod facts;
mod reading;
mod rewrite;
mod rules;
mod value;
mod wrapped;

pub use codes::{REASONS, Reason};
pub use facts::{Column, Function, Key, KeyPart, QueryFacts, Relation, Volatility};
pub use rules::{Diagnosis, Inquiry, Rewrite, diagnose, functions_called};
