//! Time as data: points on a key's axis, half-open windows between them, and the grid of windows a policy asks for.
//!
//! Nothing here knows a clock, a database or a policy file.

mod grid;
mod interval;
mod window;

pub use window::{Edge, Extent, Point, Window};
