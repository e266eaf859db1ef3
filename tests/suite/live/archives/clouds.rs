//! Archives in Azure and in Google Cloud Storage, from their making to their end, and what each cloud refuses. All else
//! is tried with S3.

use nix::sys::signal::Signal;

use super::super::harness::{Database, contains, said};
use super::azurite::{Azurite, CONTAINER};
use super::door::Weather;
use super::put_back::large;
use super::retiring::{TABLES, let_pass, policy};
use super::store::{BUCKET, Cloud, Store};

const ROWS: &str = "SELECT count(*) || ' ' || md5(string_agg(t::text, E'\n' ORDER BY t::text)) FROM";

const UPLOADS: &str =
    "SELECT count(*) FILTER (WHERE uploads <> '[]') || ' begun, ' || count(discarded_at) || ' given up, '
    || count(*) FILTER (WHERE coalesce(verified_at, discarded_at) IS NULL) || ' open' FROM partctl.archives";

/// Makes two archives, one of them in parts and at the second try: the first run is killed in the middle of them. Then
/// another database, where nothing is known of them, finds and restores one, and they end.
async fn live_and_end(store: &impl Cloud, to: &str) {
    let database = Database::new(&policy(to, ", compression: none"), &large()).await;
    let rows = database.value(&format!("{ROWS} shop.orders_2001_01 t")).await;
    store.set(Weather::Slow(128 << 10));
    let mut run = store.run(&database, &["apply", "--allow-destroy"]);
    let told = async {
        database.until("SELECT to_regclass('partctl.archives') IS NOT NULL", || true).await;
        database.until("SELECT EXISTS (SELECT FROM partctl.archives WHERE uploads <> '[]')", || true).await;
    };
    assert!(run.comes_to(told).await);
    run.signal(Signal::SIGKILL);
    run.ends().await;
    store.set(Weather::Fine);
    let again = store.partctl(&database, &["apply", "--allow-destroy"], 0);
    contains(&again, &["archive orders_2001_01 done", "40,743 rows", "verified"]);
    assert_eq!(database.value(UPLOADS).await, "2 begun, 1 given up, 0 open");
    let other = Database::new("", "").await;
    contains(
        &store.partctl(&other, &["archive", "list", "--from", to], 0),
        &["shop.orders_2001_01", "shop.orders_2001_02", "2 archives"],
    );
    let restore = ["archive", "restore", "shop.orders_2001_01", "--from", to, "--as", "public.back"];
    contains(&store.partctl(&other, &restore, 0), &["holds 40743 rows"]);
    assert_eq!(other.value(&format!("{ROWS} public.back t")).await, rows);
    contains(&store.partctl(&database, &["archive", "verify"], 0), &["2 verified"]);
    let_pass(&database, "8 days").await;
    contains(&store.partctl(&database, &["apply", "--allow-destroy"], 0), &["2 steps done"]);
    assert_eq!(database.value(TABLES).await, "");
    for (partition, left) in [("orders_2001_01", "1 archive,"), ("orders_2001_02", "There is no archive.")] {
        let delete = ["archive", "delete", partition, "--reason", "erasure 77", "--allow-destroy"];
        contains(&store.partctl(&database, &delete, 0), &["is deleted"]);
        contains(&store.partctl(&database, &["archive", "list", "--from", to], 0), &[left]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_live_and_end_in_azure() {
    let azure = Azurite::start().await;
    live_and_end(&azure, &format!("az://{CONTAINER}/cold")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_live_and_end_where_google_is_spoken() {
    let google = Store::google().await;
    live_and_end(&google, &format!("gs://{BUCKET}/cold")).await;
    assert_eq!(google.objects(), Vec::<String>::new());
    assert!(google.files().iter().all(|file| !file.contains("upload")), "{:?}", google.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_store_refuses_is_told_with_what_to_do() {
    let database = Database::new("", "").await;
    let list = |to: &str, settings: Vec<(&'static str, String)>| {
        let mut command = database.command(&["archive", "list", "--from", to]);
        let output = command.envs(settings).output().unwrap();
        assert_eq!(output.status.code(), Some(3));
        said(&output)
    };
    let (s3, google, azure) = (Store::start().await, Store::google().await, Azurite::start().await);
    let missing = ["listing `", "404 Not Found, ", "make it first: partctl makes no bucket"];
    contains(&list("s3://nowhere", s3.settings()), &missing);
    contains(&list("gs://nowhere", google.settings()), &missing);
    contains(&list("az://nowhere", azure.settings()), &missing);
    let mut settings = s3.settings();
    settings.push(("AWS_SECRET_ACCESS_KEY", "another".to_owned()));
    contains(
        &list(&format!("s3://{BUCKET}"), settings),
        &["403 Forbidden, SignatureDoesNotMatch", "AWS_ACCESS_KEY_ID"],
    );
    let to = format!("az://{CONTAINER}");
    // As Azure's command line has it.
    let mut settings = azure.account();
    let found = database.command(&["archive", "list", "--from", &to]).envs(settings.clone()).output().unwrap();
    contains(&said(&found), &["There is no archive."]);
    settings.push(("AZURE_STORAGE_KEY", "b3RoZXI=".to_owned()));
    contains(&list(&to, settings), &["403 Forbidden, AuthorizationFailure", "AZURE_STORAGE_CONNECTION_STRING"]);
    contains(&list(&to, Vec::new()), &["no storage account is named", "AZURE_STORAGE_ACCOUNT"]);
    let broken = vec![("AZURE_STORAGE_CONNECTION_STRING", "AccountName=acme;c2VjcmV0".to_owned())];
    let broken = list(&to, broken);
    contains(&broken, &["reading AZURE_STORAGE_CONNECTION_STRING", "a part of it is no `Name=Value`"]);
    assert!(!broken.contains("c2Vj"), "{broken}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_from_the_profile_that_awss_own_tools_would_use() {
    let store = Store::start().await;
    let said_by_store = store.settings().into_iter().collect::<std::collections::BTreeMap<_, _>>();
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".aws");
    std::fs::create_dir(&folder).unwrap();
    let keys = format!(
        "[backups]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        said_by_store["AWS_ACCESS_KEY_ID"], said_by_store["AWS_SECRET_ACCESS_KEY"]
    );
    std::fs::write(folder.join("credentials"), &keys).unwrap();
    let place = format!(
        "[profile backups]\nregion = {}\nendpoint_url = {}\n[profile people]\nsso_session = corp\n",
        said_by_store["AWS_REGION"], said_by_store["AWS_ENDPOINT_URL"]
    );
    std::fs::write(folder.join("config"), place).unwrap();
    let database = Database::new("", "").await;
    let list = |exit: i32, settings: &[(&str, &str)]| {
        let mut command = database.command(&["archive", "list", "--from", &format!("s3://{BUCKET}")]);
        let output = command.env("HOME", home.path()).envs(settings.iter().copied()).output().unwrap();
        assert_eq!(output.status.code(), Some(exit), "{}", said(&output));
        said(&output)
    };
    contains(&list(0, &[("AWS_PROFILE", "backups")]), &["There is no archive."]);
    let other_keys = [("AWS_PROFILE", "backups"), ("AWS_ACCESS_KEY_ID", "other"), ("AWS_SECRET_ACCESS_KEY", "other")];
    contains(&list(3, &other_keys), &["403 Forbidden", "a profile in ~/.aws/credentials"]);
    contains(
        &list(3, &[("AWS_PROFILE", "nobody")]),
        &["cannot open the archive destination", "`nobody`, which AWS_PROFILE names"],
    );
    contains(
        &list(3, &[("AWS_PROFILE", "people")]),
        &["by `sso_session`, which partctl cannot", "aws configure export-credentials --profile people"],
    );
    std::fs::write(folder.join("credentials"), "[backups\nc2VjcmV0\n").unwrap();
    let broken = list(3, &[("AWS_PROFILE", "backups")]);
    contains(&broken, &[".aws/credentials` is no file of settings as AWS's tools write it"]);
    assert!(!broken.contains("c2VjcmV0"), "{broken}");
}
