use super::*;
use crate::render::{Colour, Screen};

fn source(text: &str) -> Source {
    Source { path: "policies/orders.yaml".to_owned(), text: text.to_owned() }
}

fn drawn(text: &str) -> String {
    let sources = [source(text)];
    let mut out = Vec::new();
    draw(&crate::policy::check(&sources).problems, &sources, Screen { width: 80, colour: Colour::Never }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn x() {
    println!("{}", drawn("version: 1\ntable: shop.orders\npartition:\n  range: order_date\n  every: 1 mnth\nretain: {thn: drop}\n"));
    println!("{}", drawn("version: 1\ntable: \"日本\\e[31m\"\npartition:\n  range: a b # \u{1b}[31m\n  every: 1 mnth\n"));
    println!("{}", drawn("version: 1\ntable: é.日本\npartition: {list: a, values: {\"日本\": [x, y,\tNO, 'NO', ~, null]}, x: [}\n"));
    println!("{}", drawn("version: 1\ntable: é.日本\npartition: {list: a, values: {\"日本\": [x, y,\tNO, 'NO', ~, null]}, x: [1]}\n"));
    println!("{}", drawn(&format!("version: 1\ntable: a.b\npartition: {{list: a, values: {{x: [{}x, x, y{}]}}}}\n", "aaa,".repeat(1), "ü, ".repeat(600))));
}
