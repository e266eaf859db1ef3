//! The settings that the catalog's texts and partctl's literals are read under, and those that keep a session alive
//! for as long as partctl is, and no longer.

use super::SqlLiteral;

/// A server setting that is pinned, whatever the role, the database or the server say.
struct Setting {
    name: &'static str,
    value: &'static str,
    /// The first major version that knows it.
    since: u32,
    pinned: Pinned,
}

/// Where a setting is pinned.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pinned {
    /// In every session of partctl's and at the head of every script.
    Everywhere,
    /// In partctl's own sessions.
    OwnSessions,
    /// There, when the server runs on Linux. Elsewhere it may know the setting and refuse every value but 0 (22023).
    OwnSessionsOnLinux,
}

use Pinned::{Everywhere, OwnSessions, OwnSessionsOnLinux};

const fn setting(name: &'static str, value: &'static str, since: u32, pinned: Pinned) -> Setting {
    Setting { name, value, since, pinned }
}

/// How long partctl waits for its own tables; DDL has its own, much shorter ones.
pub const LOCK_TIMEOUT: &str = "10s";

/// `search_path` is empty so that names in the catalog's texts come out qualified; `jit` is off because the catalog
/// query is estimated at millions of rows and compiling it takes ten times longer than running it (PostgreSQL 15).
///
/// A transaction that waits for its locks must see what was committed before they were granted, hence `read committed`.
///
/// `statement_timeout` and `transaction_timeout` are off because a role's own would end a concurrent detach between
/// its phases (57014), and `idle_session_timeout` because a session waits idle between two tries for a lock (57P05).
/// No transaction of partctl's is idle for longer than a round trip: one that is belongs to a process that was
/// suspended, and ends (25P03).
///
/// When partctl is killed, or its machine is lost, its session ends too, and the locks with it: within a second while
/// a statement runs (`client_connection_check_interval`), within a minute when the network is silent.
const SETTINGS: &[Setting] = &[
    setting("TimeZone", "UTC", 0, Everywhere),
    setting("DateStyle", "ISO, YMD", 0, Everywhere),
    setting("IntervalStyle", "iso_8601", 0, Everywhere),
    setting("bytea_output", "hex", 0, Everywhere),
    setting("standard_conforming_strings", "on", 0, Everywhere),
    setting("extra_float_digits", "1", 0, Everywhere),
    setting("search_path", "", 0, Everywhere),
    setting("quote_all_identifiers", "off", 0, Everywhere),
    setting("jit", "off", 11, Everywhere),
    setting("default_transaction_isolation", "read committed", 0, Everywhere),
    setting("client_min_messages", "warning", 0, Everywhere),
    setting("statement_timeout", "0", 0, Everywhere),
    setting("lock_timeout", LOCK_TIMEOUT, 0, OwnSessions),
    setting("transaction_timeout", "0", 17, Everywhere),
    setting("idle_session_timeout", "0", 14, Everywhere),
    setting("idle_in_transaction_session_timeout", "1min", 0, OwnSessions),
    setting("tcp_keepalives_idle", "20", 0, OwnSessions),
    setting("tcp_keepalives_interval", "10", 0, OwnSessions),
    setting("tcp_keepalives_count", "3", 0, OwnSessions),
    setting("client_connection_check_interval", "1s", 14, OwnSessionsOnLinux),
];

/// The statements, each with its semicolon, that pin a session of partctl's on a server of this major version.
pub fn pin_session(major: u32) -> impl Iterator<Item = String> {
    SETTINGS.iter().filter(move |setting| setting.since <= major).map(|Setting { name, value, pinned, .. }| {
        let (name_text, value) = (SqlLiteral(name), SqlLiteral(value));
        match pinned {
            Everywhere | OwnSessions => format!("SET {name} = {value};"),
            OwnSessionsOnLinux => format!(
                "SELECT pg_catalog.set_config({name_text}, {value}, false) WHERE pg_catalog.version() LIKE '%linux%';"
            ),
        }
    })
}

/// The statements, each with its semicolon, that a script for a server of this major version begins with.
pub fn pin_script(major: u32) -> impl Iterator<Item = String> {
    let wanted = move |setting: &&Setting| setting.since <= major && setting.pinned == Everywhere;
    SETTINGS.iter().filter(wanted).map(|Setting { name, value, .. }| format!("SET {name} = {};", SqlLiteral(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_asked_for_what_its_version_knows() {
        let pins = |major, name: &str| {
            let line = |statement: String| statement.contains(name);
            (pin_session(major).any(line), pin_script(major).any(line))
        };
        assert_eq!(pins(16, "transaction_timeout"), (false, false));
        assert_eq!(pins(17, "transaction_timeout"), (true, true));
        assert_eq!(pins(14, "client_connection_check_interval"), (true, false));
        assert_eq!(pins(14, "search_path"), (true, true));
    }
}
