//! What holds for every text.

use proptest::prelude::*;

use super::*;

/// Pieces of policies and of YAML, put together at random.
pub(in crate::policy) fn yamlish() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "version: 1\n",
        "table: a.b\n",
        "partition:",
        "  range: at\n",
        "  every: 1 month\n",
        "list: ",
        "values: ",
        "hash: ",
        "modulus: 4",
        "retain: ",
        "for: ",
        "then: drop",
        "kind: defaults\n",
        "---\n",
        "...\n",
        "\n",
        " ",
        "  ",
        "\t",
        "\r\n",
        "- ",
        ": ",
        ", ",
        "{",
        "}",
        "[",
        "]",
        "&a ",
        "*a",
        "<<: ",
        "\"",
        "'",
        "|\n",
        ">-\n",
        "#",
        "!!str ",
        "? ",
        "~",
        "null",
        "08",
        "é",
        "表",
        "\u{feff}",
        "\\",
        "%",
        "name: '{table}_{start:%Y}'\n",
        "3 months",
        "pruning: [{sql: \"select $1\"}]\n",
        "hold: [{from: 1, to: 2}]\n",
        "create: {ahead: 3 months}\n",
        "\u{0}",
        "\u{1b}",
        "\u{fffd}",
    ]);
    prop_oneof![
        3 => prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat()),
        1 => any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_text_panics_and_every_place_is_in_the_text(text in yamlish()) {
        let sources = [source("a.yaml", &text)];
        let checked = check(&sources);
        for problem in &checked.problems {
            prop_assert!(text.get(problem.span.clone()).is_some(), "{problem:?}");
            prop_assert!(!text[problem.span.clone()].contains('\n'), "{problem:?}");
        }
        let screen = Screen { width: 80, colour: Colour::Never };
        let mut out = Vec::new();
        problems::draw(&checked.problems, &sources, screen, &mut out).unwrap();
        problems::json(&checked.problems, &sources, &mut out).unwrap();
        prop_assert!(!out.contains(&0x1b));
    }

    #[test]
    fn any_value_of_a_list_comes_back_as_written(text in "[ -~éü表]{0,12}") {
        let quoted = format!("'{}'", text.replace('\'', "''"));
        prop_assert_eq!(list_values(&format!("[{quoted}]")), [Some(text)]);
    }

    #[test]
    fn no_sql_and_no_template_panics(text in "([$'\"/*;{}:% -]|[a-zé表0-9E\n])*") {
        let statement = parameters::scan(&text);
        prop_assert!(text.is_char_boundary(statement.end));
        if let Err(error) = crate::policy::NameTemplate::parse(&text) {
            prop_assert!(text.get(error.at).is_some());
        }
    }
}
