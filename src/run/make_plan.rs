//! Plans against a live server: one catalog read, then as many rounds of questions as the rules have.

use anyhow::Result;
use chrono::{DateTime, Utc};

use crate::catalog::{CatalogSnapshot, Dump};
use crate::db::connect::Session;
use crate::db::{answers, read_catalog};
use crate::diff;
use crate::failure::{Failure, FailureKind};
use crate::plan::Plan;
use crate::policy::Policy;
use crate::schedule::Interval;

/// The moment a plan is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The server's clock.
    Now,
    /// A simulated one.
    At(DateTime<Utc>),
    /// A simulated one, so long after the server's.
    After(Interval),
}

impl Moment {
    fn seen_from(self, now: DateTime<Utc>) -> Result<DateTime<Utc>> {
        match self {
            Self::Now => Ok(now),
            Self::At(at) => Ok(at),
            Self::After(interval) => interval.after(now).ok_or_else(|| {
                Failure::new(FailureKind::Usage, format!("{interval} from now lies beyond the year 9999")).into()
            }),
        }
    }
}

/// A question leads to others only where its answer changes what is created: two rounds are usual, more mean a rule
/// that never stops asking.
const ROUNDS: usize = 5;

/// What makes a plan of policies and facts.
pub type Planner<'a> = &'a (dyn Fn(&[Policy], &CatalogSnapshot) -> Plan + Sync);

/// The plan that closes the difference between policies and facts, and the facts it was made from.
///
/// # Errors
/// When the connection is lost or pooled by transactions, or the moment lies beyond the calendar.
pub async fn make_plan(session: &Session, policies: &[Policy], moment: Moment) -> Result<(CatalogSnapshot, Plan)> {
    make_plan_by(&diff::plan, session, policies, moment).await
}

/// The facts, and whether the policies fit them: nothing is asked beyond the catalog.
///
/// # Errors
/// When the connection is lost or pooled by transactions.
pub async fn make_rough_plan(session: &Session, policies: &[Policy]) -> Result<(CatalogSnapshot, Plan)> {
    let snapshot = read_catalog::read_catalog(session, policies).await?;
    let plan = diff::plan(policies, &snapshot);
    Ok((snapshot, plan))
}

/// Another plan, made from the same facts.
///
/// # Errors
/// As [`make_plan`].
pub async fn make_plan_by(
    planner: Planner<'_>,
    session: &Session,
    policies: &[Policy],
    moment: Moment,
) -> Result<(CatalogSnapshot, Plan)> {
    let mut snapshot = read_catalog::read_catalog(session, policies).await?;
    snapshot.server.now = moment.seen_from(snapshot.server.now)?;
    let plan = ask(planner, session, policies, &mut snapshot).await?;
    Ok((snapshot, plan))
}

/// Plans, puts the questions, and plans again until there are none.
pub(super) async fn ask(
    planner: Planner<'_>,
    session: &Session,
    policies: &[Policy],
    snapshot: &mut CatalogSnapshot,
) -> Result<Plan> {
    let mut plan = planner(policies, snapshot);
    for _ in 0..ROUNDS {
        if plan.questions.is_empty() {
            return Ok(plan);
        }
        answers::answer(session.client(), &plan.questions, &mut snapshot.answers).await?;
        plan = planner(policies, snapshot);
    }
    anyhow::bail!("planning still had questions after {ROUNDS} rounds: {:?}", plan.questions)
}

/// The plan for a database that is known from a dump alone.
///
/// # Errors
/// When the moment lies beyond the calendar.
pub fn make_offline_plan(
    planner: Planner<'_>,
    dump: &Dump,
    policies: &[Policy],
    moment: Moment,
) -> Result<(CatalogSnapshot, Plan)> {
    let mut snapshot = dump.facts(&policies.iter().map(|policy| &policy.table).collect());
    snapshot.server.now = moment.seen_from(snapshot.server.now)?;
    let mut plan = planner(policies, &snapshot);
    while !plan.questions.is_empty() {
        for question in plan.questions {
            let answer = dump.answer(&question);
            snapshot.answers.add(question, answer);
        }
        plan = planner(policies, &snapshot);
    }
    Ok((snapshot, plan))
}
