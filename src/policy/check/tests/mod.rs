//! Whole files in, policies and drawn problems out.

mod accepted;
mod defaults;
mod fit;
mod key_columns;
mod keys;
pub(in crate::policy) mod laws;
mod lints;
mod places;
mod values;

use super::*;
use crate::policy::model::*;
use crate::render::{Colour, Screen, problems};

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

/// All problems of these files as people see them.
fn drawn_of(sources: &[Source]) -> String {
    let mut out = Vec::new();
    problems::draw(&check(sources).problems, sources, Screen { width: 120, colour: Colour::Never }, &mut out).unwrap();
    String::from_utf8(out).unwrap().trim_end().replace("\n\n", "\n")
}

fn drawn(text: &str) -> String {
    drawn_of(&[source("a.yaml", text)])
}

/// The problems of a monthly policy with these lines below it.
fn with_range(lines: &str) -> String {
    drawn(&format!("version: 1\ntable: shop.orders\npartition: {{range: at, every: 1 month}}\n{lines}\n"))
}

/// The problems of a policy with this `partition` section.
fn with_partition(section: &str) -> String {
    drawn(&format!("version: 1\ntable: shop.orders\npartition:\n{section}\n"))
}

fn policies(text: &str) -> Vec<Policy> {
    let checked = check(&[source("a.yaml", text)]);
    assert_eq!(checked.problems, [], "{}", drawn(text));
    checked.policies
}

fn policy(text: &str) -> Policy {
    let mut policies = policies(text);
    assert_eq!(policies.len(), 1);
    policies.remove(0)
}

fn list_values(values: &str) -> Vec<Option<String>> {
    let policy = policy(&format!("version: 1\ntable: a.b\npartition: {{list: c, values: {{x: {values}}}}}"));
    let Partitioning::List(list) = policy.level.partitioning else { panic!("no list") };
    let Groups::Named(groups) = list.groups else { panic!("{list:?}") };
    groups[0].values.clone()
}
