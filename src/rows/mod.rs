//! Rows as they travel: what a column's values are stored as, how `COPY` spells them, and what proves that two sets of
//! rows are the same. Decides nothing about where rows come from or go to, and reads and writes nothing.

mod column;
mod copy_binary;
mod copy_csv;
mod copy_text;
mod fingerprint;
mod layout;
mod numeric;

pub use column::{Column, Form, ServerType, stored_columns};
pub use copy_binary::{MalformedCopy, TRAILER, Tuples, fields, header, put_field, put_null};
pub use copy_csv::{Records, spelled_fields};
pub use copy_text::put_text;
pub use fingerprint::Fingerprint;
pub use layout::{Compression, Format, Layout};
pub use numeric::{NotFinite, decimal_of, put_decimal, put_numeric_text};
