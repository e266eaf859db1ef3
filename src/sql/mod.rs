//! How SQL is spelled: identifiers, qualified names and literals, quoted so that any name survives.
//!
//! Every statement partctl sends is put together from these; a bare `format!` of a name is a defect.

mod dollar_quoted;
mod identifier;
mod key_part;
mod literal;
mod qualified_name;
mod session;
pub mod since;

pub use dollar_quoted::DollarQuoted;
pub use identifier::Identifier;
pub use key_part::{KeyPart, same_expression, split_expressions};
pub use literal::SqlLiteral;
pub use qualified_name::{NameError, QualifiedName};
pub use session::{LOCK_TIMEOUT, pin_script, pin_session};
