//! A file being read: decompressed where it is compressed, and every byte counted.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::foreign::foreign;
use crate::gzip::Gzip;
use crate::{Checksum, Fault, FileError};

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Bytes from a file, with the name and the offset that errors need.
pub(crate) struct Input<R> {
    path: PathBuf,
    reader: R,
    offset: u64,
    compressed: bool,
    digest: Option<Sha256>,
}

impl Input<Box<dyn Read>> {
    /// Opens a file.
    pub(crate) fn open(path: &Path) -> Result<Self, FileError> {
        Self::detect(path, BufReader::with_capacity(1 << 16, open(path)?))
    }
}

impl<'a> Input<Box<dyn Read + 'a>> {
    /// The content of a file. Whether it is compressed is told by its first bytes, not by its name.
    pub(crate) fn detect(path: impl Into<PathBuf>, mut bytes: impl BufRead + 'a) -> Result<Self, FileError> {
        let path = path.into();
        let start = bytes.fill_buf().map_err(|source| FileError::new(&path, Fault::Io(source)))?;
        if let Some(fault) = foreign(start) {
            return Err(FileError::new(&path, fault));
        }
        let compressed = start.starts_with(&GZIP_MAGIC);
        let reader: Box<dyn Read + 'a> =
            if compressed { Box::new(Gzip::new(bytes)) } else { Box::new(bytes) };
        Ok(Self { compressed, ..Input::new(path, reader) })
    }
}

impl<R: Read> Input<R> {
    pub(crate) fn new(path: impl Into<PathBuf>, reader: R) -> Self {
        Self { path: path.into(), reader, offset: 0, compressed: false, digest: None }
    }

    /// The same input, whose errors are those of a decompressor.
    pub(crate) fn of_archive(self) -> Self {
        Self { compressed: true, ..self }
    }

    /// The same input, which computes the SHA-256 of what is read.
    pub(crate) fn hashing(self) -> Self {
        Self { digest: Some(Sha256::new()), ..self }
    }

    /// The checksum of what was read, if asked for.
    pub(crate) fn checksum(&self) -> Option<Checksum> {
        self.digest.clone().map(|digest| Checksum::Sha256(digest.finalize().into()))
    }

    /// Whether the file is compressed.
    pub(crate) fn is_compressed(&self) -> bool {
        self.compressed
    }

    /// The next byte's offset.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn fault(&self, fault: Fault) -> FileError {
        FileError::new(&self.path, fault)
    }

    /// A number out of its range, which stands at `offset`.
    pub(crate) fn field(&self, offset: u64, what: &'static str, found: u64, expected: String) -> FileError {
        self.fault(Fault::Field { offset, what, found, expected })
    }

    /// Exactly `length` bytes. Memory grows with what the file holds, whatever `length` claims.
    pub(crate) fn bytes(&mut self, length: u64, what: &'static str) -> Result<Vec<u8>, FileError> {
        let bytes = self.up_to(length)?;
        match length - bytes.len() as u64 {
            0 => Ok(bytes),
            missing => Err(self.fault(Fault::Truncated { offset: self.offset, missing, what })),
        }
    }

    /// A big-endian number of 32 bits.
    pub(crate) fn number(&mut self, what: &'static str) -> Result<u32, FileError> {
        let bytes = self.bytes(4, what)?;
        Ok(bytes.iter().fold(0, |number, &byte| number << 8 | u32::from(byte)))
    }

    /// All that is left, at most `limit` bytes.
    pub(crate) fn rest(&mut self, limit: u64) -> Result<Vec<u8>, FileError> {
        let bytes = self.up_to(limit)?;
        let after = self.up_to(1)?;
        if after.is_empty() {
            return Ok(bytes);
        }
        Err(self.fault(Fault::TooLarge { bytes: self.offset, limit }))
    }

    /// Checks that nothing is left.
    pub(crate) fn end(&mut self, what: &'static str) -> Result<(), FileError> {
        let offset = self.offset;
        if self.up_to(1)?.is_empty() { Ok(()) } else { Err(self.fault(Fault::Trailing { offset, what })) }
    }

    fn up_to(&mut self, length: u64) -> Result<Vec<u8>, FileError> {
        let mut bytes = Vec::new();
        let read = self.reader.by_ref().take(length).read_to_end(&mut bytes);
        self.offset += bytes.len() as u64;
        if let Some(digest) = &mut self.digest {
            digest.update(&bytes);
        }
        read.map(|_| bytes).map_err(|source| self.fault(self.read_fault(source)))
    }

    fn read_fault(&self, source: io::Error) -> Fault {
        if self.compressed { Fault::Compression { offset: self.offset, source } } else { Fault::Io(source) }
    }
}

/// Opens a file, with the remedy if it is not there.
pub(crate) fn open(path: &Path) -> Result<File, FileError> {
    let fault = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => {
            Fault::Missing { remedy: "check the directory, or fetch the data set into it".into() }
        }
        _ => Fault::Io(source),
    };
    File::open(path).map_err(|source| FileError::new(path, fault(source)))
}

/// Opens an archive, which the first bytes must not show to be something else: `magic` is what it begins with.
pub(crate) fn open_archive(path: &Path, magic: &[u8]) -> Result<BufReader<File>, FileError> {
    let mut file = BufReader::with_capacity(1 << 16, open(path)?);
    let start = file.fill_buf().map_err(|source| FileError::new(path, Fault::Io(source)))?;
    match foreign(start).filter(|_| !start.starts_with(magic)) {
        Some(fault) => Err(FileError::new(path, fault)),
        None => Ok(file),
    }
}
