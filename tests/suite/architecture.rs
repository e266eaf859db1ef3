//! Holds the purity line and the order of the rooms: reads `src/` and looks at what each room names.

use std::fs;
use std::path::{Path, PathBuf};

/// Rooms from the ground up; a room may use the ones before it, and those beside it where noted.
const FLOORS: &[&[&str]] = &[
    &["failure", "sql", "json_document"],
    &["codes", "schedule", "rows"],
    &["keys"],
    &["policy", "catalog"],
    &["plan", "manifest"],
    &["desired"],
    &["diff", "pruning", "restore"],
    &["import"],
    &["render"],
    &["db"],
    &["archive"],
    &["run"],
    &["cli"],
];

/// Below the line nothing touches the world.
const PURE_FLOORS: usize = 9;

const WORLDLY: &[&str] = &[
    "tokio",
    "tokio_postgres",
    "indicatif",
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "SystemTime",
    "Instant::now",
    "Utc::now",
    "println!",
    "eprintln!",
];

fn sources(room: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let mut folders = vec![root.join(room)];
    files.extend(Some(root.join(format!("{room}.rs"))).filter(|file| file.is_file()));
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "tests") {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name != "tests.rs")
                && path.extension().is_some_and(|extension| extension == "rs")
            {
                files.push(path);
            }
        }
    }
    assert!(!files.is_empty(), "room `{room}` has no source file");
    files
}

/// The code of a file: without comments and without its tests, which stand last.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn below_the_purity_line_nothing_touches_the_world() {
    for room in FLOORS[..PURE_FLOORS].iter().copied().flatten() {
        for path in sources(room) {
            let code = code(&path);
            for word in WORLDLY {
                assert!(!code.contains(word), "{} names `{word}`", path.display());
            }
        }
    }
}

#[test]
fn rooms_use_only_what_stands_below_them() {
    for (height, rooms) in FLOORS.iter().enumerate() {
        let above: Vec<&str> = FLOORS[height + 1..].iter().copied().flatten().copied().collect();
        for room in rooms.iter().copied() {
            let beside = rooms.iter().copied().filter(|other| *other != room);
            let forbidden: Vec<&str> = above.iter().copied().chain(beside).collect();
            for path in sources(room) {
                let code = code(&path);
                for other in &forbidden {
                    assert!(!code.contains(&format!("crate::{other}::")), "{} uses `{other}`", path.display());
                }
            }
        }
    }
}

#[test]
fn every_room_stands_on_a_floor() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(root).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let room = name.trim_end_matches(".rs");
        let known = FLOORS.iter().copied().flatten().any(|known| *known == room);
        assert!(known || ["lib", "main"].contains(&room), "`{room}` stands on no floor");
    }
}
