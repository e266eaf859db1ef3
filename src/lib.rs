//! partctl: declarative partition management for PostgreSQL.
//!
//! Everything that decides is a pure function; input and output are a rim around it. The house has two floors:
//! upstairs (`cli`, `run`, `archive`, `db`) may touch the world and be async; downstairs never does. A room may use only what
//! stands below it; a test reads `src/` and holds these edges.
//!
//! ```text
//! main                                    exit code
//! cli                                     what the user typed, prompts, progress, policy files       IO
//! run                                     executor, ledger, patience, signals                        IO, async
//! archive                                 object stores: export, read back                          IO, async
//! db                                      connecting, catalog, planner, throwaway servers            IO, async
//! ------------------------------------------------------------------------------------------ purity line
//! render                                  reports -> text, into a writer
//! import                                  first policies
//! diff  pruning  restore                  decisions
//! desired                                 what should exist
//! plan  manifest                          steps, actions, findings, events, outcomes; what an archive holds: data
//! policy  catalog                         the wish, the facts
//! keys                                    between bounds and points
//! codes  schedule  rows                   kinds of findings; points, windows, the calendar; how rows are spelled and told apart
//! sql  failure  json_document             spelling, kinds of failure, whose document a file is
//! ```
//!
//! # The pipelines
//!
//! ```text
//! plan    policy files -> sources -> check -> policies and problems
//!         one REPEATABLE READ READ ONLY transaction -> CatalogSnapshot
//!         policies + snapshot -> diff::plan -> Plan { steps, findings, questions }
//!         questions -> one bounded query each -> answers, and diff::plan again
//!         Plan -> render -> stdout -> exit code
//!
//! apply   the same up to Plan -> withhold what is not allowed -> show, confirm -> lock
//!         -> per step: its actions -> events -> progress, log, ledger
//!         -> plan again: must be empty -> pruning probes -> EXPLAIN -> verdicts
//!
//! explain one query -> its names looked up -> planned with these values and for all values -> a verdict a table
//!         -> pruning::reason: syntax, reading, rules, diagnosis -> a rewrite -> planned again before it is shown
//!
//! check   queries of policies, of the files that they name, and with `--workload` of pg_stat_statements
//!         -> the same verdicts and reasons -> findings
//! ```
//!
//! # Two vocabularies
//!
//! A [`plan::Step`] is DBA language: create, attach, detach, finalize, archive, drop, analyze. It knows its reason, its locks and its
//! SQL. A [`plan::Action`] is machine language; the SQL that is shown is the SQL that runs. A [`plan::Finding`] is
//! what partctl saw and refused to guess about. [`plan::Event`]s are the only link between doing and showing.
//!
//! # Adding something touches one place
//!
//! | to add | touch |
//! |---|---|
//! | a step kind | `plan/steps/x.rs`, its arms in `plan/step.rs`, the rule that emits it, one scenario |
//! | a key codec | `keys/x.rs`, one line in [`keys::CODECS`]; the laws pick it up |
//! | a diff rule | `diff/x.rs`, one line in `diff::RULES` |
//! | a reason why a query does not prune | one line in `pruning/reason/codes.rs`, the rule that finds it, one row of the live table |
//! | a kind of finding | one line in `codes.rs`, its explanation in `render/explanations/` |
//! | a rule for policies | one line in `policy/check/rules.rs`, where it is broken, its explanation |
//! | an output format | `render/x.rs`, one arm |
//! | a command | `cli/x.rs`, one arm |

pub mod archive;
pub mod catalog;
pub mod cli;
pub mod codes;
pub mod db;
pub mod desired;
pub mod diff;
pub mod failure;
pub mod import;
pub mod json_document;
pub mod keys;
pub mod manifest;
pub mod plan;
pub mod policy;
pub mod pruning;
pub mod render;
pub mod restore;
pub mod rows;
pub mod run;
pub mod schedule;
pub mod sql;
