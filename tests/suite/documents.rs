//! What is written for people holds: the examples are valid, the demo runs, the README names what there is.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use partctl::failure::FailureKind;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn partctl(arguments: &[&str]) -> assert_cmd::assert::Assert {
    let mut command = Command::new(env!("CARGO_BIN_EXE_partctl"));
    command.current_dir(root()).args(arguments).timeout(std::time::Duration::from_secs(120)).assert()
}

#[test]
fn the_examples_are_valid_policies() {
    partctl(&["validate"]).success().stdout("3 policies in 3 files are fine\n");
}

#[test]
fn the_examples_are_laid_out_as_fmt_lays_them_out() {
    partctl(&["fmt", "--check"]).success();
}

#[test]
fn an_editor_is_told_why_fmt_leaves_a_document_as_it_is() {
    let text = "? version\n: 1\ntable:   a.b\n";
    let fmt = Command::new(env!("CARGO_BIN_EXE_partctl")).args(["fmt", "-"]).write_stdin(text).assert();
    let told = "standard input:1: left as it is: a key shares its line with something else\n";
    fmt.success().stdout(text).stderr(told);
}

/// A hook of <https://pre-commit.com>.
#[derive(serde::Deserialize)]
struct Hook {
    id: String,
    entry: String,
    language: String,
}

#[test]
fn the_hooks_for_pre_commit_run_commands_that_exist() {
    let text = fs::read_to_string(root().join(".pre-commit-hooks.yaml")).unwrap();
    let hooks: Vec<Hook> = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(hooks.len(), 4);
    for hook in hooks {
        let words: Vec<&str> = hook.entry.split_whitespace().collect();
        assert_eq!(words[0], "partctl", "{}", hook.id);
        partctl(&words[1..]).success();
        let expected = if hook.id.ends_with("-system") { "system" } else { "rust" };
        assert_eq!(hook.language, expected, "{}", hook.id);
    }
}

#[test]
fn the_readme_names_every_command_and_every_exit_code() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let help = String::from_utf8(partctl(&["help"]).success().get_output().stdout.clone()).unwrap();
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands = commands.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    for command in commands.map(|line| line.split_whitespace().next().unwrap()).filter(|name| *name != "help") {
        assert!(readme.contains(&format!("| `{command}")), "the README does not tell of `{command}`");
    }
    use FailureKind::*;
    for kind in [Unexpected, Pending, Findings, Policy, Unreachable, Busy, Refused, LockTimeout, Usage] {
        assert!(readme.contains(&format!("\n| {} | ", kind.exit_code())), "{kind:?} is not in the README");
    }
    assert!(readme.contains(&format!("\n| {}, {} | ", Interrupted.exit_code(), Terminated.exit_code())));
}

#[test]
fn the_demo_shows_the_whole_way_and_leaves_nothing() {
    // A folder of its own: somebody else's demo comes and goes in the common one. Below a socket's path is short.
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_partctl"));
    command.current_dir(root()).arg("demo").env("TMPDIR", folder.path()).timeout(std::time::Duration::from_secs(120));
    let assert = command.assert().success();
    let shown = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
    for part in [
        "3 policies in 3 files are fine",
        "no partition of relation \"orders\" found for row (23514)",
        "touches 0 of 13 partitions",
        "INSERT 0 1",
        "touches 1 of 16 partitions: orders_",
        "pruning proven on",
        "Nothing to do: 3 tables converged.",
        "Simulated for",
    ] {
        assert!(shown.contains(part), "`{part}` is not in:\n{shown}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
