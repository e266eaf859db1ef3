//! The policy language as a JSON Schema, for completion and hints in editors: every key with its meaning.
//!
//! It never refuses what the checker accepts. What depends on other keys, on defaults or on the database it leaves to
//! the checker.

use chrono_tz::TZ_VARIANTS;
use serde_json::{Map, Value, json};

use super::check::{KEYS, OWN};
use super::reference::{Key, Keys, NAME_PATTERN, Need, Shape};
use super::storage::Takes;

/// The schema of one document of a policy file, in draft 07, which every editor knows.
pub fn schema() -> Value {
    let mut definitions = Map::new();
    for keys in KEYS.sections().into_iter().skip(1) {
        definitions.insert(keys.section.to_owned(), section(keys, place(keys)));
    }
    let mut root = section(&KEYS, Place::Document);
    let more = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "partctl policy",
        "description": "Which partitions of one table must exist, for how long, and what becomes of the old ones",
        "if": {"properties": {"kind": {"const": "defaults"}}, "required": ["kind"]},
        "then": {"properties": {"table": false}},
        "else": {"required": ["version", "table"]},
        "definitions": definitions,
    });
    if let (Value::Object(root), Value::Object(more)) = (&mut root, more) {
        root.extend(more);
    }
    root
}

/// Where a section stands, which decides what it may lack.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It is the document.
    Document,
    /// It is an item of a list, whole in itself.
    Item,
    /// Defaults may bring what it lacks, and `null` unsets what they bring.
    Inside,
}

fn place(keys: &'static Keys) -> Place {
    let items = KEYS.sections().into_iter().flat_map(|keys| keys.known).filter_map(|key| match key.shape {
        Shape::List(Shape::Section(keys)) => Some(*keys),
        _ => None,
    });
    if items.into_iter().any(|item| std::ptr::eq(item, keys)) { Place::Item } else { Place::Inside }
}

fn section(keys: &'static Keys, place: Place) -> Value {
    let properties: Map<String, Value> =
        keys.known.iter().map(|key| (key.name.to_owned(), property(key, keys, place))).collect();
    let mut section = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !keys.alternatives.is_empty() {
        section["allOf"] = apart(keys);
    }
    match place {
        Place::Document => {}
        Place::Item if keys.alternatives.is_empty() => section["required"] = json!(required(keys, None)),
        Place::Item => {
            let ways = keys.alternatives.iter().map(|way| json!({"required": required(keys, Some(way))}));
            section["anyOf"] = ways.collect();
        }
        Place::Inside => section["type"] = json!(["object", "null"]),
    }
    section
}

/// The keys that must be there, of these if any are given.
fn required(keys: &Keys, among: Option<&[&str]>) -> Vec<&'static str> {
    let required = keys.known.iter().filter(|key| key.need == Need::Required).map(|key| key.name);
    required.filter(|name| among.is_none_or(|among| among.contains(name))).collect()
}

/// One alternative's keys keep the others' out.
fn apart(keys: &Keys) -> Value {
    let alternatives = keys.alternatives.iter().filter_map(|way| Some((way.first()?, way)));
    let rule = |(first, way): (&&str, &&[&str])| {
        let others = keys.alternatives.iter().filter(|other| *other != way).copied().flatten();
        let others: Map<String, Value> = others.map(|key| ((*key).to_owned(), Value::Bool(false))).collect();
        json!({"if": {"required": [first]}, "then": {"properties": others}})
    };
    alternatives.map(rule).collect()
}

fn property(key: &Key, keys: &Keys, place: Place) -> Value {
    let mut property = shape(key.shape);
    let is_own = place == Place::Document && OWN.contains(&key.name);
    if place != Place::Item && !is_own {
        property = or_null(property);
    }
    property["description"] = json!(description(key, keys));
    if let Some(default) = key.default {
        property["default"] = value(default);
    }
    if !key.examples.is_empty() {
        property["examples"] = key.examples.iter().map(|example| value(example)).collect();
    }
    property
}

fn description(key: &Key, keys: &Keys) -> String {
    let mut letters = key.about.chars();
    let mut text: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    text.push('.');
    if key.need == Need::Required {
        match keys.alternatives.iter().find(|way| way.contains(&key.name)).and_then(|way| way.first()) {
            None => text.push_str(" Required."),
            Some(first) if *first == key.name => {}
            Some(first) => text.push_str(&format!(" Required with `{first}`.")),
        }
    }
    if let Shape::Storage(parameter) = key.shape {
        text.push_str(&format!(" Takes {}.", parameter.takes_in_words()));
        if 14 < parameter.since {
            text.push_str(&format!(" PostgreSQL {} and newer.", parameter.since));
        }
    }
    if let Some(default) = key.default {
        text.push_str(&format!(" Default: {default}."));
    }
    text
}

/// A value as a policy would write it.
fn value(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap_or_else(|_| json!(yaml))
}

fn shape(shape: Shape) -> Value {
    match shape {
        // YAML takes some texts for numbers and booleans, of which the checker has the text.
        Shape::Text => json!({"type": ["string", "number", "boolean"], "pattern": "\\S"}),
        Shape::Scalar => json!({"type": ["string", "number", "boolean"]}),
        Shape::Name => json!({"type": ["string", "boolean"], "pattern": NAME_PATTERN}),
        Shape::Pattern(pattern) => json!({"type": "string", "pattern": pattern}),
        Shape::Null => json!({"type": "null"}),
        Shape::Boolean => json!({"type": "boolean"}),
        Shape::Number => json!({"type": "integer"}),
        Shape::Whole(least, most) if least == most => json!({"const": least}),
        Shape::Whole(least, u64::MAX) => json!({"type": "integer", "minimum": least}),
        Shape::Whole(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Shape::Choice(words) => json!({"enum": words()}),
        Shape::Zone => json!({"enum": TZ_VARIANTS.iter().map(|zone| zone.name()).collect::<Vec<_>>()}),
        Shape::Storage(parameter) => storage(parameter.takes),
        Shape::Either(shapes) => json!({"anyOf": shapes.iter().map(|one| self::shape(*one)).collect::<Vec<_>>()}),
        Shape::List(item) => json!({"type": "array", "items": self::shape(*item)}),
        Shape::Map(value) => json!({"type": "object", "additionalProperties": self::shape(*value)}),
        Shape::NonEmpty(inside) => {
            let mut schema = self::shape(*inside);
            let least = if schema["type"] == "array" { "minItems" } else { "minProperties" };
            schema[least] = json!(1);
            schema
        }
        // Beside `$ref` draft 07 overlooks everything, also the description.
        Shape::Section(keys) => json!({"allOf": [{"$ref": format!("#/definitions/{}", keys.section)}]}),
    }
}

/// Quoted numbers and all spellings of a truth are taken, in any case.
fn storage(takes: Takes) -> Value {
    const TRUTH: &str = "[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[Oo][Nn]|[Oo][Ff][Ff]|[Yy][Ee][Ss]|[Nn][Oo]|[01]";
    let truth = |more: &str| {
        let pattern = format!("^\\s*({TRUTH}{more})\\s*$");
        json!({"type": ["boolean", "string", "integer"], "minimum": 0, "maximum": 1, "pattern": pattern})
    };
    match takes {
        Takes::Integer(least, most) => {
            let pattern = "^\\s*[+-]?[0-9]+\\s*$";
            json!({"type": ["integer", "string"], "minimum": least, "maximum": most, "pattern": pattern})
        }
        Takes::Real(least, most) => {
            let pattern = "^\\s*[+-]?[0-9.]+([eE][+-]?[0-9]+)?\\s*$";
            json!({"type": ["number", "string"], "minimum": least, "maximum": most, "pattern": pattern})
        }
        Takes::Boolean => truth(""),
        Takes::AutoOnOff => truth("|[Aa][Uu][Tt][Oo]"),
    }
}

fn or_null(mut schema: Value) -> Value {
    let null = json!({"type": "null"});
    match schema.get_mut("type").map(Value::take) {
        Some(Value::Array(mut types)) => {
            types.push(json!("null"));
            schema["type"] = Value::Array(types);
        }
        Some(one) => schema["type"] = json!([one, "null"]),
        None => {
            for key in ["enum", "anyOf"] {
                if let Some(Value::Array(values)) = schema.get_mut(key) {
                    values.push(if key == "enum" { Value::Null } else { null.clone() });
                }
            }
        }
    }
    schema
}

#[cfg(test)]
mod tests;
