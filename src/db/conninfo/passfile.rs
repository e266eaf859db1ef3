//! Finds a password in a passfile (`~/.pgpass`) as libpq does: first matching line, `*`, `\:` and `\\`.
//! It never reports what a line holds.

use super::Host;
use super::environment::{Environment, SeenKind};
use std::path::Path;

/// The folders in which servers put their socket by default: Debian's packages and the source's own default.
pub(super) const SOCKET_FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// The lines of a passfile.
#[derive(Default)]
pub(super) struct Passfile(String);

impl Passfile {
    /// Reads the file. One that others may read is ignored, with a warning, as libpq does; a missing one is empty.
    pub(super) fn read(environment: &Environment, path: &Path, warnings: &mut Vec<String>) -> Self {
        let Ok(seen) = environment.look(path) else { return Self::default() };
        let complaint = match seen.kind {
            SeenKind::File if seen.mode & 0o077 == 0 => return Self(seen.text),
            SeenKind::File => "group or others may read it; permissions should be 0600",
            SeenKind::Socket | SeenKind::Other => "it is not a plain file",
        };
        warnings.push(format!("password file `{}` ignored: {complaint}", path.display()));
        Self::default()
    }

    /// The password of the first line that fits.
    pub(super) fn password(&self, host: &Host, port: u16, database: &str, user: &str) -> Option<String> {
        let host = match host {
            Host::Socket(folder) if SOCKET_FOLDERS.iter().any(|default| folder == Path::new(default)) => {
                "localhost".to_owned()
            }
            Host::Socket(folder) => folder.display().to_string(),
            Host::Name(name) | Host::Address { name: Some(name), .. } => name.clone(),
            Host::Address { name: None, address } => address.to_string(),
        };
        let wanted = [host.as_str(), &port.to_string(), database, user];
        self.0.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
            let mut rest = line;
            for wanted in wanted {
                let (field, after) = split_field(rest);
                rest = after?;
                if field != "*" && unescape(field) != wanted {
                    return None;
                }
            }
            Some(unescape(split_field(rest).0)).filter(|password| !password.is_empty())
        })
    }
}

/// The field up to the first colon that is not escaped, and what follows that colon.
fn split_field(text: &str) -> (&str, Option<&str>) {
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b':' => return (&text[..at], Some(&text[at + 1..])),
            _ => {}
        }
    }
    (text, None)
}

fn unescape(field: &str) -> String {
    let mut chars = field.chars();
    let mut plain = String::new();
    while let Some(c) = chars.next() {
        plain.push(match c {
            '\\' => chars.next().unwrap_or('\\'),
            c => c,
        });
    }
    plain
}
