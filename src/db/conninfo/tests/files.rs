use super::*;

#[test]
fn without_a_host_the_first_default_folder_with_a_socket_is_taken() {
    let debian = ("/var/run/postgresql/.s.PGSQL.5432", 0o777, "");
    let tmp = ("/tmp/.s.PGSQL.5432", 0o777, "");
    for (string, files, host) in [
        ("dbname=d", vec![debian, tmp], Host::Socket(PathBuf::from("/var/run/postgresql"))),
        ("dbname=d", vec![tmp], Host::Socket(PathBuf::from("/tmp"))),
        ("dbname=d port=5433", vec![debian, tmp], Host::Name("localhost".to_owned())),
        ("dbname=d", vec![], Host::Name("localhost".to_owned())),
        ("dbname=d host=''", vec![tmp], Host::Socket(PathBuf::from("/tmp"))),
    ] {
        assert_eq!(resolve_in(Some(string), &[], &files).servers[0].host, host, "{string}");
    }
}

#[test]
fn service_files_come_after_the_string_and_before_variables() {
    let own = "# services\n[other]\nhost=no\n\n[sales]\nhost=db1\n  port=6000  \n# user=no\nuser=svc\nuser=second\npassword=hush\n[after]\nhost=no\n";
    let files = [("/home/ada/.pg_service.conf", 0o644, own)];
    let spec = resolve_in(Some("service=sales"), &[("PGUSER", "env"), ("PGDATABASE", "e")], &files);
    assert_eq!(spec.to_string(), "postgresql://svc@db1:6000/e");
    assert_eq!(spec.servers[0].password.as_ref().unwrap().source(), &PasswordSource::ServiceFile);
    let spec = resolve_in(Some("postgres://bob@/?service=sales"), &[("PGSERVICE", "other")], &files);
    assert_eq!(spec.to_string(), "postgresql://bob@db1:6000/bob");
    assert_eq!(resolve_in(None, &[("PGSERVICE", "sales")], &files).user, "svc");

    let system = [
        ("/sys/pg_service.conf", 0o644, "[sales]\nhost=far\n"),
        ("/mine.conf", 0o644, "[else]\nhost=near\n"),
        ("/etc/postgresql-common/pg_service.conf", 0o644, "[sales]\nhost=packaged\n"),
    ];
    for (variables, host) in [
        (vec![("PGSYSCONFDIR", "/sys")], "far"),
        (vec![("PGSYSCONFDIR", "/sys"), ("PGSERVICEFILE", "/mine.conf")], "far"),
        (vec![], "packaged"),
    ] {
        let spec = resolve_in(Some("service=sales"), &variables, &system);
        assert_eq!(spec.servers[0].host, Host::Name(host.to_owned()), "{variables:?}");
    }
    assert!(error("service=sales", &[("PGSERVICEFILE", "/nowhere")], &[]).contains("`/nowhere` not found"));
    for (text, reason) in [
        ("[sales]\nhost\n", "line 2 of service file `/home/ada/.pg_service.conf` lacks its `=`"),
        ("[sales]\n\nservice=other\n", "nested service in line 3"),
        (
            "[sales]\nhots=x\n",
            "in line 2 of service file `/home/ada/.pg_service.conf`: unknown connection parameter `hots`",
        ),
    ] {
        let message = error("service=sales", &[], &[("/home/ada/.pg_service.conf", 0o644, text)]);
        assert!(message.contains(reason), "{message}");
    }
}

#[test]
fn the_first_line_of_the_passfile_that_fits_gives_the_password() {
    let text = "# host:port:database:user:password\n\
        db1:5432:sales:bob:one\n\
        db1:*:sales:bob:two\r\n\
        localhost:*:*:ada:socket\n\
        /run/pg:*:*:*:folder\n\
        a\\:b:*:*:we\\\\ird:thr\\:ee\\\\:ignored\n\
        \\:\\:1:*:*:*:six\n\
        short:line\n\
        10.0.0.1:*:*:*:address\n\
        *:*:sales:*:any\n";
    let file = [("/home/ada/.pgpass", 0o600, text)];
    for (string, expected) in [
        ("host=db1 dbname=sales user=bob", Some("one")),
        ("host=db1 port=6000 dbname=sales user=bob", Some("two")),
        ("host=db1 dbname=sales user=al", Some("any")),
        ("host=db1 dbname=other user=al", None),
        ("host=localhost", Some("socket")),
        ("host=/var/run/postgresql", Some("socket")),
        ("host=/tmp", Some("socket")),
        ("host=/run/pg", Some("folder")),
        (r"host=a:b user='we\\ird'", Some(r"thr:ee\")),
        ("host=::1", Some("six")),
        ("hostaddr=10.0.0.1", Some("address")),
        ("host=elsewhere hostaddr=10.0.0.1", None),
        ("host=db1 dbname=sales user=bob password=own", Some("own")),
    ] {
        assert_eq!(password(&resolve_in(Some(string), &[], &file)), expected, "{string}");
    }
    let both = resolve_in(
        Some("host=db1,db2,x dbname=sales user=bob port=5432"),
        &[],
        &[("/p", 0o400, "db1:*:*:*:a\ndb2:*:*:*:b\n")],
    );
    assert!(both.servers.iter().all(|server| server.password.is_none()), "/p was not named");
    let both = resolve_in(
        Some("host=db1,db2,x passfile=/p"),
        &[("PGPASSFILE", "/q")],
        &[("/p", 0o400, "db1:*:*:*:a\ndb2:*:*:*:b\n")],
    );
    let found: Vec<_> = both.servers.iter().map(|s| s.password.as_ref().map(Password::reveal)).collect();
    assert_eq!(found, [Some("a"), Some("b"), None]);
    assert_eq!(both.servers[0].password.as_ref().unwrap().source(), &PasswordSource::Passfile(PathBuf::from("/p")));
    assert_eq!(
        password(&resolve_in(Some("host=db1"), &[("PGPASSFILE", "/q"), ("PGPASSWORD", "env")], &[])),
        Some("env")
    );
}

#[test]
fn a_passfile_that_others_may_read_is_ignored_with_a_warning() {
    for mode in [0o640, 0o604, 0o660] {
        let spec = resolve_in(Some("host=h"), &[], &[("/home/ada/.pgpass", mode, "*:*:*:*:hush")]);
        assert_eq!(password(&spec), None);
        assert_eq!(
            spec.warnings,
            ["password file `/home/ada/.pgpass` ignored: group or others may read it; permissions should be 0600"]
        );
    }
}

#[test]
fn root_certificates_turn_on_verification() {
    let own = ("/home/ada/.postgresql/root.crt", 0o644, "");
    let named = ("/ca.pem", 0o644, "");
    let file = |path: &str| Roots::File(PathBuf::from(path));
    let home_root = || file("/home/ada/.postgresql/root.crt");
    for (string, files, verify) in [
        ("host=h sslmode=require", vec![], Verify::Nothing),
        ("host=h sslmode=require", vec![own], Verify::Chain(home_root())),
        ("host=h", vec![own], Verify::Chain(home_root())),
        ("host=h sslmode=verify-ca", vec![own], Verify::Chain(home_root())),
        ("host=h sslmode=verify-full", vec![own], Verify::ChainAndName(home_root())),
        ("host=h sslmode=verify-full sslrootcert=/ca.pem", vec![own, named], Verify::ChainAndName(file("/ca.pem"))),
        ("host=h sslmode=require sslrootcert=/ca.pem", vec![named], Verify::Chain(file("/ca.pem"))),
        ("host=h sslrootcert=system", vec![own], Verify::ChainAndName(Roots::System)),
        ("host=h sslmode=disable", vec![own], Verify::Nothing),
        ("host=/run/pg sslmode=verify-full", vec![], Verify::Nothing),
    ] {
        assert_eq!(resolve_in(Some(string), &[], &files).tls.verify, verify, "{string}");
    }
    assert_eq!(resolve("host=h sslrootcert=system").tls.encryption, Encryption::Require);
}

#[test]
fn a_client_certificate_is_used_when_it_exists_and_needs_its_key() {
    let (crt, key) =
        (("/home/ada/.postgresql/postgresql.crt", 0o644, ""), ("/home/ada/.postgresql/postgresql.key", 0o600, ""));
    let certificate = |certificate: &str, key: &str| {
        Some(ClientCertificate { certificate: PathBuf::from(certificate), key: PathBuf::from(key) })
    };
    assert_eq!(resolve_in(Some("host=h"), &[], &[crt, key]).tls.client_certificate, certificate(crt.0, key.0));
    assert_eq!(
        resolve_in(Some("host=h sslcert=/c sslkey=/k"), &[], &[("/c", 0o644, ""), ("/k", 0o600, "")])
            .tls
            .client_certificate,
        certificate("/c", "/k")
    );
    assert!(error("host=h", &[], &[crt]).contains("has no private key: name it with `sslkey`"));
    let spec = resolve_in(Some("host=h sslcert=/c"), &[], &[]);
    assert_eq!(spec.tls.client_certificate, None);
    assert_eq!(spec.warnings, ["client certificate `/c` not found, going on without"]);
}
