//! What is legal and unwise: said of policies that are in order, and no reason to refuse them.
//!
//! Months and years differ in length; a lint speaks only when it is true of every length they can have.

use std::ops::Range;

use crate::codes::Severity;
use crate::policy::document::{Node, Value};
use crate::policy::model::{DefaultRule, Every, Level, Partitioning, Policy, RangePolicy, Reach, Retain, Then};
use crate::policy::problem::Rule;
use crate::schedule::Interval;

use super::name::unsorted;
use super::reach::seconds;
use super::report::Report;
use super::rules;

const DAY: u64 = 86_400;
/// Beyond so many partitions planning takes longer and one statement may fill the lock table.
const MANY: u64 = 2_000;

/// A level that lints look at, and where they tell.
struct Look<'a, 'r> {
    root: &'a Node,
    /// Where its `create` and `retain` stand.
    home: &'a [&'static str],
    /// Where its grid stands.
    grid: &'a [&'static str],
    policy: &'a Policy,
    level: &'a Level,
    report: &'a mut Report<'r>,
}

/// Looks at a policy, given the document that it was read from.
pub(super) fn look(root: &Node, policy: &Policy, report: &mut Report<'_>) {
    let mut place = vec!["partition"];
    // What is checked is reckoned on the outermost level that has a before and an after.
    let mut runway = policy.thresholds.min_runway.map_or(Runway::Unwatched, Runway::AtLeast);
    for (depth, level) in policy.levels().enumerate() {
        let home = if depth == 0 { &[][..] } else { &place };
        let mut look = Look { root, home, grid: &place, policy, level, report };
        if let Some(retain) = &level.retain {
            look.retirement(retain);
        }
        if let Partitioning::Range(range) = &level.partitioning {
            look.coverage(range);
            look.runway(range, std::mem::replace(&mut runway, Runway::OfAnotherLevel));
            look.names(range);
            look.numbers(range);
        }
        place.push("subpartition");
    }
    if policy.hold.iter().any(|hold| hold.reason.is_none()) {
        let mut look = Look { root, home: &[], grid: &[], policy, level: &policy.level, report };
        let message = "nobody can tell when a hold without a reason ends";
        look.say(rules::HOLD_WITHOUT_REASON, &["hold"], message, "add `reason`: every plan shows it");
    }
}

/// What `check` asks of a level's coverage.
enum Runway {
    Unwatched,
    AtLeast(Reach),
    OfAnotherLevel,
}

impl Look<'_, '_> {
    fn say(&mut self, rule: Rule, path: &[&str], message: impl Into<String>, hint: impl Into<String>) {
        let place = place(self.root, path).unwrap_or_else(|| self.report.document());
        let severity = self.policy.severities.of(rule.id, rule.severity);
        self.report.lint(rule, severity, &place, message.into(), hint.into());
    }

    fn at_home(&self, path: [&'static str; 2]) -> Vec<&'static str> {
        [self.home, &path].concat()
    }

    fn in_grid(&self, key: &'static str) -> Vec<&'static str> {
        [self.grid, &[key]].concat()
    }

    fn retirement(&mut self, retain: &Retain) {
        if retain.then != Then::Detach && retain.grace.is_none() {
            let message = "partitions are dropped in the run that detaches them";
            let hint = "with a `grace` of some days `partctl reattach` brings one back";
            self.say(rules::DROP_AT_ONCE, &self.at_home(["retain", "grace"]), message, hint);
        }
        if retain.then != Then::Detach && retain.unattended && retain.per_run.is_none() {
            let message = "partitions are dropped while nobody looks, and no number bounds how many";
            let hint = "add `per_run`: a run that would retire more is refused";
            self.say(rules::DROP_UNBOUNDED, &self.at_home(["retain", "unattended"]), message, hint);
        }
    }

    fn coverage(&mut self, range: &RangePolicy) {
        let (create, at) = (&self.level.create, self.at_home(["create", "ahead"]));
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
    }

    fn runway(&mut self, range: &RangePolicy, runway: Runway) {
        let create = &self.level.create;
        let short = match (range.every, create.ahead, &runway) {
            (_, _, Runway::Unwatched) if create.default == DefaultRule::Forbid => {
                let message = "without DEFAULT rows beyond the last partition are refused, and no check tells before";
                let hint = "add `check: {min_runway: 14 days}`, or as many partitions of a number key";
                return self.say(rules::UNWATCHED, &self.at_home(["create", "default"]), message, hint);
            }
            (Every::Time(every), ahead, Runway::AtLeast(Reach::Time(least))) => {
                at_most(ahead, every) < *seconds(*least).start()
            }
            (Every::Integer(_), Reach::Partitions(ahead), Runway::AtLeast(Reach::Partitions(least))) => ahead < *least,
            _ => false,
        };
        if short {
            let message = "`create.ahead` makes less than this, so that the check fails soon after each run";
            let hint = "make one shorter, or the other longer";
            self.say(rules::RUNWAY_OUT_OF_REACH, &["check", "min_runway"], message, hint);
        }
    }

    fn names(&mut self, range: &RangePolicy) {
        let (Some(template), Every::Time(every)) = (&self.level.placement.name, range.every) else { return };
        if let Some((earlier, later)) = unsorted(template, every, range.anchor) {
            let message =
                format!("lists of tables do not show partitions in order: the one of {later} before that of {earlier}");
            let hint = "write the year first, then what is smaller, with leading zeros: `%Y_%m_%d`";
            self.say(rules::NAME_ORDER, &self.in_grid("name"), message, hint);
        }
    }

    fn numbers(&mut self, range: &RangePolicy) {
        let Some(retain) = &self.level.retain else { return };
        let kept = match (range.every, retain.keep_for, retain.distance) {
            (Every::Time(every), Some(keep), _) => {
                if seconds(keep).end() < seconds(every).start() {
                    let message =
                        format!("rows are kept for up to {every} longer than {keep}: partitions end as a whole");
                    let hint = "partitions of a shorter `every` follow `for` more closely";
                    self.say(rules::COARSE_RETENTION, &self.at_home(["retain", "for"]), message, hint);
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
            self.say(rules::MANY_PARTITIONS, &self.in_grid("every"), message, hint);
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
