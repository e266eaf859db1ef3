//! Archives in Azure and in Google Cloud Storage, from their making to their end. S3's are everywhere else.

use super::super::harness::{Database, contains, said};
use super::azurite::{Azurite, CONTAINER};
use super::door::Weather;
use super::put_back::large;
use super::retiring::{TABLES, let_pass, policy};
use super::store::{BUCKET, Cloud, Store};

const ROWS: &str = "SELECT count(*) || ' ' || md5(string_agg(t::text, E'\n' ORDER BY t::text)) FROM";

/// Makes two archives, one of them in parts; then another database, where nothing is known of them, finds and restores
/// one; then they end.
async fn live_and_end(store: &impl Cloud, to: &str) {
    let database = Database::new(&policy(to, ", compression: none"), &large()).await;
    let rows = database.value(&format!("{ROWS} shop.orders_2001_01 t")).await;
    contains(&store.partctl(&database, &["apply", "--allow-destroy"], 0), &["4 steps done", "40,743 rows", "verified"]);
    assert_eq!(database.value("SELECT count(*) FROM partctl.archives WHERE uploads <> '[]'").await, "1");
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

/// Takes the store away while the larger archive is on its way.
async fn break_off(store: &impl Cloud, to: &str, set: impl Fn(Weather)) {
    let database = Database::new(&policy(to, ", compression: none"), &large()).await;
    set(Weather::Cut(5 << 20));
    let said = store.partctl(&database, &["apply", "--allow-destroy"], 3);
    contains(&said, &["archive orders_2001_01 failed: writing", "retries", "nothing was dropped"]);
    assert_eq!(database.value(TABLES).await, "orders_2001_01 orders_2001_02");
    set(Weather::Fine);
    contains(&store.partctl(&database, &["apply", "--allow-destroy"], 0), &["archive orders_2001_01 done", "verified"]);
    contains(&store.partctl(&database, &["archive", "list", "--from", to], 0), &["2 archives"]);
    let unfinished = "SELECT count(*) FROM partctl.archives WHERE verified_at IS NULL AND discarded_at IS NULL";
    assert_eq!(database.value(unfinished).await, "0");
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
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_to_azure_that_broke_off_is_begun_again() {
    let azure = Azurite::start().await;
    break_off(&azure, &format!("az://{CONTAINER}/cold"), |weather| azure.set(weather)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_to_google_that_broke_off_is_given_up_and_begun_again() {
    let google = Store::google().await;
    break_off(&google, &format!("gs://{BUCKET}/cold"), |weather| google.set(weather)).await;
    assert_eq!(google.files().iter().filter(|file| file.contains("upload")).count(), 0, "{:?}", google.files());
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
