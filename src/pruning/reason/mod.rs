//! Why a query prunes late or not at all, and what to write instead: found from its own words and from facts about the
//! names in it.
//!
//! A plan alone gives the verdict; this only explains it, so a query that cannot be read still has one. A rewrite is
//! proposed here and proven by whoever can ask the planner.

mod codes;
mod comparison;
mod diagnosis;
mod facts;
mod inward;
mod level;
mod predicates;
mod reading;
mod rewrite;
mod rules;
mod syntax;
mod value;
mod wrapped;

pub use codes::{REASONS, Reason};
pub use diagnosis::{Diagnosis, Inquiry, Rewrite, diagnose, functions_called};
pub use facts::{Column, Function, Key, KeyPart, QueryFacts, Relation, Volatility};
