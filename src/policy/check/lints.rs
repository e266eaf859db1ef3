//! What is legal and unwise: said of policies that are in order, and no reason to refuse them.
//!
//! Months and years differ in length; a lint speaks only when it is true of every length they can have.

use std::ops::Range;

use crate::codes::Severity;
use crate::policy::document::{Node, Value};
use crate::policy::model::{Create, DefaultRule, Every, Partitioning, Policy, RangePolicy, Reach, Retain, Then};
use crate::policy::problem::Rule;
use crate::schedule::Interval;

use super::name::unsorted;
use super::reach::seconds;
use super::report::Report;
use super::rules;

const DAY: u64 = 86_400;
/// Beyond so many partitions planning takes longer and one statement may fill the lock table.
const MANY: u64 = 2_000;

/// Where lints look, and where they tell.
struct Look<'a, 'r> {
    root: &'a Node,
    policy: &'a Policy,
    report: &'a mut Report<'r>,
}

/// Looks at a policy, given the document that it was read from.
pub(super) fn look(root: &Node, policy: &Policy, report: &mut Report<'_>) {
    let mut look = Look { root, policy, report };
    if let Some(retain) = &policy.level.retain {
        look.retirement(retain);
    }
    if let Partitioning::Range(range) = &policy.level.partitioning {
        look.coverage(range, &policy.level.create);
        look.default(&policy.level.create);
        look.names(range);
        look.numbers(range);
    }
    look.holds();
}

impl Look<'_, '_> {
    fn say(&mut self, rule: Rule, path: &[&str], message: impl Into<String>, hint: impl Into<String>) {
        let place = place(self.root, path).unwrap_or_else(|| self.report.document());
        let severity = self.policy.severities.of(rule.id, rule.severity);
        self.report.lint(rule, severity, &place, message.into(), hint.into());
    }

    fn retirement(&mut self, retain: &Retain) {
        if retain.then == Then::Drop && retain.grace.is_none() {
            let message = "partitions are dropped in the run that detaches them";
            let hint = "with a `grace` of some days `partctl reattach` brings one back";
            self.say(rules::DROP_AT_ONCE, &["retain", "grace"], message, hint);
        }
        if retain.then == Then::Drop && retain.unattended && retain.per_run.is_none() {
            let message = "partitions are dropped while nobody looks, and no number bounds how many";
            let hint = "add `per_run`: a run that would retire more is refused";
            self.say(rules::DROP_UNBOUNDED, &["retain", "unattended"], message, hint);
        }
    }

    fn coverage(&mut self, range: &RangePolicy, create: &Create) {
        let at = ["create", "ahead"];
        let hint = "write as many partitions, or as much time, as runs may be missed";
        match (range.every, create.ahead) {
            (_, Reach::Partitions(0)) => {
                let message =
                    "the next partition is only made when its time has come, unless a run happens to be just then";
                self.say(rules::SHORT_COVERAGE, &at, message, "write `1 partition` or more");
            }
            (Every::Time(every), Reach::Time(ahead)) if seconds(ahead).end() < seconds(every).start() => {
                let message = format!("coverage ahead is at times {ahead}, less than one partition of {every}");
                self.say(rules::SHORT_COVERAGE, &at, message, format!("write `{every}` or more"));
            }
            (Every::Time(every), ahead) if at_most(ahead, every) < DAY => {
                let message = format!("coverage ahead is at times {}, less than a day", in_words(ahead, every));
                self.say(rules::LESS_THAN_A_DAY, &at, message, hint);
            }
            _ => {}
        }
        let short = match (range.every, create.ahead, self.policy.thresholds.min_runway) {
            (Every::Time(every), ahead, Some(Reach::Time(least))) => at_most(ahead, every) < *seconds(least).start(),
            (Every::Integer(_), Reach::Partitions(ahead), Some(Reach::Partitions(least))) => ahead < least,
            _ => false,
        };
        if short {
            let message = "`create.ahead` makes less than this, so that the check fails soon after each run";
            self.say(
                rules::RUNWAY_OUT_OF_REACH,
                &["check", "min_runway"],
                message,
                "make one shorter, or the other longer",
            );
        }
    }

    fn default(&mut self, create: &Create) {
        if create.default == DefaultRule::Forbid && self.policy.thresholds.min_runway.is_none() {
            let message = "without DEFAULT rows beyond the last partition are refused, and no check tells before";
            let hint = "add `check: {min_runway: 14 days}`, or as many partitions of a number key";
            self.say(rules::UNWATCHED, &["create", "default"], message, hint);
        }
    }

    fn names(&mut self, range: &RangePolicy) {
        let (Some(template), Every::Time(every)) = (&self.policy.level.placement.name, range.every) else { return };
        if let Some((earlier, later)) = unsorted(template, every, range.anchor) {
            let message =
                format!("lists of tables do not show partitions in order: the one of {later} before that of {earlier}");
            let hint = "write the year first, then what is smaller, with leading zeros: `%Y_%m_%d`";
            self.say(rules::NAME_ORDER, &["partition", "name"], message, hint);
        }
    }

    fn numbers(&mut self, range: &RangePolicy) {
        let Some(retain) = &self.policy.level.retain else { return };
        let kept = match (range.every, retain.keep_for, retain.distance) {
            (Every::Time(every), Some(keep), _) => {
                if seconds(keep).end() < seconds(every).start() {
                    let message =
                        format!("rows are kept for up to {every} longer than {keep}: partitions end as a whole");
                    let hint = "partitions of a shorter `every` follow `for` more closely";
                    self.say(rules::COARSE_RETENTION, &["retain", "for"], message, hint);
                }
                Some(seconds(keep).start() / seconds(every).end())
            }
            (Every::Integer(every), _, Some(distance)) => u64::try_from(distance / every.max(1)).ok(),
            _ => None,
        };
        let kept = kept.max(retain.newest.map(u64::from)).unwrap_or_default();
        if MANY < kept {
            let message = format!("the table comes to have at least {kept} partitions");
            let hint = "with a longer `every` there are fewer to plan, to lock and to vacuum";
            self.say(rules::MANY_PARTITIONS, &["partition", "every"], message, hint);
        }
    }

    fn holds(&mut self) {
        let without = self.policy.hold.iter().any(|hold| hold.reason.is_none());
        if without {
            let hint = "add `reason`: every plan shows it";
            self.say(rules::HOLD_WITHOUT_REASON, &["hold"], "nobody can tell when a hold without a reason ends", hint);
        }
    }
}

/// The longest that coverage ahead is sure to be, in seconds.
fn at_most(ahead: Reach, every: Interval) -> u64 {
    match ahead {
        Reach::Partitions(count) => u64::from(count) * seconds(every).end(),
        Reach::Time(ahead) => *seconds(ahead).end(),
    }
}

fn in_words(ahead: Reach, every: Interval) -> String {
    match ahead {
        Reach::Partitions(count) => format!("{count} times {every}"),
        Reach::Time(ahead) => ahead.to_string(),
    }
}

/// Where a key stands, else the nearest above it that is there.
fn place(root: &Node, path: &[&str]) -> Option<Range<usize>> {
    let (mut node, mut found) = (root, None);
    for key in path {
        let Value::Map(entries) = &node.value else { break };
        let Some(entry) = entries.iter().find(|entry| entry.key == *key) else { break };
        found = Some(entry.key_span.clone());
        node = &entry.value;
    }
    found
}

/// A rule that is no reason to refuse a policy.
impl Rule {
    /// Whether it is one.
    pub const fn is_lint(&self) -> bool {
        !matches!(self.severity, Severity::Error)
    }
}
