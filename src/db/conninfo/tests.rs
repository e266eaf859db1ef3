mod files;

use super::environment::{Seen, SeenKind};
use super::*;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

const HOME: &str = "/home/ada";

/// A small world: variables, and files by path. A path that ends in a socket's name is a socket.
fn world(variables: &[(&str, &str)], files: &[(&str, u32, &str)]) -> Environment {
    let files: BTreeMap<_, _> =
        files.iter().map(|(path, mode, text)| (Path::new(path).to_owned(), (*mode, (*text).to_owned()))).collect();
    Environment::new(
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        Some(PathBuf::from(HOME)),
        Some("ada".to_owned()),
        move |path| {
            let (mode, text) = files.get(path).cloned().ok_or(io::ErrorKind::NotFound)?;
            let kind = if path.to_string_lossy().contains(".s.PGSQL.") { SeenKind::Socket } else { SeenKind::File };
            Ok(Seen { kind, mode, text })
        },
    )
}

fn resolve(string: &str) -> ConnSpec {
    ConnSpec::resolve(Some(string), &world(&[], &[])).unwrap_or_else(|error| panic!("{string}: {error:#}"))
}

fn resolve_in(string: Option<&str>, variables: &[(&str, &str)], files: &[(&str, u32, &str)]) -> ConnSpec {
    ConnSpec::resolve(string, &world(variables, files)).unwrap_or_else(|error| panic!("{string:?}: {error:#}"))
}

fn error(string: &str, variables: &[(&str, &str)], files: &[(&str, u32, &str)]) -> String {
    let error = ConnSpec::resolve(Some(string), &world(variables, files)).err();
    let error = error.unwrap_or_else(|| panic!("accepted: {string}"));
    let failure = error.downcast_ref::<crate::failure::Failure>().unwrap();
    assert_eq!(failure.kind, crate::failure::FailureKind::Usage);
    format!("{error:#}")
}

fn password(spec: &ConnSpec) -> Option<&str> {
    spec.servers[0].password.as_ref().map(Password::reveal)
}

#[test]
fn urls_read_as_libpq_reads_them() {
    let default = "postgresql://ada@localhost:5432/ada";
    for (url, shown) in [
        ("postgresql://", default),
        ("postgres://", default),
        ("postgresql://localhost", default),
        ("postgresql://localhost/", default),
        ("postgresql://localhost:5433", "postgresql://ada@localhost:5433/ada"),
        ("postgresql://localhost/sales", "postgresql://ada@localhost:5432/sales"),
        ("postgresql://bob@localhost", "postgresql://bob@localhost:5432/bob"),
        ("postgresql://bob:secret@localhost", "postgresql://bob@localhost:5432/bob"),
        ("postgresql://@localhost", default),
        ("postgresql:///sales?host=db1&port=5433", "postgresql://ada@db1:5433/sales"),
        ("postgresql://db1,db2:5433/sales", "postgresql://ada@db1:5432,db2:5433/sales"),
        ("postgresql://db1,db2/?port=5433", "postgresql://ada@db1:5433,db2:5433/ada"),
        ("postgresql://[::1]:5433/sales", "postgresql://ada@[::1]:5433/sales"),
        ("postgresql://[fe80::1%25eth0],10.0.0.1:1/d", "postgresql://ada@[fe80::1%25eth0]:5432,10.0.0.1:1/d"),
        ("postgresql://%2Fvar%2Frun%2Fpg:6000/d", "postgresql://ada@%2Fvar%2Frun%2Fpg:6000/d"),
        ("postgresql://b%6Fb%40x:pw@h/a%20b%2Fc", "postgresql://bob%40x@h:5432/a%20b%2Fc"),
        ("postgresql://h/d?dbname=", "postgresql://ada@h:5432/ada"),
        ("postgresql://bob:p?w@h/d", "postgresql://bob@h:5432/d"),
        ("postgresql://h/d?user=bob", "postgresql://bob@h:5432/d"),
        ("sales", "postgresql://ada@localhost:5432/sales"),
        ("host", "postgresql://ada@localhost:5432/host"),
    ] {
        assert_eq!(resolve(url).to_string(), shown, "{url}");
    }
    assert_eq!(resolve("postgresql://h/d?ssl=true").tls.encryption, Encryption::Require);
    assert_eq!(resolve("postgresql://h/d?options=-c%20jit%3Doff").options.as_deref(), Some("-c jit=off"));
}

#[test]
fn passwords_in_urls_are_decoded() {
    for (url, expected) in [
        ("postgres://u:secret@h/d", "secret"),
        ("postgres://u:a:b@h/d", "a:b"),
        ("postgres://u:p%40ss%2Fw%3Ford%25%2B+@h/d", "p@ss/w?ord%++"),
        ("postgres://u:p?w#d@h/d", "p?w#d"),
        ("postgres://u:%C3%A4@h/d", "ä"),
        ("postgres://u@h/d?password=secret", "secret"),
    ] {
        assert_eq!(password(&resolve(url)), Some(expected), "{url}");
    }
    assert_eq!(password(&resolve("postgres://u:@h/d")), None);
}

#[test]
fn key_value_settings_read_as_libpq_reads_them() {
    for (settings, shown, secret) in [
        ("host=h", "postgresql://ada@h:5432/ada", None),
        ("  host = h   user\t=\nbob ", "postgresql://bob@h:5432/bob", None),
        (r"host=h dbname='my db' password='it\'s \\'", "postgresql://ada@h:5432/my%20db", Some(r"it's \")),
        (r"host=h dbname=my\ db password=a\\b\'c", "postgresql://ada@h:5432/my%20db", Some(r"a\b'c")),
        ("host=h password=''", "postgresql://ada@h:5432/ada", None),
        ("host=h user='' dbname=", "postgresql://ada@h:5432/ada", None),
        ("host=h password=a=b", "postgresql://ada@h:5432/ada", Some("a=b")),
        ("host=one host=two", "postgresql://ada@two:5432/ada", None),
        ("host=a,b port=1,2", "postgresql://ada@a:1,b:2/ada", None),
        ("host=a,b port=1", "postgresql://ada@a:1,b:1/ada", None),
        ("host=a,b port=,2", "postgresql://ada@a:5432,b:2/ada", None),
        ("host=/run/pg port=6000", "postgresql://ada@%2Frun%2Fpg:6000/ada", None),
        ("hostaddr=127.0.0.1,::1", "postgresql://ada@127.0.0.1:5432,[::1]:5432/ada", None),
        ("host=db1 hostaddr=10.0.0.1", "postgresql://ada@db1:5432/ada", None),
    ] {
        let spec = resolve(settings);
        assert_eq!(spec.to_string(), shown, "{settings}");
        assert_eq!(password(&spec), secret, "{settings}");
    }
    let address = "10.0.0.1".parse().unwrap();
    assert_eq!(
        resolve("host=db1 hostaddr=10.0.0.1").servers[0].host,
        Host::Address { name: Some("db1".to_owned()), address }
    );
}

#[test]
fn what_cannot_be_understood_is_refused_with_the_reason() {
    for (string, reason) in [
        ("", "the connection string is empty"),
        ("  ", "the connection string is empty"),
        ("mysql://h/d", "a connection URL starts with `postgresql://` or `postgres://`"),
        ("postgresql+psycopg://h/d", "a connection URL starts with `postgresql://` or `postgres://`"),
        ("my database", "neither a `postgresql://` URL nor `key=value` settings nor the name of a database"),
        ("hots=h", "unknown connection parameter `hots`, did you mean `host`?"),
        ("ssl_mode=require", "unknown connection parameter `ssl_mode`, did you mean `sslmode`?"),
        ("postgresql://h/d?sslmod=require", "unknown connection parameter `sslmod`, did you mean `sslmode`?"),
        ("postgresql://h/d?pgbouncer=true", "unknown connection parameter `pgbouncer`"),
        ("host=h dbname", "missing `=` after the word at character 8"),
        ("host='it''s'", "missing `=` after the word at character 10"),
        ("host='h", "a quoted value lacks its closing quote"),
        ("host= port=5", "`host` has no value: write `host=''`"),
        ("=h", "a parameter has a name that libpq does not know"),
        ("host=h sslmode=full", "`sslmode` takes one of `disable`, `allow`, `prefer`, `require`, `verify-ca`"),
        ("host=h channel_binding=yes", "`channel_binding` takes one of `disable`, `prefer`, `require`"),
        ("host=h target_session_attrs=master", "`target_session_attrs` takes one of `any`, `read-write`"),
        ("host=h connect_timeout=soon", "`connect_timeout` takes a whole number"),
        ("host=h port=0", "a port is not a number from 1 to 65535"),
        ("host=h port=65536", "a port is not a number from 1 to 65535"),
        ("host=a,b,c port=1,2", "2 ports but 3 hosts"),
        ("host=a,b hostaddr=10.0.0.1", "2 hosts but 1 host addresses"),
        ("hostaddr=db1", "`hostaddr` takes IP addresses"),
        ("host=h sslcrl=/x", "`sslcrl` is not supported by partctl"),
        ("host=h require_auth=scram-sha-256", "`require_auth` is not supported by partctl"),
        ("host=h gssencmode=require", "`gssencmode` is supported by partctl only with the value `disable` or `prefer`"),
        ("host=h service=nowhere", "definition of service `nowhere` not found"),
        ("host=h sslrootcert=/nowhere", "root certificate file `/nowhere` not found"),
        ("host=h sslmode=verify-full", "verifying the server needs a root certificate"),
        ("host=h sslmode=verify-ca sslrootcert=system", "`sslrootcert=system` needs `sslmode=verify-full`"),
        ("postgresql://::1/d", "more than one `:` in a host"),
        ("postgresql://[::1/d", "an IPv6 address lacks its closing `]`"),
        ("postgresql://[]/d", "an IPv6 address in the URL is empty"),
        ("postgresql://[::1]x/d", "unexpected text after the `]`"),
        ("postgresql://h/d?sslmode", "a parameter of the URL lacks its `=`"),
        ("postgresql://h/d?sslmode=a=b", "a parameter of the URL has two `=`"),
        ("postgresql://h/%zz", "in the database name: broken percent-encoding"),
        ("postgresql://h/%4", "in the database name: broken percent-encoding"),
        ("postgresql://h/%00", "%00 is not allowed"),
        ("postgresql://h/%ff", "percent-encoding that is not UTF-8"),
    ] {
        let message = error(string, &[], &[]);
        assert!(message.contains(reason), "{string}: {message}");
        assert!(message.starts_with("cannot resolve the connection from `--database`: "), "{message}");
    }
}

#[test]
fn badly_written_passwords_are_not_echoed() {
    for string in [
        "postgres://u:hush@hush@h/d",
        "postgres://u:hush/hush@h/d",
        "postgres://u:1/hush@h/d",
        "postgres://u:hush/x?hush@h/d",
        "postgres://u:1/x?hush@=h/d",
        "postgres://u:hush%zz@h/d",
        "postgres://u:%hush@h/d",
        "postgre://u:hush@h/d",
        "postgre://u:hush=@h/d",
        "u:hush@h/d",
        "h:5432:d:u:hush",
        "host=h password=my hush",
        "host=h password=my hush=x",
        "host=h password='my'hush'",
        "host=h password='hush",
        "user= password=hush",
    ] {
        let message = error(string, &[], &[]);
        assert!(!message.contains("hush"), "{string}: {message}");
    }
}

#[test]
fn no_type_shows_a_password() {
    for (string, variables, files) in [
        ("postgres://u:hush@h/d", vec![], vec![]),
        ("host=h password=hush options='-c x=y'", vec![], vec![]),
        ("host=h", vec![("PGPASSWORD", "hush")], vec![]),
        ("host=h", vec![], vec![("/home/ada/.pgpass", 0o600, "*:*:*:*:hush")]),
    ] {
        let spec = resolve_in(Some(string), &variables, &files);
        assert_eq!(password(&spec), Some("hush"), "{string}");
        let shown = format!("{spec} {spec:?} {spec:#?} {:?} {}", spec.servers[0], spec.servers[0]);
        assert!(!shown.contains("hush"), "{shown}");
        let source = spec.servers[0].password.as_ref().unwrap().source().to_string();
        assert!(!source.contains("hush"), "{source}");
    }
}

#[test]
fn the_argument_wins_over_partctl_database_over_database_url_over_pg_variables() {
    let all = [
        ("PARTCTL_DATABASE", "postgres://two/d"),
        ("DATABASE_URL", "postgres://three/d"),
        ("PGHOST", "four"),
        ("PGDATABASE", "e"),
    ];
    for (argument, variables, shown) in [
        (Some("postgres://one/d"), &all[..], "postgresql://ada@one:5432/d"),
        (None, &all[..], "postgresql://ada@two:5432/d"),
        (None, &all[1..], "postgresql://ada@three:5432/d"),
        (None, &all[2..], "postgresql://ada@four:5432/e"),
        (None, &[], "postgresql://ada@localhost:5432/ada"),
        (None, &[("PARTCTL_DATABASE", ""), ("DATABASE_URL", "host=x")], "postgresql://ada@x:5432/ada"),
    ] {
        assert_eq!(resolve_in(argument, variables, &[]).to_string(), shown);
    }
    let message = ConnSpec::resolve(None, &world(&[("DATABASE_URL", "postgres://h/d?x=y")], &[])).unwrap_err();
    assert!(message.to_string().ends_with("from `DATABASE_URL`"), "{message}");
}

#[test]
fn variables_fill_what_the_string_leaves_out() {
    let variables = [
        ("PGHOST", "h1,h2"),
        ("PGPORT", "6000"),
        ("PGDATABASE", "sales"),
        ("PGUSER", "bob"),
        ("PGPASSWORD", "secret"),
        ("PGSSLMODE", "require"),
        ("PGCONNECT_TIMEOUT", "1"),
        ("PGTARGETSESSIONATTRS", "read-write"),
        ("PGAPPNAME", "nightly"),
        ("PGOPTIONS", "-c jit=off"),
        ("PGCHANNELBINDING", "require"),
    ];
    let spec = resolve_in(None, &variables, &[]);
    assert_eq!(spec.to_string(), "postgresql://bob@h1:6000,h2:6000/sales");
    assert_eq!(spec.servers.iter().map(|s| s.password.as_ref().unwrap().reveal()).collect::<Vec<_>>(), ["secret"; 2]);
    assert_eq!(spec.tls.encryption, Encryption::Require);
    assert_eq!(spec.connect_timeout, Some(Duration::from_secs(2)), "libpq waits two seconds at least");
    assert_eq!(spec.target, TargetSessionAttrs::ReadWrite);
    assert_eq!((spec.application_name.as_str(), spec.options.as_deref()), ("nightly", Some("-c jit=off")));
    assert_eq!(spec.channel_binding, ChannelBinding::Require);

    let spec = resolve_in(Some("postgres://al:x@h9:1/d?sslmode=disable&connect_timeout=30"), &variables, &[]);
    assert_eq!(spec.to_string(), "postgresql://al@h9:1/d");
    assert_eq!((password(&spec), spec.tls.encryption), (Some("x"), Encryption::Disable));
    assert_eq!(spec.connect_timeout, Some(Duration::from_secs(30)));

    // An empty value is given: it keeps the variable out and leaves the default.
    assert_eq!(
        resolve_in(Some("dbname='' user=''"), &variables, &[]).to_string(),
        "postgresql://ada@h1:6000,h2:6000/ada"
    );
    // `PGHOSTADDR` alone dials an address; beside a host it is the address of that name.
    assert_eq!(resolve_in(None, &[("PGHOSTADDR", "::1")], &[]).to_string(), "postgresql://ada@[::1]:5432/ada");
    assert!(error("host=h", &[("PGSSLCRL", "/x")], &[]).contains("`sslcrl` is not supported"));
    assert_eq!(resolve_in(Some("host=h sslcrl=''"), &[], &[]).servers.len(), 1, "empty means not given");
}

#[test]
fn defaults_are_libpqs_but_a_silent_peer_is_noticed_within_a_minute() {
    let spec = resolve("host=h");
    assert_eq!((spec.user.as_str(), spec.database.as_str()), ("ada", "ada"));
    assert_eq!((spec.application_name.as_str(), spec.options), ("partctl", None));
    assert_eq!((spec.target, spec.channel_binding), (TargetSessionAttrs::Any, ChannelBinding::Prefer));
    assert_eq!((spec.connect_timeout, spec.warnings), (Some(Duration::from_secs(15)), Vec::new()));
    assert_eq!(spec.tls, TlsSpec { encryption: Encryption::Prefer, verify: Verify::Nothing, client_certificate: None });
    for (given, timeout) in [("0", None), ("-5", None), ("", spec.connect_timeout)] {
        assert_eq!(resolve(&format!("host=h connect_timeout='{given}'")).connect_timeout, timeout);
    }
    let Keepalives { enabled, idle, interval, count, user_timeout } = spec.keepalives;
    let probes = interval.unwrap() * count.unwrap();
    assert!(
        enabled && idle.unwrap() + probes <= Duration::from_secs(60) && user_timeout < Some(idle.unwrap() + probes)
    );
    let keepalives = "keepalives=0 keepalives_idle=30 keepalives_interval=0 keepalives_count=4 tcp_user_timeout=900";
    let keepalives = resolve(&format!("host=h {keepalives}")).keepalives;
    let (idle, user_timeout) = (Some(Duration::from_secs(30)), Some(Duration::from_millis(900)));
    assert_eq!(keepalives, Keepalives { enabled: false, idle, interval: None, count: Some(4), user_timeout });
}

#[test]
fn every_keyword_of_the_table_has_one_place_and_an_own_variable() {
    let names: Vec<_> = keyword::all().map(|(name, _)| name).collect();
    assert!(names.is_sorted_by(|a, b| a < b), "sorted, without duplicates");
    let mut variables: Vec<_> = keyword::all().map(|(_, variable)| variable).filter(|v| !v.is_empty()).collect();
    variables.sort_unstable();
    assert!(variables.is_sorted_by(|a, b| a < b), "each variable once");
    assert!(variables.iter().all(|variable| variable.starts_with("PG")));
}
