//! The catalog for a file: everything that is partitioned, the answers that today's policies ask for, and those that
//! other policies are likely to.

use std::collections::BTreeMap;

use anyhow::Result;

use super::make_plan::ask;
use crate::catalog::{Answer, Answers, Beyond, CatalogSnapshot, Dump, Question};
use crate::db::connect::Session;
use crate::db::{answers, read_catalog};
use crate::diff;
use crate::policy::Policy;
use crate::sql::QualifiedName;

/// Reads the catalog of a database.
///
/// # Errors
/// When the connection is lost or pooled by transactions.
pub async fn take_snapshot(session: &Session, policies: &[Policy]) -> Result<Dump> {
    let catalog = read_catalog::read_everything(session, policies).await?;
    let names = read_catalog::read_names(session.client()).await?;
    let holds_rows = holds_rows(session, &catalog).await?;
    let mut dump = Dump::new(catalog, Beyond { names, holds_rows });
    let mut facts = dump.facts(&policies.iter().map(|policy| &policy.table).collect());
    ask(&diff::plan, session, policies, &mut facts).await?;
    dump.remember(facts.answers);
    Ok(dump)
}

/// Looks into the partitions of which statistics know no row.
async fn holds_rows(session: &Session, catalog: &CatalogSnapshot) -> Result<BTreeMap<QualifiedName, bool>> {
    let mut held = BTreeMap::new();
    for table in &catalog.tables {
        let uncounted = table.visible().filter(|partition| !partition.is_known_to_hold_rows());
        let partitions: Vec<QualifiedName> = uncounted.map(|partition| partition.name.clone()).collect();
        let question = Question::HoldRows { partitions: partitions.clone(), enough: u32::MAX };
        let mut answers = Answers::default();
        answers::answer(session.client(), &[question.clone()].into(), &mut answers).await?;
        // Where the database would not say, the snapshot does not tell either.
        if let Some(Answer::Holders(holders)) = answers.get(&question) {
            held.extend(partitions.into_iter().map(|name| (name.clone(), holders.contains(&name))));
        }
    }
    Ok(held)
}
