//! Reads policy files from disk: which paths are policies, in which order, and how much of each.
//!
//! Decides nothing about what they hold.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;

use crate::failure::{Failure, FailureKind};
use crate::policy::{QueryFileWanted, QueryFiles, Source, query_files_wanted};

/// Where policies are when nobody says otherwise.
pub const DEFAULT_PATH: &str = "policies";

/// Read at most: one byte more than is taken, so that the check can say that it is too much.
const MAX_READ: u64 = (8 << 20) + 1;

/// The files named, and the `*.yaml` and `*.yml` files of the folders named and all below, in byte order of path.
///
/// Names that begin with a dot are passed over inside folders, symbolic links are followed, and no file is read
/// twice. Bytes that are not UTF-8 become U+FFFD, which the check reports at its place.
///
/// # Errors
/// A [`Failure`] of kind [`FailureKind::Policy`] when a path is missing or cannot be read.
pub fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<Source>> {
    let mut found = Found::default();
    for path in paths {
        found.add(path)?;
    }
    found.files.into_values().map(|path| read_file(&path)).collect()
}

/// Most files of queries that one pattern may match.
const MOST_QUERY_FILES: usize = 1_000;

/// The files of queries that these policies name, patterns relative to the folder of the policy.
///
/// A pattern that cannot be read is a problem of its policy, which the check reports at its place.
pub fn query_files(policies: &[Source]) -> QueryFiles {
    let mut files = QueryFiles::default();
    for wanted in query_files_wanted(policies) {
        let found = matching(&wanted);
        files.add(wanted, found);
    }
    files
}

fn matching(wanted: &QueryFileWanted) -> Result<Vec<Source>, String> {
    let folder = Path::new(&wanted.policy).parent().unwrap_or(Path::new(""));
    let folder = glob::Pattern::escape(&folder.display().to_string());
    let pattern = Path::new(&folder).join(&wanted.pattern);
    let found = glob::glob(&pattern.display().to_string()).map_err(|error| error.msg.to_owned())?;
    let mut sources = Vec::new();
    for path in found {
        let path = path.map_err(|error| error.error().to_string())?;
        if path.is_dir() {
            continue;
        }
        if MOST_QUERY_FILES <= sources.len() {
            return Err(format!("more than {MOST_QUERY_FILES} files match"));
        }
        sources.push(read_file(&without_detours(path)).map_err(|error| error.root_cause().to_string())?);
    }
    Ok(sources)
}

/// `queries/a.sql` for `policies/../queries/a.sql`, where both are one file: code hosts take no `..` in the path of an
/// annotation, and a link may lead elsewhere.
fn without_detours(path: PathBuf) -> PathBuf {
    let mut direct = PathBuf::new();
    for component in path.components() {
        match (component, direct.components().next_back()) {
            (Component::ParentDir, Some(Component::Normal(_))) => {
                direct.pop();
            }
            _ => direct.push(component),
        }
    }
    let leads = |path: &Path| path.canonicalize().ok();
    if leads(&direct) == leads(&path) { direct } else { path }
}

#[derive(Default)]
struct Found {
    /// By the bytes of the path.
    files: BTreeMap<Vec<u8>, PathBuf>,
    /// Canonical paths, so that links make no circles and no policy is there twice.
    seen: HashSet<PathBuf>,
}

impl Found {
    fn add(&mut self, path: &Path) -> anyhow::Result<()> {
        // What a shell pipes in, as /dev/fd/63, is there and leads to no path.
        let canonical = match path.canonicalize() {
            Err(_) if path.exists() => path.to_owned(),
            led => led.with_context(|| unreadable(path))?,
        };
        if !self.seen.insert(canonical.clone()) {
            return Ok(());
        }
        if !canonical.is_dir() {
            self.files.insert(path.as_os_str().as_bytes().to_vec(), path.to_owned());
            return Ok(());
        }
        let entries = path.read_dir().with_context(|| unreadable(path))?;
        let mut inside = entries
            .map(|entry| Ok(entry?.path()))
            .collect::<std::io::Result<Vec<_>>>()
            .with_context(|| unreadable(path))?;
        inside.sort();
        for entry in inside {
            let hidden = entry.file_name().is_some_and(|name| name.as_bytes().starts_with(b"."));
            if !hidden && (is_policy(&entry) || entry.is_dir()) {
                self.add(&entry)?;
            }
        }
        Ok(())
    }
}

fn is_policy(path: &Path) -> bool {
    matches!(path.extension().and_then(OsStr::to_str), Some("yaml" | "yml"))
}

/// What to say when the paths can be read and hold no policy.
pub fn no_policy(paths: &[PathBuf]) -> Failure {
    let paths: Vec<String> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
    let failure = Failure::new(FailureKind::Policy, format!("no policy in {}", paths.join(", ")));
    failure.hint("policies are files named *.yaml or *.yml; `--policies` says where they are")
}

fn read_file(path: &Path) -> anyhow::Result<Source> {
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(|| unreadable(path))?;
    file.take(MAX_READ).read_to_end(&mut bytes).with_context(|| unreadable(path))?;
    let text = String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    Ok(Source { path: path.display().to_string(), text })
}

fn unreadable(path: &Path) -> Failure {
    let failure = Failure::new(FailureKind::Policy, format!("cannot read policies from `{}`", path.display()));
    failure.hint("`--policies` names the files or folders that hold your policies, seen from where partctl runs")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::os::fd::AsRawFd as _;

    use super::*;

    fn names(sources: &[Source], root: &Path) -> Vec<String> {
        let root = format!("{}/", root.display());
        sources.iter().map(|source| source.path.replace(&root, "")).collect()
    }

    #[test]
    fn folders_are_read_to_the_bottom_in_byte_order_of_path() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for directory in ["b", "a.d", ".hidden", "e.yaml"] {
            fs::create_dir(root.join(directory)).unwrap();
        }
        let files = [
            "b/x.yml",
            "b.yaml",
            "a.d/y.yaml",
            "Z.yaml",
            "ü.yaml",
            "notes.txt",
            ".hidden/z.yaml",
            ".a.yaml",
            "e.yaml/f.yaml",
        ];
        for file in files {
            fs::write(root.join(file), "x").unwrap();
        }
        let sources = read(&[root.to_owned()]).unwrap();
        let expected = ["Z.yaml", "a.d/y.yaml", "b.yaml", "b/x.yml", "e.yaml/f.yaml", "ü.yaml"];
        assert_eq!(names(&sources, root), expected);
    }

    #[test]
    fn a_file_is_read_once_however_often_it_is_named_or_linked() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::write(root.join("a.yaml"), "x").unwrap();
        fs::create_dir(root.join("in")).unwrap();
        std::os::unix::fs::symlink(root, root.join("in/circle")).unwrap();
        std::os::unix::fs::symlink(root.join("a.yaml"), root.join("b.yaml")).unwrap();
        let sources = read(&[root.to_owned(), root.join("a.yaml")]).unwrap();
        assert_eq!(names(&sources, root), ["a.yaml"]);
    }

    #[test]
    fn files_of_queries_are_found_from_the_folder_of_their_policy() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for inside in ["shop [1]/queries", "shop [1]/queries/c.sql"] {
            fs::create_dir_all(root.join(inside)).unwrap();
        }
        for file in ["b.sql", "a.sql", "a.txt"] {
            fs::write(root.join("shop [1]/queries").join(file), "select 1").unwrap();
        }
        let policy = root.join("shop [1]/orders.yaml");
        let entries = "pruning:\n  - file: queries/*.sql\n  - file: nothing.sql\n  - file: '['\n";
        fs::write(&policy, format!("{entries}---\n{entries}")).unwrap();
        let sources = read(&[policy]).unwrap();
        let found = query_files(&sources);
        let told = names(&found.sources(), root);
        assert_eq!(told, ["shop [1]/queries/a.sql", "shop [1]/queries/b.sql"]);
        let elsewhere = root.join("policies");
        fs::create_dir(&elsewhere).unwrap();
        fs::write(elsewhere.join("a.yaml"), "pruning:\n  - file: ../shop*/queries/a.sql\n").unwrap();
        let beside = query_files(&read(&[elsewhere]).unwrap());
        assert_eq!(names(&beside.sources(), root), ["shop [1]/queries/a.sql"]);
        let problems = crate::policy::check_with(&sources, &found).problems;
        let told: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
        assert!(told.contains(&"no file is called `nothing.sql`"), "{told:?}");
        assert!(told.iter().any(|message| message.starts_with("cannot read `[`: ")), "{told:?}");
    }

    #[test]
    fn a_named_file_may_be_called_anything() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".policy");
        fs::write(&path, "x").unwrap();
        assert_eq!(read(&[path]).unwrap().len(), 1);
    }

    #[test]
    fn what_is_missing_is_a_failure_of_the_policies() {
        let error = read(&[PathBuf::from("nowhere/orders.yaml")]).unwrap_err();
        let failure = error.downcast_ref::<Failure>().unwrap();
        assert_eq!(failure.kind, FailureKind::Policy);
        assert_eq!(failure.message, "cannot read policies from `nowhere/orders.yaml`");
        assert!(failure.hint.as_ref().unwrap().contains("`--policies`"));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_marked_and_a_long_file_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.yaml"), b"a: caf\xe9\n").unwrap();
        fs::write(folder.path().join("b.yaml"), vec![b'#'; 9 << 20]).unwrap();
        let sources = read(&[folder.path().to_owned()]).unwrap();
        assert_eq!(sources[0].text, "a: caf\u{fffd}\n");
        assert_eq!(sources[1].text.len() as u64, MAX_READ);
    }

    #[test]
    fn what_a_shell_pipes_in_is_read() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(b"version: 1\n").unwrap();
        drop(writer);
        let path = PathBuf::from(format!("/dev/fd/{}", reader.as_raw_fd()));
        assert_eq!(read(&[path]).unwrap()[0].text, "version: 1\n");
        assert!(read(&[PathBuf::from("/dev/fd/1000000")]).is_err());
    }
}
