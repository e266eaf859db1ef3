//! The keywords of libpq (PostgreSQL 18) with their variables, and what partctl does about each. One table decides;
//! a keyword that would make a connection stricter than partctl can is refused, never quietly ignored.

use super::Origin;
use anyhow::{Result, bail};
use std::collections::BTreeMap;

/// What partctl does about a keyword of libpq.
enum Support {
    /// It is honoured.
    Used,
    /// It makes no difference to what partctl does.
    Ignored,
    /// partctl always behaves as libpq does with one of these values, and can do nothing else.
    Only(&'static [&'static str]),
}

use Support::{Ignored, Only, Used};

struct Keyword(&'static str, &'static str, Support);

/// Keyword, variable (empty: none), support. Source: PostgreSQL documentation, "Parameter Key Words" and
/// "Environment Variables" of libpq.
const KEYWORDS: &[Keyword] = &[
    Keyword("application_name", "PGAPPNAME", Used),
    Keyword("channel_binding", "PGCHANNELBINDING", Used),
    Keyword("client_encoding", "PGCLIENTENCODING", Ignored),
    Keyword("connect_timeout", "PGCONNECT_TIMEOUT", Used),
    Keyword("dbname", "PGDATABASE", Used),
    Keyword("fallback_application_name", "", Ignored),
    Keyword("gssdelegation", "PGGSSDELEGATION", Only(&["0"])),
    Keyword("gssencmode", "PGGSSENCMODE", Only(&["disable", "prefer"])),
    Keyword("gsslib", "PGGSSLIB", Ignored),
    Keyword("host", "PGHOST", Used),
    Keyword("hostaddr", "PGHOSTADDR", Used),
    Keyword("keepalives", "", Used),
    Keyword("keepalives_count", "", Used),
    Keyword("keepalives_idle", "", Used),
    Keyword("keepalives_interval", "", Used),
    Keyword("krbsrvname", "PGKRBSRVNAME", Ignored),
    Keyword("load_balance_hosts", "PGLOADBALANCEHOSTS", Only(&["disable"])),
    Keyword("max_protocol_version", "PGMAXPROTOCOLVERSION", Only(&["3.0", "3.2", "latest"])),
    Keyword("min_protocol_version", "PGMINPROTOCOLVERSION", Only(&["3.0"])),
    Keyword("options", "PGOPTIONS", Used),
    Keyword("passfile", "PGPASSFILE", Used),
    Keyword("password", "PGPASSWORD", Used),
    Keyword("port", "PGPORT", Used),
    Keyword("replication", "", Only(&["false", "off", "no", "0"])),
    Keyword("require_auth", "PGREQUIREAUTH", Only(&[])),
    Keyword("requirepeer", "PGREQUIREPEER", Only(&[])),
    Keyword("service", "PGSERVICE", Used),
    Keyword("ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION", Only(&["TLSv1.3"])),
    Keyword("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION", Only(&["TLSv1", "TLSv1.1", "TLSv1.2"])),
    Keyword("sslcert", "PGSSLCERT", Used),
    Keyword("sslcertmode", "PGSSLCERTMODE", Only(&["allow"])),
    Keyword("sslcompression", "PGSSLCOMPRESSION", Only(&["0"])),
    Keyword("sslcrl", "PGSSLCRL", Only(&[])),
    Keyword("sslcrldir", "PGSSLCRLDIR", Only(&[])),
    Keyword("sslkey", "PGSSLKEY", Used),
    Keyword("sslmode", "PGSSLMODE", Used),
    Keyword("sslnegotiation", "PGSSLNEGOTIATION", Only(&["postgres"])),
    Keyword("sslpassword", "", Only(&[])),
    Keyword("sslrootcert", "PGSSLROOTCERT", Used),
    Keyword("sslsni", "PGSSLSNI", Only(&["1"])),
    Keyword("target_session_attrs", "PGTARGETSESSIONATTRS", Used),
    Keyword("tcp_user_timeout", "", Used),
    Keyword("user", "PGUSER", Used),
];

/// Keywords and variables, for tests that walk all of them.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    KEYWORDS.iter().map(|Keyword(name, variable, _)| (*name, *variable))
}

/// The settings collected so far, by keyword. It holds passwords in the clear, therefore it is not `Debug`.
#[derive(Default)]
pub(super) struct Parameters(BTreeMap<&'static str, (String, Origin)>);

impl Parameters {
    /// Sets a keyword of the connection string; the last one wins. Fails on a keyword that libpq does not know or
    /// partctl cannot honour.
    pub(super) fn set(&mut self, name: &str, value: String) -> Result<()> {
        let keyword = find(name)?;
        self.0.insert(keyword.0, (accept(keyword, value)?, Origin::ConnectionString));
        Ok(())
    }

    /// Sets a keyword from a weaker origin, unless it is set already.
    pub(super) fn fill(&mut self, name: &str, value: String, origin: Origin) -> Result<()> {
        let keyword = find(name)?;
        if !self.0.contains_key(keyword.0) {
            self.0.insert(keyword.0, (accept(keyword, value)?, origin));
        }
        Ok(())
    }

    /// Fills what is not set from the variables, except `service`, which has its own place in the order.
    pub(super) fn fill_from_variables<'a>(&mut self, variable: impl Fn(&str) -> Option<&'a str>) -> Result<()> {
        for Keyword(name, variable_name, _) in KEYWORDS.iter().filter(|Keyword(name, ..)| *name != "service") {
            if let Some(value) = variable(variable_name) {
                self.fill(name, value.to_owned(), Origin::Variable)?;
            }
        }
        Ok(())
    }

    /// The value of a keyword; an empty value counts as not given, after it has kept weaker origins out.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.get_with_origin(name).map(|(value, _)| value)
    }

    /// As [`Parameters::get`], with where the value came from.
    pub(super) fn get_with_origin(&self, name: &str) -> Option<(&str, Origin)> {
        self.0.get(name).filter(|(value, _)| !value.is_empty()).map(|(value, origin)| (value.as_str(), *origin))
    }
}

/// Whether libpq knows this keyword.
pub(super) fn is_known(name: &str) -> bool {
    KEYWORDS.iter().any(|keyword| keyword.0 == name)
}

fn find(name: &str) -> Result<&'static Keyword> {
    if let Some(keyword) = KEYWORDS.iter().find(|keyword| keyword.0 == name) {
        return Ok(keyword);
    }
    // A piece of a badly quoted password must not be echoed; names of keywords look like this.
    if name.is_empty() || name.chars().any(|c| !c.is_ascii_alphanumeric() && c != '_' && c != ' ') {
        bail!("a parameter has a name that libpq does not know");
    }
    let nearest = KEYWORDS.iter().map(|keyword| (strsim::damerau_levenshtein(keyword.0, name), keyword.0)).min();
    match nearest {
        Some((distance, nearest)) if distance <= 3 && distance < name.len().min(nearest.len()) => {
            bail!("unknown connection parameter `{name}`, did you mean `{nearest}`?")
        }
        _ => bail!("unknown connection parameter `{name}`"),
    }
}

fn accept(Keyword(name, _, support): &Keyword, value: String) -> Result<String> {
    match support {
        Only(values) if !value.is_empty() && !values.contains(&value.as_str()) => match values {
            [] => bail!("the connection parameter `{name}` is not supported by partctl"),
            _ => bail!(
                "the connection parameter `{name}` is supported by partctl only with the value {}",
                values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(" or ")
            ),
        },
        Used | Ignored | Only(_) => Ok(value),
    }
}
