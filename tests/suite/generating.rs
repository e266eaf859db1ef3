//! What `generate` prints is taken by whom it is for: shells, `man`, systemd, Prometheus. Where one of them is not
//! installed, its part is held by the unit tests of the texts alone; in CI those that `.ci/setup tests` installs are there.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::python::python;

const PARTCTL: &str = env!("CARGO_BIN_EXE_partctl");

fn generate(arguments: &[&str]) -> String {
    let output = Command::new(PARTCTL).arg("generate").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What a program that may be missing says; `None`: it is.
fn if_installed(command: &mut Command) -> Option<Output> {
    match command.output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        output => Some(output.unwrap()),
    }
}

/// The same of a program that `.ci/setup tests` installs: in CI nothing is passed over.
fn if_set_up(command: &mut Command) -> Option<Output> {
    let output = if_installed(command);
    let program = command.get_program().display();
    assert!(output.is_some() || std::env::var_os("CI").is_none(), "no `{program}`: `.ci/setup tests` installs it");
    output
}

fn assert_silent_success(output: &Output) {
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

fn commands() -> Vec<String> {
    let help = Command::new(PARTCTL).arg("help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands = commands.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    commands.map(|line| line.split_whitespace().next().unwrap().to_owned()).filter(|name| name != "help").collect()
}

#[test]
fn shells_complete_every_command_and_read_what_completes_them() {
    for shell in ["bash", "zsh", "fish"] {
        let script = generate(&["completions", shell]);
        for command in commands() {
            assert!(script.contains(&command), "{shell} does not complete `{command}`");
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), script).unwrap();
        if let Some(output) = if_installed(Command::new(shell).arg("-n").arg(file.path())) {
            assert_silent_success(&output);
        }
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let mut child = Command::new(PARTCTL)
        .args(["generate", "completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_silent_success(&child.wait_with_output().unwrap());
}

#[test]
fn every_command_has_a_page_that_man_shows_without_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    generate(&["man", "--to", folder.path().to_str().unwrap()]);
    let page = |name: &str| folder.path().join(format!("{name}.1"));
    for command in commands() {
        let text = std::fs::read_to_string(page(&format!("partctl-{command}"))).unwrap();
        assert!(text.contains(".SH SYNOPSIS"), "{text}");
    }
    assert!(page("partctl-generate-grants").is_file());
    let first = std::fs::read_to_string(page("partctl")).unwrap();
    assert_eq!(first, generate(&["man"]));
    assert!(first.contains("EXIT STATUS") && first.contains("PARTCTL_NOTIFY"), "{first}");
    let mut man = Command::new("man");
    man.args(["--warnings", "--local-file"]).arg(page("partctl")).env("MANWIDTH", "100").env("LC_ALL", "C.UTF-8");
    // A minimal image has a `man` that only says that it was taken out.
    let minimized = |output: &Output| String::from_utf8_lossy(&output.stdout).contains("minimized");
    if let Some(output) = if_installed(&mut man).filter(|output| !minimized(output)) {
        assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).contains("partctl"));
    }
}

fn units(folder: &Path) -> Vec<PathBuf> {
    let to = folder.to_str().unwrap();
    generate(&["systemd", "--to", to, "--program", PARTCTL, "--prometheus-textfile", "/var/lib/metrics/partctl.prom"]);
    ["partctl.service", "partctl.timer", "partctl-failed@.service"].map(|name| folder.join(name)).to_vec()
}

#[test]
fn systemd_takes_the_units() {
    let folder = tempfile::tempdir().unwrap();
    let units = units(folder.path());
    assert!(units.iter().all(|unit| unit.is_file()));
    let mut verify = Command::new("systemd-analyze");
    // The manual is not installed where tests run.
    verify.args(["verify", "--man=no"]).args(&units).env("SYSTEMD_LOG_LEVEL", "warning");
    if let Some(output) = if_set_up(&mut verify) {
        assert_silent_success(&output);
    }
    // 0 is best and 10 worst; a unit without any hardening has 9.6.
    let mut security = Command::new("systemd-analyze");
    security.args(["security", "--offline=true", "--no-pager", "--threshold=20"]).arg(&units[0]);
    if let Some(output) = if_set_up(&mut security) {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn prometheus_takes_the_alert_rules() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), generate(&["prometheus-rules"])).unwrap();
    if let Some(output) = if_set_up(Command::new("promtool").args(["check", "rules"]).arg(file.path())) {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn grafana_knows_every_key_and_value_of_the_dashboard() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), generate(&["grafana-dashboard"])).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/dashboard.py");
    let loaded = Command::new(python("grafana_foundation_sdk")).arg(script).arg(file.path()).output().unwrap();
    assert_silent_success(&loaded);
}

#[test]
fn a_service_runs_what_partctl_understands() {
    let folder = tempfile::tempdir().unwrap();
    let service = std::fs::read_to_string(&units(folder.path())[0]).unwrap();
    let command = service.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let command = command.replace("/etc/partctl/policies", "/nonexistent");
    let output = Command::new("sh").args(["-c", &command]).env_clear().output().unwrap();
    // The policies are missing, and that is all.
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
}
