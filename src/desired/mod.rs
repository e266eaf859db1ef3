//! What should exist: a policy, fitted to the table that it names.
//!
//! Pure: the moment comes as data. Whether it exists already is `diff`'s business.

mod expand;
mod key;
mod list;
mod naming;
mod tree;

pub use expand::expand;
pub(crate) use expand::{integer, time};
pub use key::{partition_by, partition_key, strategy};
pub use naming::{Label, partition_name};
pub use tree::{Desired, DesiredGroup, DesiredHash, DesiredList, DesiredRange};
