//! What happens while a plan is carried out: the only link between doing and showing.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Step, StepError};
use crate::sql::QualifiedName;

/// A session that holds a lock a step needs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Blocker {
    /// Its backend's process id; 0 for a prepared transaction, which has none.
    pub pid: i32,
    /// Its role; empty when this role may not see it.
    pub role: String,
    /// Its `application_name`.
    pub application: String,
    /// `active`, `idle in transaction`, `prepared transaction` ...; empty when this role may not see it.
    pub state: String,
    /// Since when its transaction runs, as the server writes it.
    pub since: String,
    /// What it holds, such as `ACCESS SHARE on shop.orders`.
    pub holds: String,
    /// Its current or last statement.
    pub query: String,
}

/// What an archive step does with rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// They go from the table to the store.
    Out,
    /// They are read back, to be compared.
    Back,
}

/// An archive that was made and verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Archived {
    /// Its rows.
    pub rows: u64,
    /// Their bytes, as COPY sends them.
    pub raw_bytes: u64,
    /// Bytes of the data files.
    pub bytes: u64,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Work on so many steps begins.
    Started {
        /// How many steps there are.
        steps: usize,
    },
    /// A step begins.
    StepStarted {
        /// Its table.
        table: QualifiedName,
        /// The step.
        step: Box<Step>,
    },
    /// A step did not get its locks yet and will be tried again.
    Waiting {
        /// Its table.
        table: QualifiedName,
        /// The step.
        step: Box<Step>,
        /// How long so far.
        waited: Duration,
        /// Who is in the way, as far as visible.
        blockers: Vec<Blocker>,
    },
    /// A step that takes long has come so far.
    Progress {
        /// Its table.
        table: QualifiedName,
        /// The step.
        step: Box<Step>,
        /// How much is done.
        done: u64,
        /// Of how much; never 0.
        of: u64,
        /// How long so far.
        running: Duration,
        /// How long it will go on, as far as that can be told.
        left: Option<Duration>,
    },
    /// A step is done and committed.
    StepDone {
        /// Its table.
        table: QualifiedName,
        /// The step.
        step: Box<Step>,
        /// From its start to its commit.
        took: Duration,
        /// What an archive step has made.
        archived: Option<Archived>,
    },
    /// An archive step has come so far.
    Archiving {
        /// Its table.
        table: QualifiedName,
        /// The step.
        step: Box<Step>,
        /// On its way out, or back.
        pass: Pass,
        /// Rows read so far.
        rows: u64,
        /// Their bytes, as COPY sends them.
        bytes: u64,
        /// Since the pass began.
        took: Duration,
        /// Since the step began.
        running: Duration,
    },
    /// A step failed.
    StepFailed {
        /// Its table.
        table: QualifiedName,
        /// The step.
        step: Box<Step>,
        /// Why.
        error: StepError,
    },
    /// Something a person should know, from the server or from partctl itself.
    Notice(String),
    /// All steps are done or left out.
    Finished,
}

/// Whoever shows, logs or records events.
pub trait Listener: Send {
    /// Takes one event; must be quick.
    fn hear(&mut self, event: &Event);
}
