//! Rows to row groups: values are gathered by column, and written by another thread when there are enough of them. So
//! the server goes on sending while a row group is compressed.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use bytes::Bytes;
use parquet::basic::{Compression as Codec, GzipLevel, ZstdLevel};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, FloatType,
    Int32Type, Int64Type,
};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::TypePtr;
use tokio::sync::mpsc;

use super::super::encode::{EncodeError, Encoding};
use super::super::outgoing::{Outgoing, Piece};
use super::schema::{EPOCH_DAYS, EPOCH_MICROS, physical, schema};
use crate::rows::{Compression, Fingerprint, Form, MalformedCopy, NotFinite, Tuples, decimal_of, fields};

/// The rows of a row group, at most.
const GROUP_ROWS: usize = 200_000;
/// Their bytes as COPY sends them, of all connections' row groups together: what decides how much memory an export
/// takes, for each gathers one while another one is written. Readers want row groups that are not too small.
const GROUP_BYTES: usize = 20 << 20;
const LEAST_GROUP_BYTES: usize = 4 << 20;
/// Values of a column are looked for among those before only until these have so many bytes: where hardly any comes
/// twice, looking costs more than it saves.
const DICTIONARY_BYTES: usize = 256 << 10;

/// Gathered values of one column.
enum Values {
    Bool(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Bytes(Vec<ByteArray>),
    Fixed(Vec<FixedLenByteArray>),
}

struct Gathered {
    form: Form,
    values: Values,
    /// 1 for a value, 0 for a null.
    present: Vec<i16>,
}

/// Encodes until the stream ends.
pub(in crate::archive) fn encode(
    encoding: &Encoding,
    mut incoming: mpsc::Receiver<Bytes>,
    outgoing: mpsc::Sender<Piece>,
) -> Result<Fingerprint, EncodeError> {
    // Whoever gathers waits until the one before is taken: two row groups are there at most.
    let (full, groups) = sync_channel(0);
    thread::scope(|scope| {
        let writing = scope.spawn(move || write(encoding, &groups, &outgoing));
        let gathered = gather(encoding, &mut incoming, &full);
        drop((full, incoming));
        // A writer that failed made the gathering end early.
        let file = writing.join().expect("the writer does not panic")?;
        let print = gathered?;
        if let Some(file) = file {
            file.end()?;
        }
        Ok(print)
    })
}

/// Rows to row groups, until the stream ends or nobody takes them.
fn gather(
    encoding: &Encoding,
    incoming: &mut mpsc::Receiver<Bytes>,
    full: &SyncSender<Group>,
) -> Result<Fingerprint, EncodeError> {
    let (mut tuples, mut print) = (Tuples::default(), Fingerprint::default());
    let mut group = Group::of(encoding);
    let hand_on = |group: &mut Group| full.send(std::mem::replace(group, Group::of(encoding))).is_ok();
    while let Some(piece) = incoming.blocking_recv() {
        tuples.push(piece);
        while let Some(tuple) = tuples.next_tuple()? {
            print.add(&tuple);
            group.add(&tuple)?;
            if group.is_full() && !hand_on(&mut group) {
                return Ok(print);
            }
        }
    }
    tuples.finish()?;
    // A file without rows is a file all the same.
    if 0 < group.rows || print.rows == 0 {
        hand_on(&mut group);
    }
    Ok(print)
}

/// Row groups to data files, until there are no more. Returns the last file, which only who knows that all rows have come
/// may end.
fn write(
    encoding: &Encoding,
    groups: &Receiver<Group>,
    outgoing: &mpsc::Sender<Piece>,
) -> Result<Option<File>, EncodeError> {
    let mut file: Option<File> = None;
    for mut group in groups {
        if let Some(full) = file.take_if(|file| file.is_full(encoding)) {
            full.end()?;
        }
        let file = match &mut file {
            Some(file) => file,
            none => none.insert(File::begin(encoding, outgoing)?),
        };
        file.write(&mut group)?;
    }
    Ok(file)
}

/// Rows that are not written yet.
struct Group {
    columns: Vec<Gathered>,
    rows: usize,
    bytes: usize,
    most_bytes: usize,
}

impl Group {
    fn of(encoding: &Encoding) -> Self {
        let columns = encoding.columns.iter().map(|column| Gathered::of(column.stored_as)).collect();
        let most_bytes = LEAST_GROUP_BYTES.max(GROUP_BYTES / encoding.at_once);
        Self { columns, rows: 0, bytes: 0, most_bytes }
    }

    fn add(&mut self, tuple: &Bytes) -> Result<(), EncodeError> {
        let mut fields = fields(tuple);
        for (column, gathered) in self.columns.iter_mut().enumerate() {
            match fields.next() {
                Some(Some(field)) => gathered.add(column, tuple, field)?,
                Some(None) => gathered.present.push(0),
                None => return Err(MalformedCopy("a row has fewer fields than the table has columns").into()),
            }
        }
        if fields.next().is_some() {
            return Err(MalformedCopy("a row has more fields than the table has columns").into());
        }
        self.rows += 1;
        self.bytes += tuple.len();
        Ok(())
    }

    fn is_full(&self) -> bool {
        GROUP_ROWS <= self.rows || self.most_bytes <= self.bytes
    }
}

fn fixed<const N: usize>(field: &[u8]) -> Result<[u8; N], EncodeError> {
    field.try_into().map_err(|_| MalformedCopy("a value has another length than its type").into())
}

impl Gathered {
    fn of(form: Form) -> Self {
        use parquet::basic::Type::{BOOLEAN, BYTE_ARRAY, DOUBLE, FIXED_LEN_BYTE_ARRAY, FLOAT, INT32, INT64, INT96};
        let values = match physical(form) {
            BOOLEAN => Values::Bool(Vec::new()),
            INT32 => Values::Int32(Vec::new()),
            INT64 | INT96 => Values::Int64(Vec::new()),
            FLOAT => Values::Float(Vec::new()),
            DOUBLE => Values::Double(Vec::new()),
            BYTE_ARRAY => Values::Bytes(Vec::new()),
            FIXED_LEN_BYTE_ARRAY => Values::Fixed(Vec::new()),
        };
        Self { form, values, present: Vec::new() }
    }

    /// Takes a field of a tuple, which keeps the bytes that are not copied.
    fn add(&mut self, column: usize, tuple: &Bytes, field: &[u8]) -> Result<(), EncodeError> {
        let unfit = |why| EncodeError::Unfit { column, why };
        self.present.push(1);
        match (&mut self.values, self.form) {
            (Values::Bool(values), _) => values.push(fixed::<1>(field)? != [0]),
            (Values::Int32(values), Form::Int2) => values.push(i16::from_be_bytes(fixed(field)?).into()),
            (Values::Int32(values), Form::Date) => values.push(match i32::from_be_bytes(fixed(field)?) {
                i32::MIN | i32::MAX => return Err(unfit("it holds infinity")),
                days => days.checked_add(EPOCH_DAYS).ok_or(unfit("it holds a date beyond what the format knows"))?,
            }),
            (Values::Int32(values), Form::Decimal { scale, .. }) => {
                values.push(i32::try_from(decimal(field, scale, unfit)?).map_err(|_| unfit(TOO_LARGE))?);
            }
            (Values::Int32(values), _) => values.push(i32::from_be_bytes(fixed(field)?)),
            (Values::Int64(values), Form::Timestamp | Form::TimestampTz) => {
                values.push(match i64::from_be_bytes(fixed(field)?) {
                    i64::MIN | i64::MAX => return Err(unfit("it holds infinity")),
                    micros => {
                        micros.checked_add(EPOCH_MICROS).ok_or(unfit("it holds a time beyond what the format knows"))?
                    }
                });
            }
            (Values::Int64(values), Form::Time) => values.push(match i64::from_be_bytes(fixed(field)?) {
                86_400_000_000 => return Err(unfit("it holds 24:00, which no other program knows")),
                micros => micros,
            }),
            (Values::Int64(values), Form::Decimal { scale, .. }) => {
                values.push(i64::try_from(decimal(field, scale, unfit)?).map_err(|_| unfit(TOO_LARGE))?);
            }
            (Values::Int64(values), _) => values.push(i64::from_be_bytes(fixed(field)?)),
            (Values::Float(values), _) => values.push(f32::from_be_bytes(fixed(field)?)),
            (Values::Double(values), _) => values.push(f64::from_be_bytes(fixed(field)?)),
            (Values::Bytes(values), Form::Jsonb) => match field.first() {
                Some(1) => values.push(tuple.slice_ref(&field[1..]).into()),
                _ => return Err(MalformedCopy("a jsonb is of an unknown version").into()),
            },
            (Values::Bytes(values), _) => values.push(tuple.slice_ref(field).into()),
            (Values::Fixed(values), Form::Decimal { scale, .. }) => {
                let bytes = decimal(field, scale, unfit)?.to_be_bytes().to_vec();
                values.push(FixedLenByteArray::from(bytes));
            }
            (Values::Fixed(values), _) => values.push(FixedLenByteArray::from(ByteArray::from(tuple.slice_ref(field)))),
        }
        Ok(())
    }

    /// Writes and forgets its values.
    fn write(&mut self, mut column: SerializedColumnWriter<'_>) -> Result<(), EncodeError> {
        fn batch<T: DataType>(
            column: &mut SerializedColumnWriter<'_>,
            values: &mut Vec<T::T>,
            present: &[i16],
        ) -> parquet::errors::Result<usize> {
            let written = column.typed::<T>().write_batch(values, Some(present), None);
            values.clear();
            written
        }
        match &mut self.values {
            Values::Bool(values) => batch::<BoolType>(&mut column, values, &self.present)?,
            Values::Int32(values) => batch::<Int32Type>(&mut column, values, &self.present)?,
            Values::Int64(values) => batch::<Int64Type>(&mut column, values, &self.present)?,
            Values::Float(values) => batch::<FloatType>(&mut column, values, &self.present)?,
            Values::Double(values) => batch::<DoubleType>(&mut column, values, &self.present)?,
            Values::Bytes(values) => batch::<ByteArrayType>(&mut column, values, &self.present)?,
            Values::Fixed(values) => batch::<FixedLenByteArrayType>(&mut column, values, &self.present)?,
        };
        self.present.clear();
        Ok(column.close()?)
    }
}

const TOO_LARGE: &str = "it holds numbers of more digits than its type";

fn decimal(field: &[u8], scale: u8, unfit: impl Fn(&'static str) -> EncodeError) -> Result<i128, EncodeError> {
    decimal_of(field, scale).map_err(|error| match error {
        NotFinite::Special => unfit("it holds NaN or infinity"),
        NotFinite::Misfit => unfit("it holds numbers of another scale than its type"),
        NotFinite::Malformed(malformed) => malformed.into(),
    })
}

/// A data file that is being written.
struct File {
    writer: SerializedFileWriter<Outgoing>,
    rows: u64,
}

impl File {
    fn begin(encoding: &Encoding, outgoing: &mpsc::Sender<Piece>) -> Result<Self, EncodeError> {
        let schema: TypePtr = schema(&encoding.columns)?;
        let writer = SerializedFileWriter::new(Outgoing::begin(outgoing.clone())?, schema, properties(encoding)?)?;
        Ok(Self { writer, rows: 0 })
    }

    fn write(&mut self, group: &mut Group) -> Result<(), EncodeError> {
        let mut row_group = self.writer.next_row_group()?;
        let mut columns = group.columns.iter_mut();
        while let Some(column) = row_group.next_column()? {
            columns.next().expect("the schema has as many columns").write(column)?;
        }
        row_group.close()?;
        self.rows += group.rows as u64;
        (group.rows, group.bytes) = (0, 0);
        Ok(())
    }

    fn is_full(&self, encoding: &Encoding) -> bool {
        encoding.split <= self.writer.inner().written()
    }

    fn end(self) -> Result<(), EncodeError> {
        let rows = self.rows;
        Ok(self.writer.into_inner()?.end(rows)?)
    }
}

fn properties(encoding: &Encoding) -> Result<WriterPropertiesPtr, EncodeError> {
    let codec = match encoding.layout.compression {
        Compression::Zstd(level) => Codec::ZSTD(ZstdLevel::try_new(level.into())?),
        Compression::Gzip => Codec::GZIP(GzipLevel::default()),
        Compression::None => Codec::UNCOMPRESSED,
    };
    let types = encoding
        .columns
        .iter()
        .map(|column| KeyValue::new(format!("postgres.type.{}", column.name.as_str()), column.type_name.clone()));
    let about = encoding.about.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    let properties = WriterProperties::builder()
        .set_compression(codec)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_created_by(concat!("partctl ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(about.chain(types).collect()));
    Ok(properties.build().into())
}
