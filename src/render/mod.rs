//! Turns what was decided into text for a person or a machine, written into whatever the caller hands over.
//!
//! One model per report, one file per format. Decides wording and layout only; never what is planned.

pub mod problems;
mod style;

pub use style::{Colour, Screen};
