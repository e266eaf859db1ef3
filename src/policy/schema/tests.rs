//! The schema and the checker know the same keys and take the same values, as far as a schema can tell.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use jsonschema::Validator;

use super::*;
use crate::policy::document::{Documents, Form, Node, Value as Tree};
use crate::policy::{Problem, QueryFiles, Source, check_with, query_files_wanted};
use crate::schedule::Unit;

fn validator() -> Validator {
    jsonschema::draft7::new(&schema()).unwrap()
}

/// What an editor makes of a document.
fn as_json(node: &Node) -> Value {
    match &node.value {
        Tree::Null => Value::Null,
        Tree::List(items) => items.iter().map(as_json).collect(),
        Tree::Map(entries) => {
            entries.iter().map(|entry| (entry.key.clone(), as_json(&entry.value))).collect::<Map<_, _>>().into()
        }
        Tree::Scalar(scalar) if scalar.form == Form::Text => json!(scalar.text),
        Tree::Scalar(scalar) => serde_json::from_str(&scalar.text).unwrap_or_else(|_| json!(scalar.text)),
    }
}

fn documents(text: &str) -> Vec<Value> {
    let documents = Documents::of(text).unwrap_or_else(|_| panic!("no text"));
    documents.filter_map(|document| document.root).map(|root| as_json(&root)).collect()
}

fn refusals(validator: &Validator, text: &str) -> Vec<String> {
    let told = |document: &Value| {
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect::<Vec<_>>()
    };
    documents(text).iter().flat_map(told).collect()
}

fn problems(text: &str) -> Vec<Problem> {
    let sources = [Source { path: "a.yaml".to_owned(), text: text.to_owned() }];
    let mut files = QueryFiles::default();
    for wanted in query_files_wanted(&sources) {
        let query = Source { path: wanted.pattern.clone(), text: "select 1;".to_owned() };
        files.add(wanted, Ok(vec![query]));
    }
    check_with(&sources, &files).problems
}

#[test]
fn the_examples_of_the_project_are_valid() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    let policies = fs::read_dir(root.join("policies")).unwrap().map(|entry| entry.unwrap().path());
    let scenarios = fs::read_dir(root.join("tests/scenarios")).unwrap().map(|entry| entry.unwrap().path());
    let files = policies.chain(scenarios.map(|folder| folder.join("policy.yaml")));
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let mut texts: Vec<String> = files.map(|path| read(&path)).collect();
    assert!(40 < texts.len());
    let readme = read(&root.join("README.md"));
    let fenced = readme.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    texts.extend(fenced.filter(|text| text.contains("version:")).map(str::to_owned));
    let validator = validator();
    for text in &texts {
        assert_eq!(refusals(&validator, text), [""; 0], "{text}");
    }
}

/// Valid policies that together have every section. A new section needs its place here.
const BASES: [&str; 16] = [
    "{version: 1, table: a.b, partition: {range: at, every: 1 day, timezone: UTC, anchor: 2024-01-01}, \
     create: {ahead: 3 days}, retain: {for: 2 years, then: drop}, hold: [{from: 2022-01-01, to: 2024-02-01}], \
     locks: {timeout: 1 s}, maintain: {analyze: true}, check: {min_runway: 2 days}, \
     severity: {PT101: warning}, pruning: [{sql: select 1}]}",
    "{version: 1, table: a.b, partition: {range: id, every: 100}, create: {ahead: 3 partitions}, check: {max_partitions: 5}, storage: {fillfactor: 90}, \
     retain: {newest: 9, then: detach}, hold: [{from: 1, to: 9000000}], pruning: [{sql: 'select $1, $2', with: [a, b]}]}",
    "{version: 1, table: a.b, partition: {list: c, values: {x: [a]}}, create: {default: require}, \
     hold: [{partition: x}], pruning: [{file: x.sql}]}",
    "{version: 1, table: a.b, partition: {list: c, each: select id from a.tenants}, retain: {then: drop}}",
    "{version: 1, table: a.b, partition: {range: at, every: 1 month}, retain: {for: 2 years, then: move, move_to: cold}}",
    "{version: 1, table: a.b, partition: {range: at, every: 1 month}, retain: {for: 2 years, then: move, \
     move_to: {schema: cold, tablespace: slow}}}",
    "{version: 1, table: a.b, partition: {range: at, every: 1 day, subpartition: {list: c, each: select id from a.tenants}}}",
    "{version: 1, table: a.b, partition: {hash: c, modulus: 4}}",
    "{version: 1, kind: defaults, partition: {range: at, every: 1 day}, retain: {then: drop}}",
    "{version: 1, table: a.b, partition: {range: at, every: 1 month}}",
    "{version: 1, table: a.b, partition: {range: at, every: 1 month}, retain: {for: 1 year, then: archive}, \
     archive: {to: s3://b/c}}",
    "{version: 1, table: a.b, partition: {list: c, values: {x: [a]}, subpartition: {range: at, every: 1 day, timezone: UTC, \
     anchor: 2024-01-01, create: {ahead: 3 days}, retain: {for: 2 years, then: drop}}}}",
    "{version: 1, table: a.b, partition: {range: at, every: 1 day, subpartition: {list: c, values: {x: [a]}}}}",
    "{version: 1, table: a.b, partition: {range: at, every: 1 day, subpartition: {hash: c, modulus: 4}}}",
    "{version: 1, table: a.b, partition: {range: at, every: 1 day, subpartition: {range: id, every: 100}}}",
    "{version: 1, table: a.b, partition: {range: id, every: 100, subpartition: {range: at, every: 1 month}}}",
];

/// What people write, under the right key or the wrong one.
const VALUES: [&str; 53] = [
    "1",
    "0",
    "-1",
    "5",
    "10001",
    "5000000000",
    "1.5",
    "'5'",
    "true",
    "false",
    "'true'",
    "~",
    "''",
    "' '",
    "x",
    "a b",
    "'\"a b\"'",
    "[]",
    "[x]",
    "[x, y]",
    "[1, ~]",
    "[[]]",
    "{}",
    "{x: [a]}",
    "{x: []}",
    "{x: [a, ~], y: [NO, 08]}",
    "{x: 1}",
    "3 days",
    "3 dys",
    "0 days",
    "2 months",
    "50 ms",
    "2 s",
    "5 partitions",
    "0 partitions",
    "2024-01-31",
    "2024-01-31 06:00",
    "24-01-31",
    "UTC",
    "Europe/Berlin",
    "CET",
    "Berlin",
    "forbid",
    "drop",
    "defaults",
    "startup",
    "auto",
    "50",
    "8000",
    "200000",
    "shop.orders",
    "'shop.\"Order Items\"'",
    "'{table}_{start:%Y_%m_%d}'",
];

/// Rules that are about one value alone, so that a schema refuses what breaks them.
const CAUGHT: [&str; 7] = ["PT002", "PT004", "PT006", "PT011", "PT012", "PT014", "PT020"];

/// Where each section stands in a document.
fn sections() -> Vec<(&'static Keys, Vec<&'static str>)> {
    let mut found: Vec<(&'static Keys, Vec<&'static str>)> = vec![(&KEYS, Vec::new())];
    let mut next = 0;
    while let Some((keys, path)) = found.get(next).cloned() {
        next += 1;
        for key in keys.known {
            for inside in key.shape.sections() {
                if !found.iter().any(|(known, _)| std::ptr::eq(*known, inside)) {
                    let step: &[&str] = if place(inside) == Place::Item { &[key.name, "0"] } else { &[key.name] };
                    found.push((inside, [&path[..], step].concat()));
                }
            }
        }
    }
    found
}

/// The base with this value under this key of the section at this place; `None` when it has no such section.
fn with(base: &str, path: &[&str], key: &str, value: &str) -> Option<String> {
    let mut document = documents(base).remove(0);
    let pointer: String = path.iter().map(|step| format!("/{step}")).collect();
    document.pointer_mut(&pointer)?.as_object_mut()?.insert(key.to_owned(), json!("@value@"));
    Some(document.to_string().replace("\"@value@\"", value))
}

#[test]
fn every_key_is_read_and_what_the_checker_takes_the_schema_takes() {
    let validator = validator();
    for (keys, path) in sections() {
        // Of many keys that are made and read alike some will do.
        let alike = if keys.section == "severity" { 3 } else { keys.known.len() };
        for key in &keys.known[..alike] {
            let (mut taken, mut refused) = (BTreeSet::new(), BTreeSet::new());
            for base in BASES {
                for value in VALUES.iter().chain(key.examples) {
                    let Some(text) = with(base, &path, key.name, value) else { continue };
                    let (problems, refusals) = (problems(&text), refusals(&validator, &text));
                    if problems.is_empty() {
                        assert_eq!(refusals, [""; 0], "the schema refuses what is fine: {text}");
                        taken.insert(*value);
                        continue;
                    }
                    let at = text.find(&format!("\"{}\":{value}", key.name)).unwrap() + key.name.len() + 3;
                    let about = |problem: &&Problem| at <= problem.span.start && problem.span.start <= at + value.len();
                    let about: Vec<&Problem> = problems.iter().filter(about).collect();
                    if !about.is_empty() {
                        refused.insert(*value);
                    }
                    // `null` unsets what defaults bring, which only the checker sees.
                    let caught = *value != "~" && about.iter().any(|problem| CAUGHT.contains(&problem.rule.id));
                    assert!(!caught || !refusals.is_empty(), "the schema takes {text}, but {:?}", about[0].message);
                }
            }
            let name = [&path[..], &[key.name]].concat().join(".");
            let advice = "give BASES (src/policy/schema/tests.rs) a policy where it belongs, and the key an example";
            assert!(!taken.is_empty(), "no value of `{name}` is taken: {advice}");
            assert!(!refused.is_empty(), "`{name}` is in the table of keys, and the checker does not read it");
            let examples =
                key.examples.iter().copied().filter(|example| !taken.contains(example)).collect::<Vec<&str>>();
            assert_eq!(examples, [""; 0], "examples of `{name}` that the checker does not take");
        }
    }
}

#[test]
fn every_key_is_offered_in_its_section() {
    let schema = schema();
    for (keys, _) in sections() {
        let section = if keys.section.is_empty() { &schema } else { &schema["definitions"][keys.section] };
        let offered: BTreeSet<&str> = section["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(offered, keys.known.iter().map(|key| key.name).collect(), "{}", keys.section);
    }
}

#[test]
fn sections_and_keys_have_names_of_their_own_and_words() {
    let names: Vec<&str> = KEYS.sections().iter().map(|keys| keys.section).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    for keys in KEYS.sections() {
        let names: BTreeSet<&str> = keys.names().collect();
        assert_eq!(names.len(), keys.known.len(), "{}", keys.section);
        assert!(keys.alternatives.iter().copied().flatten().all(|key| names.contains(key)));
        for key in keys.known {
            assert!(8 < key.about.len() && !key.about.ends_with('.'), "{}", key.name);
        }
    }
}

#[test]
fn keys_of_two_strategies_do_not_stand_together_and_own_keys_are_there() {
    let validator = validator();
    for (text, place) in [
        ("{version: 1, table: a.b, partition: {list: c, every: 1 day}}", "/partition/every"),
        ("{version: 1, table: a.b, partition: {list: c, hash: d}}", "/partition/hash"),
        ("{version: 1, table: a.b, hold: [{partition: x, from: 1}]}", "/hold/0/from"),
        ("{version: 1, table: a.b, hold: [{reason: x}]}", "/hold/0"),
        ("{version: 1, table: a.b, pruning: [{file: a.sql, sql: select 1}]}", "/pruning/0/sql"),
        ("{version: 1, partition: {range: at}}", ""),
        ("{version: 1, kind: defaults, table: a.b}", "/table"),
        ("{version: 1, table: a.b, colour: red}", ""),
    ] {
        let refusals = refusals(&validator, text);
        assert!(refusals.iter().any(|refusal| refusal.starts_with(&format!("{place}: "))), "{text}: {refusals:?}");
        assert!(!problems(text).is_empty(), "{text}");
    }
}

#[test]
fn every_unit_is_in_the_patterns() {
    let validator = validator();
    for unit in Unit::ALL {
        for text in [format!("1 {unit}"), format!("20{unit}s")] {
            let text = format!("{{version: 1, table: a.b, partition: {{range: at, every: {text}}}}}");
            assert_eq!(refusals(&validator, &text), [""; 0]);
        }
    }
}
