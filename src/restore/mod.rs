//! How an archive's rows become those of a table as it is today: which columns they go to, how they are spelled on the
//! way, what the table is made of where there is none, and by what it is told that they have come. Decides; touches
//! neither a store nor a database.

mod mapping;
mod projection;
mod remake;

pub use mapping::{Mapped, Mapping, Remark, Unfit, Way, map};
pub use projection::Projection;
pub use remake::{Afterwards, add_afterwards, create_table};
