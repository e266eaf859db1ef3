//! Statements that the server has counted, what they do to managed tables, and what of that is worth a finding.

use super::explained::TableVerdict;
use crate::plan::{Finding, codes};

/// A statement as `pg_stat_statements` keeps it, its constants replaced by `$1` and so on.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The text.
    pub sql: String,
    /// Whose statement it is; empty when that role is gone.
    pub role: String,
    /// How often it was executed.
    pub calls: u64,
    /// Milliseconds that all executions took.
    pub total_ms: f64,
}

/// What the planner says of a statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The statement.
    pub statement: Statement,
    /// The managed tables that it touches; or why it could not be prepared.
    pub tables: Result<Vec<TableVerdict>, String>,
}

/// The most expensive statements on managed tables.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Workload {
    /// The dearest first.
    pub statements: Vec<Judged>,
    /// Statements whose text this role may not see.
    pub hidden: u64,
    /// Why nothing is known, and what to do about it.
    pub obstacle: Option<(String, String)>,
}

impl Statement {
    /// Milliseconds that one execution took.
    pub fn mean_ms(&self) -> f64 {
        if self.calls == 0 { 0.0 } else { self.total_ms / self.calls as f64 }
    }
}

impl Judged {
    /// The tables of which it reads every partition.
    pub fn unpruned(&self) -> impl Iterator<Item = &TableVerdict> {
        self.tables.iter().flatten().filter(|table| table.fails())
    }

    /// Whether only a plan for all values reads every partition of a table.
    pub fn is_doubtful(&self) -> bool {
        self.unpruned().next().is_none() && self.tables.iter().flatten().any(TableVerdict::generic_fails)
    }
}

impl Workload {
    /// A finding for each table of each statement that does not prune, and for what could not be seen.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for judged in &self.statements {
            for table in judged.unpruned() {
                let Some(outcome) = table.outcome() else { continue };
                let Statement { sql, calls, total_ms, .. } = &judged.statement;
                let message = format!(
                    "`{}` reads {} of {} partitions and locks {} relations a call ({calls} calls, {total_ms:.0} ms in all)",
                    shortened(sql),
                    outcome.scanned.len(),
                    table.total,
                    outcome.locks,
                );
                let finding = Finding::about(codes::WORKLOAD, &table.table, message);
                findings.push(match &table.custom_advice {
                    Some(advice) => finding.hint(advice.in_words()),
                    None => finding,
                });
            }
        }
        let unknown = |message: String, hint: &str| Finding::new(codes::WORKLOAD_UNKNOWN, message).hint(hint);
        if 0 < self.hidden {
            let message = format!("the text of {} statements of other roles is hidden from this role", self.hidden);
            findings.push(unknown(message, "grant it pg_read_all_stats"));
        }
        findings.extend(self.obstacle.as_ref().map(|(message, hint)| unknown(message.clone(), hint)));
        findings
    }
}

/// The beginning of a statement, in one line.
pub fn shortened(sql: &str) -> String {
    const SHOWN: usize = 100;
    let line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
