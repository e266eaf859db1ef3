//! Reads `postgresql://` URLs as libpq does: several hosts, IPv6 in brackets, percent-encoding, parameters.
//! It resolves nothing. Its errors never quote the text around an `@`, where a badly encoded password may stand.

use super::keyword::Parameters;
use anyhow::{Context, Result, bail, ensure};

/// What follows the scheme, when `text` is a URL that libpq would read.
pub(super) fn without_scheme(text: &str) -> Option<&str> {
    text.strip_prefix("postgresql://").or_else(|| text.strip_prefix("postgres://"))
}

/// Reads what follows the scheme.
pub(super) fn parse(text: &str) -> Result<Parameters> {
    let mut parameters = Parameters::default();
    let mut set = |keyword: &str, value: String| match value.is_empty() {
        true => Ok(()),
        false => parameters.set(keyword, value),
    };

    // libpq looks for the `@` only up to the first slash, but not up to a question mark.
    let (credentials, rest) = match text.find(['@', '/']) {
        Some(at) if text[at..].starts_with('@') => (&text[..at], &text[at + 1..]),
        _ => ("", text),
    };
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    set("user", decode(user).context("in the user name")?)?;
    set("password", decode(password).context("in the password")?)?;

    let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    // Stricter than libpq, which would read `//u:1/x@host` as database `x@host` and then show it.
    ensure!(
        !authority.contains('@') && !path.contains('@'),
        "unexpected `@` after the host part: within a password write `@` as %40, `/` as %2F and `:` as %3A"
    );

    let hosts: Vec<_> = authority.split(',').map(host_and_port).collect::<Result<_>>()?;
    if hosts.iter().any(|(host, _)| !host.is_empty()) {
        set("host", hosts.iter().map(|(host, _)| host.as_str()).collect::<Vec<_>>().join(","))?;
    }
    if hosts.iter().any(|(_, port)| !port.is_empty()) {
        set("port", hosts.iter().map(|(_, port)| port.as_str()).collect::<Vec<_>>().join(","))?;
    }
    set("dbname", decode(path.strip_prefix('/').unwrap_or(path)).context("in the database name")?)?;

    for pair in query.split('&').filter(|_| !query.is_empty()) {
        let (name, value) = pair.split_once('=').context("a parameter of the URL lacks its `=`")?;
        ensure!(!value.contains('='), "a parameter of the URL has two `=`: write the second as %3D");
        let (name, value) = (decode(name)?, decode(value).context("in a parameter")?);
        match (name.as_str(), value.as_str()) {
            // JDBC's spelling, which libpq understands too.
            ("ssl", "true") => parameters.set("sslmode", "require".to_owned())?,
            _ => parameters.set(&name, value)?,
        }
    }
    Ok(parameters)
}

fn host_and_port(piece: &str) -> Result<(String, String)> {
    let (host, rest) = match piece.strip_prefix('[') {
        Some(bracketed) => {
            let (host, rest) = bracketed.split_once(']').context("an IPv6 address lacks its closing `]`")?;
            ensure!(!host.is_empty(), "an IPv6 address in the URL is empty");
            (host, rest)
        }
        None => piece.split_at(piece.find(':').unwrap_or(piece.len())),
    };
    let port = match rest.strip_prefix(':') {
        Some(port) => port,
        None if rest.is_empty() => "",
        None => bail!("unexpected text after the `]` of an IPv6 address"),
    };
    ensure!(!port.contains(':'), "more than one `:` in a host: an IPv6 address stands in brackets, as in [::1]:5432");
    Ok((decode(host).context("in the host name")?, decode(port).context("in the port")?))
}

/// Percent-decoding by libpq's rules: `+` is no space, `%00` and broken escapes are errors.
fn decode(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut pieces = text.split('%');
    bytes.extend_from_slice(pieces.next().unwrap_or_default().as_bytes());
    for piece in pieces {
        let digits = piece.get(..2).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let digits = digits.context("broken percent-encoding: `%` itself is written %25")?;
        let byte = u8::from_str_radix(digits, 16).context("broken percent-encoding")?;
        ensure!(byte != 0, "%00 is not allowed");
        bytes.push(byte);
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok().context("percent-encoding that is not UTF-8")
}

/// Percent-encodes everything but the characters that are safe everywhere in a URL.
pub(super) fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut url, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => url.push(char::from(byte)),
            _ => url.push_str(&format!("%{byte:02X}")),
        }
        url
    })
}
