use super::*;

/// A tree as text: scalars with their form (`#` typed, `'` text), and what each message would point at.
fn shown(text: &str, node: &Node) -> String {
    let place = text[node.span.clone()].escape_debug().to_string();
    match &node.value {
        Value::Null => format!("null@<{place}>"),
        Value::Scalar(Scalar { text, form }) => {
            let form = if *form == Form::Typed { '#' } else { '\'' };
            format!("{form}{}@<{place}>", text.escape_debug())
        }
        Value::List(items) => {
            format!("[{}]", items.iter().map(|item| shown(text, item)).collect::<Vec<_>>().join(", "))
        }
        Value::Map(entries) => {
            let entry = |entry: &Entry| {
                let key = &text[entry.key_span.clone()];
                let key = if key == entry.key { key.to_owned() } else { format!("{}@<{key}>", entry.key) };
                format!("{key}: {}", shown(text, &entry.value))
            };
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

fn tree(text: &str) -> String {
    let mut shown_documents = Vec::new();
    for document in Documents::of(text).unwrap() {
        let refusals = document.refusals.iter().map(|refusal| {
            let place = text[refusal.span.clone()].escape_debug().to_string();
            format!(
                "{} {} at <{place}>{}",
                refusal.rule.id,
                refusal.message,
                refusal.hint.iter().map(|hint| format!(" ({hint})")).collect::<String>()
            )
        });
        shown_documents.extend(refusals);
        shown_documents.extend(document.root.iter().map(|root| shown(text, root)));
    }
    shown_documents.join("\n")
}

#[test]
fn scalars_keep_their_text_whatever_yaml_makes_of_them() {
    insta::assert_snapshot!(tree("v: [NO, off, y, Yes, 08, -08, 1e3, 1e999, 0x1F, 0o17, 1_000, .inf, .NaN, 3:25:45, 2024-01-01, 1.50, +7]"), @"{v: ['NO@<NO>, 'off@<off>, 'y@<y>, 'Yes@<Yes>, #08@<08>, #-08@<-08>, #1e3@<1e3>, #1e999@<1e999>, #0x1F@<0x1F>, #0o17@<0o17>, #1_000@<1_000>, #.inf@<.inf>, #.NaN@<.NaN>, '3:25:45@<3:25:45>, '2024-01-01@<2024-01-01>, #1.50@<1.50>, #+7@<+7>]}");
    insta::assert_snapshot!(tree("v: [~, null, Null, NULL, nUll, '', '~', \"null\", true, True, 'true']\nw:\nx: ''"), @r#"{v: [null@<~>, null@<null>, null@<Null>, null@<NULL>, 'nUll@<nUll>, '@<\'\'>, '~@<\'~\'>, 'null@<\"null\">, #true@<true>, #True@<True>, 'true@<\'true\'>], w: null@<>, x: '@<\'\'>}"#);
    insta::assert_snapshot!(tree("99999999999999999999999999999999999999999: 123456789012345678901234567890"), @"{99999999999999999999999999999999999999999: #123456789012345678901234567890@<123456789012345678901234567890>}");
}

#[test]
fn quotes_escapes_folds_and_blocks_are_undone() {
    insta::assert_snapshot!(tree("a: 'it''s'\nb: \"tab\\t\\u00e9\"\nc: one\n  two\n\n  three\nd: |\n  x\n   y\ne: >-\n  f\n  g\nf: \"p\n  q\"\n"), @r#"{a: 'it\'s@<\'it\'\'s\'>, b: 'tab\té@<\"tab\\t\\u00e9\">, c: 'one two\nthree@<one>, d: 'x\n y\n@<x>, e: 'f g@<f>, f: 'p q@<\"p>}"#);
}

#[test]
fn places_are_right_behind_wide_characters_comments_carriage_returns_and_byte_order_marks() {
    insta::assert_snapshot!(tree("\u{feff}# größe 表\r\n表: é8 # ü\r\nb:\t 08\t# x\r\nc: {ü: NO , y: [ 1 ,off]}\r\n"), @"{表: 'é8@<é8>, b: #08@<08>, c: {ü: 'NO@<NO>, y: [#1@<1>, 'off@<off>]}}");
}

#[test]
fn tags_give_way_to_the_text() {
    insta::assert_snapshot!(tree("a: !!str 08\nb: !!int 7\nc: !!int \"7\"\nd: !!null ''\ne: !!float 1.50\nf: !!str"), @r#"{a: '08@<08>, b: #7@<7>, c: #7@<\"7\">, d: null@<\'\'>, e: #1.50@<1.50>, f: '@<>}"#);
    insta::assert_snapshot!(tree("a: !country NO"), @"PT001 a tag that means nothing here at <NO> (leave the `!...` out)");
    insta::assert_snapshot!(tree("a: !!int x"), @"PT001 the value does not fit its tag at <x> (leave the `!!...` out)");
    insta::assert_snapshot!(tree("a: !!bool off"), @"PT001 the value does not fit its tag at <off> (leave the `!!...` out)");
}

#[test]
fn an_alias_has_the_text_of_its_definition_and_its_own_place() {
    insta::assert_snapshot!(tree("a: &x 08 # eight\nb: *x\nc: [*x, NO]\nd: &m {k: off, l: [&y 1e3, *y]}\ne: *m\n"), @"{a: #08@<08>, b: #08@<*x>, c: [#08@<*x>, 'NO@<NO>], d: {k: 'off@<off>, l: [#1e3@<1e3>, #1e3@<*y>]}, e: {k: 'off@<off>, l: [#1e3@<1e3>, #1e3@<1e3>]}}");
}

#[test]
fn merge_keys_bring_what_is_not_there_and_show_where_it_is_written() {
    insta::assert_snapshot!(tree("a: &a {x: 08, y: [NO]}\nb:\n  <<: *a\n  x: 9\nc:\n  <<: [*a, {y: 0, z: {w: 1}}]\n"), @"{a: {x: #08@<08>, y: ['NO@<NO>]}, b: {x: #9@<9>, y: ['NO@<NO>]}, c: {x: #08@<08>, y: ['NO@<NO>], z: {w: #1@<1>}}}");
    insta::assert_snapshot!(tree("a:\n  <<: 3"), @"PT001 `<<` takes a map or a list of maps at <3>");
}

#[test]
fn keys_are_words_and_repeated_ones_are_all_kept() {
    insta::assert_snapshot!(tree("NO: 1\n08: 2\n'q': 3\nNO: 4\n"), @"{NO: #1@<1>, 08: #2@<2>, q@<'q'>: #3@<3>, NO: #4@<4>}");
    insta::assert_snapshot!(tree("a: {[x]: 1, ~: 2, : 3, ? {b: c} : d, ok: 4}"), @"
    PT004 a key must be a word at <[>
    PT004 a key must be a word at <~>
    PT004 a key must be a word at <>
    PT004 a key must be a word at <{>
    {a: {ok: #4@<4>}}
    ");
}

#[test]
fn documents_are_read_one_by_one_and_empty_ones_are_nothing() {
    insta::assert_snapshot!(tree("a: 1\n---\n# nothing\n---\n~\n---\n--- b\n...\n%YAML 1.2\n---\nc: 3\n"), @"
    {a: #1@<1>}
    'b@<b>
    {c: #3@<3>}
    ");
}

#[test]
fn a_syntax_error_does_not_hide_the_other_documents() {
    insta::assert_snapshot!(tree("a: 1\n---\nb: [1, 2\n---\nc: 3\n---\nd: \"x\n---\ne: 5\n"), @"
    {a: #1@<1>}
    PT001 a list `[...]` with a `,` or the closing `]` missing at <[>
    {c: #3@<3>}
    PT001 a quoted text is not closed, or goes on without indentation at <x>
    {e: #5@<5>}
    ");
}

#[test]
fn syntax_errors_are_told_to_somebody_who_writes_policies() {
    let texts = [
        "a: b: c",
        "every: 1 month\ntable: shop.orders: x\n",
        "a:\n\tb: 1\n",
        "a: 1\n b: 2\n",
        "a: 1\n  - x\nb",
        "- x\ny: 1\n",
        "- a\n-b\n",
        "key\nb: 1\n",
        "a: \"x",
        "a: \"x\nb: 2\n",
        "a: 'x\n  y\n",
        "a: 'it's'\n",
        "a: \"b\" c\n",
        "a: \"\\q\"\n",
        "a: \"\\ud800\"",
        "a: [1, 2\nb: 3\n",
        "a: [1, 2",
        "a: [1 2: 3, b",
        "a: {x: 1",
        "a: {x: 1]",
        "a: [x]]\n",
        "a: ]\n",
        "a: [x, , y]",
        "a: {b c: }x",
        "a: @x\n",
        "a: %x\n",
        "a: `x`\n",
        "a: |x\n",
        "a: \u{1}b\n",
        "a: 1#b\nc: [1]#d",
        "a: & x\n",
        "a: * x\n",
        "a: *nope, b\n",
        "a: &a [*a]\n",
        "%FOO\na: 1",
        "%YAML 3.0\n---\na: 1",
        "a: ,\n",
        "a: !!\nb",
        "? a\n? b\nc",
        "a: 1\n...\nb: [",
    ];
    let told = texts.map(|text| format!("{:<42} {}\n", text.escape_debug().to_string(), tree(text)));
    insta::assert_snapshot!(told.concat(), @r#"
    a: b: c                                    PT001 a `:` that starts a value where none can stand at <:> (quote a text that contains `: `, and indent the keys of one map alike)
    every: 1 month\ntable: shop.orders: x\n    PT001 a `:` that starts a value where none can stand at <:> (quote a text that contains `: `, and indent the keys of one map alike)
    a:\n\tb: 1\n                               PT001 a tab where YAML wants spaces at <b> (indent with spaces)
    a: 1\n b: 2\n                              PT001 a `:` that starts a value where none can stand at <:> (quote a text that contains `: `, and indent the keys of one map alike)
    a: 1\n  - x\nb                             PT001 this line is not a `key: value` at <b> (keys of one map are indented alike and end with `: `)
    - x\ny: 1\n                                PT001 a list entry (`- ...`) was expected, or cannot stand here at <y> (entries of one list are indented alike)
    - a\n-b\n                                  PT001 this line is not a `key: value` at <-> (keys of one map are indented alike and end with `: `)
    key\nb: 1\n                                PT001 a `:` that starts a value where none can stand at <:> (quote a text that contains `: `, and indent the keys of one map alike)
    a: \"x                                     PT001 a quoted text is not closed, or goes on without indentation at <\">
    a: \"x\nb: 2\n                             PT001 a quoted text is not closed, or goes on without indentation at <b>
    a: \'x\n  y\n                              PT001 a quoted text is not closed, or goes on without indentation at <y>
    a: \'it\'s\'\n                             PT001 something follows a closing quote at <s> (quote the whole value, and double a `'` inside '...')
    a: \"b\" c\n                               PT001 something follows a closing quote at <c> (quote the whole value, and double a `'` inside '...')
    a: \"\\q\"\n                               PT001 an unknown `\` escape in "..." at <\"> (in '...' a backslash is only a backslash)
    a: \"\\ud800\"                             PT001 an unknown `\` escape in "..." at <\"> (in '...' a backslash is only a backslash)
    a: [1, 2\nb: 3\n                           PT001 a `,`, `]` or `}` is missing, or a `:` stands where none can at <:>
    a: [1, 2                                   PT001 a list `[...]` with a `,` or the closing `]` missing at <[>
    a: [1 2: 3, b                              PT001 a list `[...]` with a `,` or the closing `]` missing at <[>
    a: {x: 1                                   PT001 a `,`, `]` or `}` is missing, or a `:` stands where none can at <{>
    a: {x: 1]                                  PT001 brackets that do not match at <{>
    a: [x]]\n                                  PT001 a closing bracket without its opening one at <]>
    a: ]\n                                     PT001 a closing bracket without its opening one at <]>
    a: [x, , y]                                PT001 a `,`, `]` or `}` is missing, or a `:` stands where none can at <,>
    a: {b c: }x                                PT001 this line is not a `key: value` at <x> (keys of one map are indented alike and end with `: `)
    a: @x\n                                    PT001 a value cannot begin with this character at <@> (quote the value)
    a: %x\n                                    PT001 a value cannot begin with this character at <%> (quote the value)
    a: `x`\n                                   PT001 a value cannot begin with this character at <`> (quote the value)
    a: |x\n                                    PT001 the indentation does not fit at <|>
    a: \u{1}b\n                                PT001 a character that YAML does not allow at <\u{1}>
    a: 1#b\nc: [1]#d                           PT001 a comment needs a space before its `#` at <#>
    a: & x\n                                   PT001 `&` and `*` need a name at <&> (quote a value that begins with them)
    a: * x\n                                   PT001 `&` and `*` need a name at <*> (quote a value that begins with them)
    a: *nope, b\n                              PT001 an alias to something that is not defined above it in this document at <*nope> (define it with `&nope`)
    a: &a [*a]\n                               PT001 an alias inside what it stands for at <*a>
    %FOO\na: 1                                 PT001 something stands between two documents at <a> (documents are divided by lines of `---`)
    %YAML 3.0\n---\na: 1                       PT001 not YAML: unsupported YAML major version at <%>
    a: ,\n                                     PT001 a value is missing or cannot stand here at <,>
    a: !!\nb                                   PT001 not YAML: while parsing a tag, did not find expected tag URI at <!>
    ? a\n? b\nc                                PT001 this line is not a `key: value` at <c> (keys of one map are indented alike and end with `: `)
    a: 1\n...\nb: [                            {a: #1@<1>}
    PT001 a list `[...]` with a `,` or the closing `]` missing at <[>
    "#);
}

#[test]
fn what_is_not_utf8_or_too_large_is_refused_before_parsing() {
    let refusal = Documents::of("a: 1\nb: caf\u{fffd}\n").err().unwrap();
    assert_eq!((refusal.rule.id, refusal.span, refusal.message.as_str()), ("PT001", 11..14, "not UTF-8 text"));
    let large = format!("a: {}", "x".repeat(MAX_FILE_BYTES));
    let refusal = Documents::of(&large).err().unwrap();
    assert_eq!((refusal.rule.id, refusal.message.as_str()), ("PT018", "the file is larger than 8 MB"));
}

#[test]
fn bombs_are_refused_quickly() {
    let laughs: String = (1..12)
        .map(|level| format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 10].join(", ")))
        .collect();
    let merges: String = (1..200)
        .map(|level| format!("a{level}: &a{level} {{<<: *a{}, k{level}: [{}]}}\n", level - 1, "x, ".repeat(200)))
        .collect();
    let bombs = [
        ("nested lists", "[".repeat(200_000)),
        ("nested maps", "{a: ".repeat(100_000)),
        ("nested blocks", (0..2_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect()),
        ("nested entries", "- ".repeat(100_000)),
        ("billion laughs", format!("a0: &a0 [x]\n{laughs}")),
        ("aliases upon aliases", format!("a: &a [{}]\nb: [{}]", "x, ".repeat(1_000), "*a, ".repeat(1_000))),
        ("merges upon merges", format!("a0: &a0 {{x: 1}}\n{merges}")),
        ("many values", format!("a: [{}]", "x,".repeat(300_000))),
        ("many keys", "a:\n".repeat(200_000)),
        ("laughs in each document", format!("---\na0: &a0 [x]\n{laughs}").repeat(2_000)),
    ];
    for (name, bomb) in bombs {
        let refusals: Vec<Refusal> = Documents::of(&bomb).unwrap().flat_map(|document| document.refusals).collect();
        assert_eq!(refusals.len(), 1, "{name}");
        assert_eq!(refusals[0].rule.id, "PT018", "{name}: {:?}", refusals[0]);
    }
}

#[test]
fn the_documents_of_a_file_share_one_budget() {
    let mut documents = Documents::of("a: [1, 2, 3]\n---\nb: [1, 2, 3]\n---\nc: 1\n").unwrap();
    documents.nodes_left = 9;
    let refused: Vec<bool> = documents.map(|document| document.root.is_none()).collect();
    assert_eq!(refused, [false, true], "the third is not looked at");
}

#[test]
fn long_texts_and_many_small_documents_are_taken() {
    let long = format!("sql: select {}\nother: \"{}\"\n", "x ".repeat(50_000), "y ".repeat(50_000));
    assert_eq!(Documents::of(&long).unwrap().filter(|document| document.root.is_some()).count(), 1);
    let many =
        "---\nversion: 1\ntable: a.b\npartition: {range: at, every: 1 month}\nretain: {for: 1 year, then: drop}\n"
            .repeat(20_000);
    assert_eq!(Documents::of(&many).unwrap().filter(|document| document.refusals.is_empty()).count(), 20_000);
}
