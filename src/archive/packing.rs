//! Compression of what has none of its own, while it streams by.

use std::io::{self, BufReader, Read, Write};

use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use crate::rows::Compression;

/// Rows are small, and compressors want more at a time.
const BUFFER: usize = 128 << 10;

/// Compresses what is written to it.
pub(super) enum Packer<W: Write> {
    Zstd(io::BufWriter<zstd::Encoder<'static, W>>),
    Gzip(io::BufWriter<GzEncoder<W>>),
    None(io::BufWriter<W>),
}

impl<W: Write> Packer<W> {
    pub fn new(writer: W, compression: Compression) -> io::Result<Self> {
        Ok(match compression {
            Compression::Zstd(level) => {
                let mut encoder = zstd::Encoder::new(writer, i32::from(level))?;
                encoder.include_checksum(true)?;
                Self::Zstd(io::BufWriter::with_capacity(BUFFER, encoder))
            }
            Compression::Gzip => {
                let level = flate2::Compression::default();
                Self::Gzip(io::BufWriter::with_capacity(BUFFER, GzEncoder::new(writer, level)))
            }
            Compression::None => Self::None(io::BufWriter::with_capacity(BUFFER, writer)),
        })
    }

    /// Writes what is left and gives the writer back.
    pub fn finish(self) -> io::Result<W> {
        match self {
            Self::Zstd(writer) => writer.into_inner()?.finish(),
            Self::Gzip(writer) => writer.into_inner()?.finish(),
            Self::None(writer) => Ok(writer.into_inner()?),
        }
    }

    /// The writer below.
    pub fn below(&self) -> &W {
        match self {
            Self::Zstd(writer) => writer.get_ref().get_ref(),
            Self::Gzip(writer) => writer.get_ref().get_ref(),
            Self::None(writer) => writer.get_ref(),
        }
    }
}

impl<W: Write> Write for Packer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Zstd(writer) => writer.write(bytes),
            Self::Gzip(writer) => writer.write(bytes),
            Self::None(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Zstd(writer) => writer.flush(),
            Self::Gzip(writer) => writer.flush(),
            Self::None(writer) => writer.flush(),
        }
    }
}

/// Unpacks what a [`Packer`] wrote.
pub(super) fn unpacker<'r>(reader: impl Read + 'r, compression: Compression) -> io::Result<Box<dyn Read + 'r>> {
    Ok(match compression {
        Compression::Zstd(_) => Box::new(zstd::Decoder::new(reader)?),
        Compression::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER, reader))),
        Compression::None => Box::new(reader),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_comes_out_and_what_was_cut_does_not() {
        let text: Vec<u8> = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
        for compression in [Compression::default(), Compression::Zstd(1), Compression::Gzip] {
            let mut packer = Packer::new(Vec::new(), compression).unwrap();
            text.chunks(77).for_each(|piece| packer.write_all(piece).unwrap());
            let packed = packer.finish().unwrap();
            assert!(packed.len() < text.len(), "{compression}");
            let mut unpacked = Vec::new();
            unpacker(&packed[..], compression).unwrap().read_to_end(&mut unpacked).unwrap();
            assert_eq!(unpacked, text, "{compression}");
            let cut = &packed[..packed.len() - 3];
            assert!(unpacker(cut, compression).unwrap().read_to_end(&mut Vec::new()).is_err(), "{compression}");
        }
    }
}
