//! Archived rows, one by one, as COPY takes them into the table, and what they will be when they are read out of it.

use super::mapping::{Mapping, Way};
use crate::rows::{Fingerprint, MalformedCopy, TRAILER, fields, header, put_field, put_null, put_text, spelled_fields};

/// Turns rows into a COPY stream.
#[derive(Debug, Clone)]
pub struct Projection {
    mapping: Mapping,
    /// Every field goes where it stood, and all are compared.
    whole: bool,
    compared: Vec<bool>,
    print: Fingerprint,
    spelled: Vec<u8>,
}

impl Projection {
    /// That of a mapping.
    pub fn of(mapping: &Mapping) -> Self {
        let compared: Vec<bool> = mapping.columns.iter().map(|column| column.compared_as.is_some()).collect();
        let whole = mapping.columns.len() == mapping.stored && compared.iter().all(|compared| *compared);
        Self { mapping: mapping.clone(), whole, compared, print: Fingerprint::default(), spelled: Vec::new() }
    }

    /// What the stream begins with.
    pub fn head(&self) -> Vec<u8> {
        if self.mapping.way == Way::Binary { header().to_vec() } else { Vec::new() }
    }

    /// What it ends with.
    pub fn tail(&self) -> &'static [u8] {
        if self.mapping.way == Way::Binary { &TRAILER } else { &[] }
    }

    /// What the table's compared columns will be.
    pub fn fingerprint(&self) -> Fingerprint {
        self.print
    }

    /// Appends a row of the archive, as it was read back, to the stream.
    ///
    /// # Errors
    /// When it has not the fields that the archive's columns say.
    pub fn put(&mut self, row: &[u8], stream: &mut Vec<u8>) -> Result<(), MalformedCopy> {
        match self.mapping.way {
            Way::Csv if self.whole => {
                self.print.add(row);
                stream.extend_from_slice(row);
                stream.push(b'\n');
                Ok(())
            }
            Way::Csv => self.put_csv(row, stream),
            Way::Binary if self.whole => {
                self.print.add(row);
                stream.extend_from_slice(row);
                Ok(())
            }
            Way::Binary | Way::Text => self.put_tuple(row, stream),
        }
    }

    fn put_csv(&mut self, row: &[u8], stream: &mut Vec<u8>) -> Result<(), MalformedCopy> {
        let fields: Vec<&[u8]> = spelled_fields(row).collect();
        if fields.len() != self.mapping.stored {
            return Err(MISCOUNTED);
        }
        self.spelled.clear();
        let mut commas = ("", "");
        for (column, compared) in self.mapping.columns.iter().zip(&self.compared) {
            stream.extend_from_slice(commas.0.as_bytes());
            stream.extend_from_slice(fields[column.from]);
            commas.0 = ",";
            if *compared {
                self.spelled.extend_from_slice(commas.1.as_bytes());
                self.spelled.extend_from_slice(fields[column.from]);
                commas.1 = ",";
            }
        }
        stream.push(b'\n');
        self.print.add(&self.spelled);
        Ok(())
    }

    fn put_tuple(&mut self, row: &[u8], stream: &mut Vec<u8>) -> Result<(), MalformedCopy> {
        let fields: Vec<Option<&[u8]>> = fields(row).collect();
        if fields.len() != self.mapping.stored {
            return Err(MISCOUNTED);
        }
        let count = |columns: usize| i16::try_from(columns).map(i16::to_be_bytes).map_err(|_| MISCOUNTED);
        let put = |tuple: &mut Vec<u8>, field: Option<&[u8]>| match field {
            Some(field) => put_field(tuple, field),
            None => put_null(tuple),
        };
        self.spelled.clear();
        self.spelled.extend_from_slice(&count(self.compared.iter().filter(|compared| **compared).count())?);
        if self.mapping.way == Way::Binary {
            stream.extend_from_slice(&count(self.mapping.columns.len())?);
        }
        for (at, (column, compared)) in self.mapping.columns.iter().zip(&self.compared).enumerate() {
            let field = fields[column.from];
            if self.mapping.way == Way::Binary {
                put(stream, field);
            } else {
                if 0 < at {
                    stream.push(b'\t');
                }
                match field {
                    Some(field) => put_text(stream, column.form, field)?,
                    None => stream.extend_from_slice(b"\\N"),
                }
            }
            if *compared {
                put(&mut self.spelled, field);
            }
        }
        if self.mapping.way == Way::Text {
            stream.push(b'\n');
        }
        self.print.add(&self.spelled);
        Ok(())
    }
}

const MISCOUNTED: MalformedCopy = MalformedCopy("a row has not as many fields as the archive has columns");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::restore::Mapped;
    use crate::rows::Form;
    use crate::sql::Identifier;

    fn mapping(way: Way, stored: usize, columns: &[(usize, Form, bool)]) -> Mapping {
        let column = |(from, form, compared): &(usize, Form, bool)| Mapped {
            from: *from,
            form: *form,
            name: Identifier::new("c"),
            compared_as: compared.then(|| "c".to_owned()),
        };
        Mapping { way, stored, columns: columns.iter().map(column).collect(), remarks: Vec::new() }
    }

    fn tuple(fields: &[Option<&[u8]>]) -> Vec<u8> {
        let mut tuple = i16::try_from(fields.len()).unwrap().to_be_bytes().to_vec();
        for field in fields {
            match field {
                Some(field) => put_field(&mut tuple, field),
                None => put_null(&mut tuple),
            }
        }
        tuple
    }

    fn print_of(row: &[u8]) -> Fingerprint {
        let mut print = Fingerprint::default();
        print.add(row);
        print
    }

    #[test]
    fn a_row_that_has_not_changed_goes_as_it_is() {
        let row = tuple(&[Some(b"ab"), None]);
        let mut projection = Projection::of(&mapping(Way::Binary, 2, &[(0, Form::Text, true), (1, Form::Text, true)]));
        let mut stream = projection.head();
        projection.put(&row, &mut stream).unwrap();
        assert_eq!(stream, [&header()[..], &row].concat());
        assert_eq!(projection.tail(), TRAILER);
        assert_eq!(projection.fingerprint(), print_of(&row));
    }

    #[test]
    fn fields_that_nobody_wants_stay_behind() {
        let wanted = [(2, Form::Text, true), (0, Form::Text, false)];
        let mut projection = Projection::of(&mapping(Way::Binary, 3, &wanted));
        let mut stream = Vec::new();
        projection.put(&tuple(&[Some(b"a"), Some(b"b"), Some(b"c")]), &mut stream).unwrap();
        assert_eq!(stream, tuple(&[Some(b"c"), Some(b"a")]));
        assert_eq!(projection.fingerprint(), print_of(&tuple(&[Some(b"c")])));
        let mut csv = Projection::of(&mapping(Way::Csv, 3, &wanted));
        stream.clear();
        csv.put(b"a,\"b,\n\",\"\"", &mut stream).unwrap();
        assert_eq!(stream, b"\"\",a\n");
        assert_eq!(csv.fingerprint(), print_of(b"\"\""));
        assert!(csv.put(b"a,b", &mut stream).is_err());
        assert!(projection.put(&tuple(&[None]), &mut stream).is_err());
    }

    #[test]
    fn text_is_what_every_type_is_read_from() {
        let columns = [(0, Form::Int4, true), (1, Form::Text, true), (2, Form::Text, true)];
        let mut projection = Projection::of(&mapping(Way::Text, 3, &columns));
        let mut stream = projection.head();
        let row = tuple(&[Some(&7_i32.to_be_bytes()), None, Some(b"a\tb")]);
        projection.put(&row, &mut stream).unwrap();
        assert_eq!(stream, b"7\t\\N\ta\\tb\n");
        assert_eq!(projection.fingerprint(), print_of(&row));
    }
}
