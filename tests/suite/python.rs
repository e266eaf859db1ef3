//! The Python that tests read with: what other programs make of an archive, or of a dashboard.

use std::process::Command;

/// A Python that has these modules, as `import` takes them.
pub fn python(modules: &str) -> String {
    let own = format!("{}/target/readers/bin/python3", env!("CARGO_MANIFEST_DIR"));
    let candidates = std::env::var("PARTCTL_PYTHON").ok().into_iter().chain([own, "python3".to_owned()]);
    let has_them = |python: &String| {
        let tried = Command::new(python).arg("-c").arg(format!("import {modules}")).output();
        tried.is_ok_and(|tried| tried.status.success())
    };
    candidates.into_iter().find(has_them).unwrap_or_else(|| {
        panic!("no Python 3 with {modules} found: `.ci/setup tests` gets them where Python is 3.11 or newer, or set PARTCTL_PYTHON to one")
    })
}
