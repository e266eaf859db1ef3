//! What the user typed, and what is read and written for it. The only room that knows files, arguments and terminals.

pub mod policy_files;
pub mod validate;
