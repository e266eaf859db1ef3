//! The settings that the catalog's texts and partctl's literals are read under.

/// Settings that every session pins before its first query, and every script before its first statement.
///
/// `search_path` is empty so that names in the catalog's texts come out qualified; `jit` is off because the catalog
/// query is estimated at millions of rows and compiling it takes ten times longer than running it (PostgreSQL 15);
/// `statement_timeout` is off because a role's own would end a concurrent detach between its phases (57014), and
/// `idle_session_timeout` because a session waits idle between two tries for a lock (57P05).
pub const SESSION_SETTINGS: &[(&str, &str)] = &[
    ("TimeZone", "UTC"),
    ("DateStyle", "ISO, YMD"),
    ("IntervalStyle", "iso_8601"),
    ("bytea_output", "hex"),
    ("standard_conforming_strings", "on"),
    ("extra_float_digits", "1"),
    ("search_path", ""),
    ("jit", "off"),
    ("client_min_messages", "warning"),
    ("statement_timeout", "0"),
    ("idle_session_timeout", "0"),
];
