//! An archive that is not what was archived is refused, by whoever reads it, and the object is named.

use std::path::{Path, PathBuf};

use partctl::rows::{Compression, Format, Layout};

use super::super::harness::{Database, contains, said};
use super::store::{BUCKET, Cloud, Store};
use super::{archive, folder};

const ROWS: &str = "CREATE SCHEMA s; CREATE TABLE s.t (id int, words text, price numeric(12,2), at timestamptz, list int[]);
    INSERT INTO s.t SELECT i, md5(i::text) || md5((i + 1)::text), i / 7.0, '2024-01-01'::timestamptz + i * interval '1 minute',
        array[i, i + 1] FROM generate_series(1, 40000) i";

/// A file of an archive that two files stand in.
fn data_files(folder: &Path) -> [PathBuf; 2] {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder.join("here/a/b")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| !file.ends_with("manifest.json"));
    files.sort();
    [files[0].clone(), files[1].clone()]
}

fn name(file: &Path) -> &str {
    file.file_name().unwrap().to_str().unwrap()
}

/// Something that goes wrong with stored files; which one is to be blamed for it.
type Harm = (&'static str, fn(&Path) -> String);

fn flip(file: &Path, at: usize) {
    let mut bytes = std::fs::read(file).unwrap();
    let at = at % bytes.len();
    bytes[at] ^= 0x10;
    std::fs::write(file, bytes).unwrap();
}

fn shorten(file: &Path, by: u64) {
    let length = file.metadata().unwrap().len();
    std::fs::File::options().write(true).open(file).unwrap().set_len(length.saturating_sub(by)).unwrap();
}

const HARMS: &[Harm] = &[
    ("a byte is flipped at the start", |folder| {
        let [file, _] = data_files(folder);
        flip(&file, 0);
        name(&file).to_owned()
    }),
    ("a byte is flipped in the middle", |folder| {
        let [_, file] = data_files(folder);
        flip(&file, 30_011);
        name(&file).to_owned()
    }),
    ("a byte is flipped at the end", |folder| {
        let [file, _] = data_files(folder);
        flip(&file, usize::try_from(file.metadata().unwrap().len()).unwrap() - 1);
        name(&file).to_owned()
    }),
    ("a file is cut short by a byte", |folder| {
        let [file, _] = data_files(folder);
        shorten(&file, 1);
        name(&file).to_owned()
    }),
    ("a file is emptied", |folder| {
        let [_, file] = data_files(folder);
        shorten(&file, u64::MAX);
        name(&file).to_owned()
    }),
    ("a file grows", |folder| {
        let [file, _] = data_files(folder);
        let mut bytes = std::fs::read(&file).unwrap();
        bytes.extend_from_slice(b"more");
        std::fs::write(&file, bytes).unwrap();
        name(&file).to_owned()
    }),
    ("two files are swapped", |folder| {
        let [one, other] = data_files(folder);
        let between = one.with_extension("between");
        std::fs::rename(&one, &between).unwrap();
        std::fs::rename(&other, &one).unwrap();
        std::fs::rename(&between, &other).unwrap();
        name(&one).to_owned()
    }),
    ("a file is deleted", |folder| {
        let [_, file] = data_files(folder);
        std::fs::remove_file(&file).unwrap();
        name(&file).to_owned()
    }),
    ("the manifest is edited", |folder| {
        let file = folder.join("here/a/b/manifest.json");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replacen("40000", "39999", 1)).unwrap();
        "manifest.json".to_owned()
    }),
    ("the manifest is cut short", |folder| {
        shorten(&folder.join("here/a/b/manifest.json"), 40);
        "manifest.json".to_owned()
    }),
    ("the manifest is deleted", |folder| {
        std::fs::remove_file(folder.join("here/a/b/manifest.json")).unwrap();
        "manifest.json".to_owned()
    }),
];

/// Holds that both commands refuse this archive, name the object, and make nothing.
async fn refused(
    database: &Database,
    run: impl Fn(&[&str]) -> std::process::Output,
    url: &str,
    blamed: &str,
    harm: &str,
) {
    for arguments in [&["archive", "verify", url][..], &["archive", "restore", url, "--as", "s.back"]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(3), "{harm}: {arguments:?}\n{}", said(&output));
        contains(&said(&output), &[blamed]);
        assert!(!said(&output).contains("panicked"), "{harm}: {}", said(&output));
    }
    assert_eq!(database.value("SELECT to_regclass('s.back') IS NULL").await, "t", "{harm}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_its_files_is_found_and_the_file_is_named() {
    let database = Database::new("", ROWS).await;
    for (format, compression) in [
        (Format::Parquet, Compression::default()),
        (Format::Csv, Compression::default()),
        (Format::Csv, Compression::None),
        (Format::Binary, Compression::Gzip),
        (Format::Binary, Compression::None),
    ] {
        let (whole, destination) = folder();
        archive(&database, &destination, Layout { format, compression }, None, 2).await.unwrap();
        for (harm, inflict) in HARMS {
            let (copy, _) = folder();
            let copied =
                std::process::Command::new("cp").arg("-r").arg(whole.path().join("here")).arg(copy.path()).status();
            assert!(copied.unwrap().success());
            let blamed = inflict(copy.path());
            let url = format!("file://{}/here/a/b", copy.path().display());
            let run = |arguments: &[&str]| database.command(arguments).output().unwrap();
            refused(&database, run, &url, &blamed, &format!("{format:?} {compression}: {harm}")).await;
        }
        let url = format!("{}/here/a/b", destination.url());
        contains(&database.partctl(&["archive", "verify", &url], 0), &["verified", "40.0 k", "1 archive"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_is_found_wherever_it_is() {
    let database = Database::new("", ROWS).await;
    let (whole, destination) = folder();
    let layout = Layout { format: Format::Parquet, compression: Compression::default() };
    let made = archive(&database, &destination, layout, None, 2).await.unwrap();
    let [file, _] = data_files(whole.path());
    let length = usize::try_from(file.metadata().unwrap().len()).unwrap();
    // The footer is where a reader is led astray: every byte of it; elsewhere some.
    let footer = length - 3_000..length;
    for at in footer.step_by(7).chain((0..length).step_by(length / 40)) {
        flip(&file, at);
        let error = partctl::archive::verify(&destination, "here/a/b", &made.manifest).await.unwrap_err();
        let damage = partctl::archive::Damage::of(&error).unwrap_or_else(|| panic!("byte {at}: {error:?}"));
        assert!(damage.object.ends_with(name(&file)), "byte {at}: {damage}");
        flip(&file, at);
    }
    partctl::archive::verify(&destination, "here/a/b", &made.manifest).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_in_a_bucket_is_found_too() {
    let store = Store::start().await;
    let database = Database::new("", ROWS).await;
    let (whole, destination) = folder();
    let layout = Layout { format: Format::Parquet, compression: Compression::default() };
    archive(&database, &destination, layout, None, 2).await.unwrap();
    let url = format!("s3://{BUCKET}/here/a/b");
    for (harm, inflict) in HARMS {
        store.clear();
        let copied =
            std::process::Command::new("cp").arg("-r").arg(whole.path().join("here")).arg(store.bucket()).status();
        assert!(copied.unwrap().success());
        contains(&store.partctl(&database, &["archive", "verify", &url], 0), &["verified"]);
        let blamed = inflict(&store.bucket());
        let run = |arguments: &[&str]| store.command(&database, arguments).output().unwrap();
        refused(&database, run, &url, &blamed, &format!("in a bucket: {harm}")).await;
    }
}
