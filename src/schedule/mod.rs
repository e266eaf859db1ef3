//! Time as data: points on a key's axis, half-open windows between them, and the grid of windows a policy asks for.
//!
//! Nothing here knows a clock, a database or a policy file.

mod bytes;
mod grid;
mod interval;
#[cfg(test)]
mod laws;
mod quantity;
mod window;
mod zone;

pub use bytes::{Bytes, scaled};
pub use grid::Grid;
pub use interval::{Interval, Unit, parse_elapsed};
pub use quantity::IntervalError;
pub use window::{Edge, Extent, Point, Window};
pub use zone::Zone;
