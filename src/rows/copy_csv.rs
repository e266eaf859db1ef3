//! `COPY ... (FORMAT csv)`: records end with a newline outside of quotes. Nothing within a record is interpreted: how
//! the server spells a row is one spelling only, so equal rows are equal bytes.

use bytes::{Bytes, BytesMut};

/// Cuts a stream into records, however it arrives in pieces.
#[derive(Debug, Default)]
pub struct Records {
    rest: Bytes,
    /// How much of the rest has been looked at, and whether that ends within quotes.
    seen: usize,
    quoted: bool,
}

impl Records {
    /// Takes the next piece.
    pub fn push(&mut self, piece: Bytes) {
        self.rest = if self.rest.is_empty() {
            piece
        } else {
            let mut joined = BytesMut::with_capacity(self.rest.len() + piece.len());
            joined.extend_from_slice(&self.rest);
            joined.extend_from_slice(&piece);
            joined.freeze()
        };
    }

    /// The next record with its newline; `None`: more must come first, or all have come.
    pub fn next_record(&mut self) -> Option<Bytes> {
        while let Some(byte) = self.rest.get(self.seen) {
            self.seen += 1;
            match byte {
                // A doubled quote leaves the quotes and enters them again.
                b'"' => self.quoted = !self.quoted,
                b'\n' if !self.quoted => {
                    let record = self.rest.split_to(self.seen);
                    self.seen = 0;
                    return Some(record);
                }
                _ => {}
            }
        }
        None
    }

    /// Whether nothing is left over: a last record without its newline was cut off.
    pub fn is_finished(&self) -> bool {
        self.rest.is_empty()
    }
}

/// The fields of a record without its line's end, as they are spelled: quotes and all.
pub fn spelled_fields(record: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    record.split(move |byte| {
        quoted ^= *byte == b'"';
        *byte == b',' && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_within_quotes_parts_nothing() {
        let fields: Vec<&[u8]> = spelled_fields(b"1,\"a,\"\"b\"\",\",,\"\"").collect();
        assert_eq!(fields, [&b"1"[..], b"\"a,\"\"b\"\",\"", b"", b"\"\""]);
    }

    #[test]
    fn a_newline_within_quotes_ends_nothing() {
        let text = b"1,\"a\nb\",\n2,\"she said \"\"hi\"\"\n\",\"\"\n";
        for length in 1..=text.len() {
            let (mut records, mut found) = (Records::default(), Vec::new());
            for piece in text.chunks(length) {
                records.push(Bytes::copy_from_slice(piece));
                while let Some(record) = records.next_record() {
                    found.push(record);
                }
            }
            assert!(records.is_finished());
            assert_eq!(found, [&b"1,\"a\nb\",\n"[..], b"2,\"she said \"\"hi\"\"\n\",\"\"\n"], "pieces of {length}");
        }
        let mut cut = Records::default();
        cut.push(Bytes::from_static(b"1,2\n3,"));
        while cut.next_record().is_some() {}
        assert!(!cut.is_finished());
    }
}
