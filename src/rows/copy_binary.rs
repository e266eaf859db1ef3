//! `COPY ... (FORMAT binary)`: a header, then tuples of a field count and length-prefixed fields, then a trailer of -1.
//! <https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.4>

use std::fmt;

use bytes::{Bytes, BytesMut};

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
/// Signature, flags, and the length of a header extension, which no server has.
const HEADER_LENGTH: usize = 19;
/// What ends the stream.
pub const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();

/// The stream is not what `COPY BINARY` sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MalformedCopy(pub &'static str);

impl fmt::Display for MalformedCopy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the rows are not as COPY BINARY spells them: {}", self.0)
    }
}

impl std::error::Error for MalformedCopy {}

/// What a stream begins with.
pub fn header() -> [u8; HEADER_LENGTH] {
    let mut header = [0; HEADER_LENGTH];
    header[..SIGNATURE.len()].copy_from_slice(SIGNATURE);
    header
}

/// Cuts a stream into tuples, however it arrives in pieces.
#[derive(Debug, Default)]
pub struct Tuples {
    /// What has come and is not yet a whole tuple.
    rest: Bytes,
    begun: bool,
    ended: bool,
}

impl Tuples {
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

    /// The next whole tuple; `None`: more must come first, or all have come.
    ///
    /// # Errors
    /// When this is no such stream.
    pub fn next_tuple(&mut self) -> Result<Option<Bytes>, MalformedCopy> {
        if !self.begun {
            if self.rest.len() < HEADER_LENGTH {
                return Ok(None);
            }
            let start = self.rest.split_to(HEADER_LENGTH);
            if start[..] != header() {
                return Err(MalformedCopy("the header is another"));
            }
            self.begun = true;
        }
        let Some(count) = self.rest.first_chunk::<2>().map(|count| i16::from_be_bytes(*count)) else {
            return Ok(None);
        };
        if self.ended {
            return Err(MalformedCopy("something follows the end"));
        }
        if count == -1 {
            self.rest = self.rest.split_off(2);
            self.ended = true;
            return if self.rest.is_empty() { Ok(None) } else { Err(MalformedCopy("something follows the end")) };
        }
        let mut length = 2;
        for _ in 0..count {
            let Some(field) = self.rest.get(length..).and_then(<[u8]>::first_chunk::<4>) else { return Ok(None) };
            length += 4 + field_length(*field)?.unwrap_or(0);
        }
        if self.rest.len() < length {
            return Ok(None);
        }
        Ok(Some(self.rest.split_to(length)))
    }

    /// Holds that the stream has come to its end.
    ///
    /// # Errors
    /// When it was cut off.
    pub fn finish(&self) -> Result<(), MalformedCopy> {
        if self.ended && self.rest.is_empty() { Ok(()) } else { Err(MalformedCopy("they are cut off")) }
    }
}

/// A field's length; `None`: it is null.
fn field_length(bytes: [u8; 4]) -> Result<Option<usize>, MalformedCopy> {
    match i32::from_be_bytes(bytes) {
        -1 => Ok(None),
        length => usize::try_from(length).map(Some).map_err(|_| MalformedCopy("a field has a negative length")),
    }
}

/// The fields of a tuple, in order; a null one is `None`.
pub fn fields(tuple: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    let mut rest = tuple.get(2..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let length = field_length(*length).ok()?;
        let (field, after) = after.split_at_checked(length.unwrap_or(0))?;
        rest = after;
        Some(length.map(|_| field))
    })
}

/// Appends a field. Postgres has no field of 1 GB or more.
pub fn put_field(tuple: &mut Vec<u8>, field: &[u8]) {
    let length = i32::try_from(field.len()).expect("a field is shorter than 1 GB");
    tuple.extend_from_slice(&length.to_be_bytes());
    tuple.extend_from_slice(field);
}

/// Appends a null.
pub fn put_null(tuple: &mut Vec<u8>) {
    tuple.extend_from_slice(&(-1_i32).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Vec<u8> {
        let mut stream = header().to_vec();
        for (first, second) in [(Some("ab"), None), (Some(""), Some("xyz"))] {
            stream.extend_from_slice(&2_i16.to_be_bytes());
            for field in [first, second] {
                match field {
                    Some(text) => put_field(&mut stream, text.as_bytes()),
                    None => put_null(&mut stream),
                }
            }
        }
        stream.extend_from_slice(&TRAILER);
        stream
    }

    fn rows(pieces: impl Iterator<Item = Vec<u8>>) -> Result<Vec<Vec<Option<Vec<u8>>>>, MalformedCopy> {
        let (mut tuples, mut rows) = (Tuples::default(), Vec::new());
        for piece in pieces {
            tuples.push(piece.into());
            while let Some(tuple) = tuples.next_tuple()? {
                rows.push(fields(&tuple).map(|field| field.map(|field| field.to_vec())).collect());
            }
        }
        tuples.finish().map(|()| rows)
    }

    #[test]
    fn rows_come_out_whole_however_they_arrive() {
        let expected = vec![vec![Some(b"ab".to_vec()), None], vec![Some(Vec::new()), Some(b"xyz".to_vec())]];
        for length in 1..=stream().len() {
            assert_eq!(rows(stream().chunks(length).map(<[u8]>::to_vec)).as_ref(), Ok(&expected), "pieces of {length}");
        }
    }

    #[test]
    fn fields_are_the_same_whoever_owns_the_tuple() {
        let mut tuple = 3_i16.to_be_bytes().to_vec();
        put_field(&mut tuple, b"ab");
        put_null(&mut tuple);
        put_field(&mut tuple, b"");
        assert_eq!(fields(&tuple).collect::<Vec<_>>(), [Some(&b"ab"[..]), None, Some(&b""[..])]);
        assert_eq!(fields(&tuple[..7]).count(), 0);
    }

    #[test]
    fn a_stream_that_is_cut_or_goes_on_is_refused() {
        for length in 0..stream().len() {
            assert!(rows([stream()[..length].to_vec()].into_iter()).is_err(), "cut after {length}");
        }
        let mut longer = stream();
        longer.push(0);
        assert!(rows([longer].into_iter()).is_err());
        let mut other = stream();
        other[0] = b'p';
        assert!(rows([other].into_iter()).is_err());
        let mut negative = stream();
        negative[21..25].copy_from_slice(&(-2_i32).to_be_bytes());
        assert!(rows([negative].into_iter()).is_err());
    }
}
