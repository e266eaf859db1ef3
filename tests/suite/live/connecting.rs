//! Connections as libpq makes them, as far as only a real server can tell.

use partctl::db::throwaway::{Listen, ServerOptions, ThrowawayServer};
use rcgen::{CertificateParams, CertifiedKey, KeyPair};

use super::harness::{Database, contains, said, session};

/// A server of its own, because TLS is a setting of the whole server.
async fn server_with_tls(certificate: &CertifiedKey<KeyPair>) -> ThrowawayServer {
    let options = ServerOptions { listen: Listen::SocketAndLoopback, ..ServerOptions::default() };
    let server = ThrowawayServer::start(options).unwrap();
    let superuser = session(&server.url("postgres")).await;
    let (pem, key) = (certificate.cert.pem(), certificate.signing_key.serialize_pem());
    // Written by the server itself, because a key must belong to the account that it runs under.
    for (file, text) in [("server.crt", pem), ("server.key", key)] {
        let rows = text.lines().map(|line| format!("('{line}')")).collect::<Vec<_>>().join(", ");
        let copy = format!("COPY (VALUES {rows}) TO PROGRAM 'cat > {file} && chmod 600 {file}'");
        superuser.client().batch_execute(&copy).await.unwrap();
    }
    superuser.client().batch_execute("ALTER SYSTEM SET ssl = on").await.unwrap();
    superuser.client().batch_execute("SELECT pg_reload_conf()").await.unwrap();
    // A backend forks from the postmaster that has reloaded; until then a new one says off.
    for _ in 0..1000 {
        let probe = session(&server.url("postgres")).await;
        let rows = probe.client().query_typed("SHOW ssl", &[]).await.unwrap();
        if rows[0].get::<_, String>(0) == "on" {
            return server;
        }
    }
    panic!("the server never turned TLS on: {}", server.log_tail())
}

fn self_signed(names: &[&str]) -> CertifiedKey<KeyPair> {
    let mut params = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let signing_key = KeyPair::generate().unwrap();
    CertifiedKey { cert: params.self_signed(&signing_key).unwrap(), signing_key }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_verified_as_far_as_sslmode_asks() {
    let certificate = self_signed(&["localhost"]);
    let server = server_with_tls(&certificate).await;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, pem: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, pem).unwrap();
        path.display().to_string()
    };
    let right = write("right.crt", certificate.cert.pem());
    let wrong = write("wrong.crt", self_signed(&["localhost"]).cert.pem());
    let port = server.port();
    let connect = |parameters: &str| {
        let spec = format!("hostaddr=127.0.0.1 port={port} user=postgres dbname=postgres {parameters}");
        let environment = partctl::db::conninfo::Environment::from_process();
        let spec = partctl::db::conninfo::ConnSpec::resolve(Some(&spec), &environment).unwrap();
        async move {
            let session = partctl::db::connect::connect(&spec).await?;
            let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
            anyhow::Ok(session.client().query_typed(sql, &[]).await?[0].get::<_, bool>(0))
        }
    };
    assert!(!connect("host=localhost sslmode=disable").await.unwrap());
    for encrypted in ["sslmode=prefer", "sslmode=require"] {
        assert!(connect(&format!("host=elsewhere {encrypted}")).await.unwrap(), "{encrypted}");
    }
    assert!(connect(&format!("host=localhost sslmode=verify-full sslrootcert={right}")).await.unwrap());
    assert!(connect(&format!("host=elsewhere sslmode=verify-ca sslrootcert={right}")).await.unwrap());
    for refused in [
        format!("host=elsewhere sslmode=verify-full sslrootcert={right}"),
        format!("host=localhost sslmode=verify-full sslrootcert={wrong}"),
        format!("host=localhost sslmode=verify-ca sslrootcert={wrong}"),
        format!("host=localhost sslmode=require sslrootcert={wrong}"),
    ] {
        assert!(connect(&refused).await.is_err(), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_comes_from_the_passfile_and_is_never_shown() {
    let database = Database::new("version: 1\ntable: a.b\npartition: {hash: id, modulus: 1}\n", "").await;
    let folder = tempfile::tempdir().unwrap();
    let passfile = folder.path().join("pgpass");
    std::fs::write(&passfile, "*:*:*:stranger:s3cret\n").unwrap();
    std::fs::set_permissions(&passfile, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let url = format!("postgresql://stranger:s3cret@nowhere.invalid:1/{}?connect_timeout=2", database.name);
    for (environment, url) in [(Some(&passfile), url.replace(":s3cret", "")), (None, url)] {
        let mut command = database.command(&["--database", &url, "plan"]);
        command.envs(environment.map(|path| ("PGPASSFILE", path)));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(5), "{}", said(&output));
        assert!(!said(&output).contains("s3cret"), "{}", said(&output));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_role_was_given_cannot_cut_a_session_short() {
    let database = Database::new("version: 1\ntable: a.b\npartition: {hash: id, modulus: 1}\n", "").await;
    let name = &database.name;
    let since_17 = 17 <= super::harness::server().installation().major();
    let timeouts = ["statement_timeout", "idle_session_timeout", "idle_in_transaction_session_timeout"];
    let newer = since_17.then_some("transaction_timeout");
    // Long enough for a session to pin its own before the first of them ends it.
    for setting in timeouts.into_iter().chain(newer) {
        database.sql(&format!("ALTER DATABASE {name} SET {setting} = '300ms'")).await;
    }
    let session = session(&database.url()).await;
    let client = session.client();
    client.batch_execute("BEGIN").await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    client.batch_execute("SELECT pg_sleep(0.4); COMMIT").await.unwrap();
    let settings = "SELECT current_setting('client_connection_check_interval'), current_setting('idle_in_transaction_session_timeout')";
    let row = &client.query_typed(settings, &[]).await.unwrap()[0];
    let interval = if cfg!(target_os = "linux") { "1s" } else { "0" };
    assert_eq!((row.get::<_, &str>(0), row.get::<_, &str>(1)), (interval, "1min"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_error_is_told_not_what_follows_from_it() {
    let database = Database::new("version: 1\ntable: a.b\npartition: {hash: id, modulus: 1}\n", "").await;
    database.sql("REVOKE EXECUTE ON FUNCTION pg_catalog.has_schema_privilege(oid, text) FROM PUBLIC").await;
    for _ in 0..5 {
        let url = database.url_with("user=stranger");
        let text = database.partctl(&["--database", &url, "--log-format", "json", "plan"], 1);
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&line["event"], &line["exit"]), (&"error".into(), &1.into()), "{text}");
        assert_eq!((&line["message"], &line["sqlstate"]), (&"reading the catalog".into(), &"42501".into()), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_never_answers_is_given_up() {
    let database = Database::new("version: 1\ntable: a.b\npartition: {hash: id, modulus: 1}\n", "").await;
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let url = format!("host=127.0.0.1 port={port} user=u dbname=d connect_timeout=2");
    contains(&database.partctl(&["--database", &url, "plan"], 5), &["no answer within 2 s"]);
}
