//! Row groups to rows, spelled as `COPY BINARY` spells them: the same bytes that the server once sent.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::page_index::RowGroupPageIndex;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::properties::ReaderProperties;
use parquet::file::reader::{ChunkReader, Length, RowGroupReader};
use parquet::file::serialized_reader::SerializedRowGroupReader;

use super::schema::{EPOCH_DAYS, EPOCH_MICROS, schema};
use crate::rows::{Column, Form, put_decimal, put_field, put_null};

/// Rows decoded at a time.
const BATCH: usize = 4096;
/// What stands at a file's end: where everything else is.
pub(in crate::archive) struct Footer(ParquetMetaData);

/// Part of a file in memory, addressed as the whole file is.
struct Part {
    from: u64,
    bytes: Bytes,
}

impl Length for Part {
    fn len(&self) -> u64 {
        self.from + self.bytes.len() as u64
    }
}

impl Part {
    fn rest(&self, start: u64) -> Result<Bytes> {
        let at = start.checked_sub(self.from).and_then(|at| usize::try_from(at).ok());
        let at = at.filter(|at| *at <= self.bytes.len());
        at.map(|at| self.bytes.slice(at..)).ok_or_else(|| ParquetError::EOF("beyond the row group".to_owned()))
    }
}

impl ChunkReader for Part {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        self.rest(start).map(Buf::reader)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let rest = self.rest(start)?;
        if rest.len() < length {
            return Err(ParquetError::EOF("beyond the row group".to_owned()));
        }
        Ok(rest.slice(..length))
    }
}

impl Footer {
    /// Bytes at a file's end that tell where its footer begins: its length, and the magic.
    pub const TAIL: u64 = 8;

    /// Where the footer stands in a file of this size.
    pub fn range(size: u64, tail: &[u8]) -> anyhow::Result<std::ops::Range<u64>> {
        let length = tail.first_chunk().filter(|_| tail.ends_with(b"PAR1")).map(|length| u32::from_le_bytes(*length));
        let length = length.ok_or_else(|| anyhow::anyhow!("it does not end as a Parquet file does"))?;
        let from = size.checked_sub(Self::TAIL + u64::from(length));
        let from = from.ok_or_else(|| anyhow::anyhow!("its footer is longer than the file"))?;
        Ok(from..size - Self::TAIL)
    }

    /// Reads it.
    pub fn read(bytes: &[u8]) -> anyhow::Result<Self> {
        Ok(Self(ParquetMetaDataReader::decode_metadata(bytes)?))
    }

    /// Where each row group ends; each begins where the one before it does, the first at the file's start.
    pub fn row_group_ends(&self) -> Vec<u64> {
        let end = |group: &RowGroupMetaData| {
            let ends = group.columns().iter().map(|column| {
                let (start, length) = column.byte_range();
                start + length
            });
            ends.max().unwrap_or_default()
        };
        self.0.row_groups().iter().map(end).collect()
    }

    /// Holds that the file has these columns.
    pub fn check(&self, columns: &[Column]) -> anyhow::Result<()> {
        let expected = schema(columns)?;
        let found = self.0.file_metadata().schema();
        anyhow::ensure!(found.get_fields() == expected.get_fields(), "its columns are not those of the manifest");
        Ok(())
    }
}

/// Hands out every row of a row group, whose bytes begin at `from` in the file.
pub(in crate::archive) fn decode_row_group(
    footer: &Footer,
    number: usize,
    (from, bytes): (u64, Bytes),
    columns: &[Column],
    mut row: impl FnMut(&[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let group = footer.0.row_group(number);
    let part = Arc::new(Part { from, bytes });
    let properties = Arc::new(ReaderProperties::builder().build());
    let reader = SerializedRowGroupReader::new(part, group, RowGroupPageIndex::new(number, None), properties)?;
    let mut read: Vec<Box<dyn ReadColumn>> = Vec::new();
    for (at, column) in columns.iter().enumerate() {
        read.push(typed(column.stored_as, reader.get_column_reader(at)?));
    }
    let count = i16::try_from(columns.len())?.to_be_bytes();
    let mut left = usize::try_from(group.num_rows())?;
    let mut tuple = Vec::new();
    while 0 < left {
        let rows = left.min(BATCH);
        for column in &mut read {
            column.fill(rows)?;
        }
        for _ in 0..rows {
            tuple.clear();
            tuple.extend_from_slice(&count);
            for column in &mut read {
                column.put(&mut tuple);
            }
            row(&tuple)?;
        }
        left -= rows;
    }
    Ok(())
}

/// One column, some rows at a time.
trait ReadColumn {
    /// Reads the next so many values.
    fn fill(&mut self, rows: usize) -> anyhow::Result<()>;

    /// Appends the next one to a tuple.
    fn put(&mut self, tuple: &mut Vec<u8>);
}

struct Typed<T: DataType, P: FnMut(&T::T, &mut Vec<u8>)> {
    reader: ColumnReaderImpl<T>,
    values: Vec<T::T>,
    present: Vec<i16>,
    at: usize,
    value: usize,
    put: P,
}

impl<T: DataType, P: FnMut(&T::T, &mut Vec<u8>)> ReadColumn for Typed<T, P> {
    fn fill(&mut self, rows: usize) -> anyhow::Result<()> {
        self.values.clear();
        self.present.clear();
        (self.at, self.value) = (0, 0);
        while self.present.len() < rows {
            let wanted = rows - self.present.len();
            let (read, ..) = self.reader.read_records(wanted, Some(&mut self.present), None, &mut self.values)?;
            anyhow::ensure!(0 < read, "a column has fewer values than its row group has rows");
        }
        let present = self.present.iter().filter(|level| **level == 1).count();
        anyhow::ensure!(present == self.values.len(), "a column has not the values that it says");
        Ok(())
    }

    fn put(&mut self, tuple: &mut Vec<u8>) {
        let present = self.present[self.at] == 1;
        self.at += 1;
        if !present {
            return put_null(tuple);
        }
        (self.put)(&self.values[self.value], tuple);
        self.value += 1;
    }
}

fn read_by<T: DataType + 'static>(
    reader: ColumnReaderImpl<T>,
    put: impl FnMut(&T::T, &mut Vec<u8>) + 'static,
) -> Box<dyn ReadColumn> {
    Box::new(Typed { reader, values: Vec::new(), present: Vec::new(), at: 0, value: 0, put })
}

/// The schema has been held against the columns, so each form meets its own physical type.
fn typed(form: Form, reader: ColumnReader) -> Box<dyn ReadColumn> {
    let decimal = |scale: u8| {
        let mut wire = Vec::new();
        move |value: i128, tuple: &mut Vec<u8>| {
            wire.clear();
            put_decimal(&mut wire, value, scale);
            put_field(tuple, &wire);
        }
    };
    match (reader, form) {
        (ColumnReader::BoolColumnReader(reader), _) => {
            read_by(reader, |value, tuple| put_field(tuple, &[(*value).into()]))
        }
        (ColumnReader::Int32ColumnReader(reader), Form::Int2) => read_by(reader, |value, tuple| {
            // Written from 16 bits; what is damaged shows in the fingerprint.
            #[expect(clippy::cast_possible_truncation, reason = "see above")]
            put_field(tuple, &(*value as i16).to_be_bytes());
        }),
        (ColumnReader::Int32ColumnReader(reader), Form::Date) => {
            read_by(reader, |value, tuple| put_field(tuple, &value.wrapping_sub(EPOCH_DAYS).to_be_bytes()))
        }
        (ColumnReader::Int32ColumnReader(reader), Form::Decimal { scale, .. }) => {
            let mut decimal = decimal(scale);
            read_by(reader, move |value, tuple| decimal((*value).into(), tuple))
        }
        (ColumnReader::Int32ColumnReader(reader), _) => {
            read_by(reader, |value, tuple| put_field(tuple, &value.to_be_bytes()))
        }
        (ColumnReader::Int64ColumnReader(reader), Form::Timestamp | Form::TimestampTz) => {
            read_by(reader, |value, tuple| put_field(tuple, &value.wrapping_sub(EPOCH_MICROS).to_be_bytes()))
        }
        (ColumnReader::Int64ColumnReader(reader), Form::Decimal { scale, .. }) => {
            let mut decimal = decimal(scale);
            read_by(reader, move |value, tuple| decimal((*value).into(), tuple))
        }
        (ColumnReader::Int64ColumnReader(reader), _) => {
            read_by(reader, |value, tuple| put_field(tuple, &value.to_be_bytes()))
        }
        (ColumnReader::Int96ColumnReader(_), _) => unreachable!("no form is stored so, and the schema was checked"),
        (ColumnReader::FloatColumnReader(reader), _) => {
            read_by(reader, |value, tuple| put_field(tuple, &value.to_be_bytes()))
        }
        (ColumnReader::DoubleColumnReader(reader), _) => {
            read_by(reader, |value, tuple| put_field(tuple, &value.to_be_bytes()))
        }
        (ColumnReader::ByteArrayColumnReader(reader), Form::Jsonb) => {
            let mut wire = Vec::new();
            read_by(reader, move |value: &ByteArray, tuple| {
                wire.clear();
                wire.push(1);
                wire.extend_from_slice(value.data());
                put_field(tuple, &wire);
            })
        }
        (ColumnReader::ByteArrayColumnReader(reader), _) => {
            read_by(reader, |value: &ByteArray, tuple| put_field(tuple, value.data()))
        }
        (ColumnReader::FixedLenByteArrayColumnReader(reader), Form::Decimal { scale, .. }) => {
            let mut decimal = decimal(scale);
            read_by(reader, move |value: &FixedLenByteArray, tuple| {
                let bytes = value.data().first_chunk().copied().unwrap_or_default();
                decimal(i128::from_be_bytes(bytes), tuple);
            })
        }
        (ColumnReader::FixedLenByteArrayColumnReader(reader), _) => {
            read_by(reader, |value: &FixedLenByteArray, tuple| put_field(tuple, value.data()))
        }
    }
}
