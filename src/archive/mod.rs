//! Archives in object stores: rows of a detached table go out in one streaming pass, are read back and compared, and
//! come in again. Decides nothing about which table, where to, or when; never drops anything in the database.

#![cfg_attr(
    not(feature = "parquet"),
    expect(dead_code, unused_imports, reason = "columns and their forms only matter to Parquet")
)]

#[cfg(feature = "cloud")]
mod cloud;
mod decode;
mod destination;
mod encode;
mod export;
mod find;
mod load;
mod make;
mod outgoing;
mod packing;
#[cfg(feature = "parquet")]
mod parquet;
mod read_back;
mod refusal;
mod upload;

pub use destination::{Destination, Stored};
pub use export::{Exported, Exporting, Passing, Progress, export};
pub use find::{Found, find};
pub use load::{Loading, load, read_out};
pub use make::{Made, Making, make};
pub use read_back::{Damage, read_back, read_manifest, verify};
pub use upload::{Diary, NoDiary};
