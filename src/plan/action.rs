//! Machine language: what the executor does for a step. The SQL here is the SQL that is shown.

/// One unit of work that either happens whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Statements between BEGIN and COMMIT.
    Transaction(Vec<String>),
    /// A statement that Postgres refuses inside a transaction block (25001).
    Alone(String),
}

impl Action {
    /// Its statements, without the BEGIN and COMMIT around them.
    pub fn statements(&self) -> &[String] {
        match self {
            Self::Transaction(statements) => statements,
            Self::Alone(statement) => std::slice::from_ref(statement),
        }
    }
}
