//! What can be wrong with a file of a data set.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::Checksum;

/// A file that could not be read, with what is wrong with it and where.
///
/// Offsets count bytes from 0, in the decompressed content where the file is compressed. A member of an archive is
/// named `archive/member`.
///
/// ```
/// use resurge_data::{Fault, idx};
///
/// let error = idx::labels_from("labels", &[0, 0, 8, 1, 0, 0, 0, 2, 7, 10][..], 10).unwrap_err();
/// assert!(matches!(error.fault(), Fault::Field { offset: 9, found: 10, .. }));
/// assert_eq!(error.to_string(), "labels: byte 9: label is 10, expected 0 to 9 (a set of more classes, as most \
/// parts of EMNIST are, is another one); obtain it again");
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", path.display())]
pub struct FileError {
    path: PathBuf,
    fault: Fault,
}

impl FileError {
    pub(crate) fn new(path: impl Into<PathBuf>, fault: Fault) -> Self {
        Self { path: path.into(), fault }
    }

    /// The file, or the archive with the member.
    ///
    /// ```
    /// let error = resurge_data::idx::read_labels("/no/such/file".as_ref(), 10).unwrap_err();
    /// assert_eq!(error.path(), std::path::Path::new("/no/such/file"));
    /// ```
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is wrong.
    ///
    /// ```
    /// use resurge_data::{Fault, idx};
    ///
    /// let error = idx::read_labels("/no/such/file".as_ref(), 10).unwrap_err();
    /// assert!(matches!(error.fault(), Fault::Missing { .. }));
    /// ```
    pub fn fault(&self) -> &Fault {
        &self.fault
    }
}

/// What is wrong with a file.
///
/// ```
/// use resurge_data::{Fault, idx};
///
/// let error = idx::read_labels("/no/such/file".as_ref(), 10).unwrap_err();
/// assert!(matches!(error.fault(), Fault::Missing { remedy } if !remedy.is_empty()));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Fault {
    /// There is no such file.
    Missing {
        /// What to do.
        remedy: String,
    },
    /// There is no such file, but one of another version of the set, or of a related set.
    Another {
        /// Which it is, and what to do.
        instead: String,
    },
    /// The content is of another kind, as its first bytes show.
    Foreign {
        /// What it is.
        what: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// The operating system did not read it.
    Io(
        /// What it said.
        io::Error,
    ),
    /// The compressed stream is damaged, cut short or followed by other bytes.
    Compression {
        /// How many bytes had been decompressed.
        offset: u64,
        /// What the decompressor said.
        source: io::Error,
    },
    /// The archive's directory, or a member's entry in it, is damaged or cut short.
    Archive(
        /// What is wrong.
        io::Error,
    ),
    /// The content ends early.
    Truncated {
        /// Where it ends.
        offset: u64,
        /// How many bytes are missing, at least.
        missing: u64,
        /// What they belong to.
        what: &'static str,
    },
    /// The content goes on after its end.
    Trailing {
        /// The first byte too many.
        offset: u64,
        /// What ends there.
        what: &'static str,
    },
    /// A number in the file is out of its range.
    Field {
        /// Where it stands.
        offset: u64,
        /// What it is.
        what: &'static str,
        /// The number found.
        found: u64,
        /// What it must be.
        expected: String,
    },
    /// The content is larger than any file of this kind.
    TooLarge {
        /// How large it claims or is found to be, in bytes.
        bytes: u64,
        /// The most that is read.
        limit: u64,
    },
    /// The checksum is not that of the official file.
    Checksum {
        /// The official file's.
        expected: Checksum,
        /// The one found.
        actual: Checksum,
    },
    /// No checksum is known for the form in which the file is there.
    NoChecksum {
        /// The form whose checksum is known.
        known: &'static str,
    },
    /// Another number of images or recordings than the official set has.
    Count {
        /// How many there are.
        found: usize,
        /// How many there must be.
        expected: usize,
        /// What they are.
        of: String,
    },
    /// Another number of labels than there are images.
    Labels {
        /// How many there are.
        found: usize,
        /// How many there must be.
        expected: usize,
        /// The file of the images.
        images: PathBuf,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { remedy } => write!(f, "not there; {remedy}"),
            Self::Another { instead } => write!(f, "not there, but {instead}"),
            Self::Foreign { what, remedy } => write!(f, "no data: it is {what}; {remedy}"),
            Self::Io(source) => write!(f, "cannot be read: {source}; check the path and its permissions"),
            Self::Compression { offset, source } => write!(
                f,
                "damaged or cut short: the compressed stream breaks off after {offset} decompressed bytes ({source}); \
                 obtain it again"
            ),
            Self::Archive(source) => {
                write!(
                    f,
                    "no archive, damaged or cut short: its directory cannot be read ({source}); obtain it again"
                )
            }
            Self::Truncated { offset, missing, what } => write!(
                f,
                "ends at byte {offset}, {missing} {} before the end of {what}; obtain it again",
                if *missing == 1 { "byte" } else { "bytes" }
            ),
            Self::Trailing { offset, what } => {
                write!(f, "goes on at byte {offset}, after the end of {what}; obtain it again")
            }
            Self::Field { offset, what, found, expected } => {
                write!(f, "byte {offset}: {what} is {found}, expected {expected}; obtain it again")
            }
            Self::TooLarge { bytes, limit } => {
                write!(
                    f,
                    "{bytes} bytes of content or more, where at most {limit} are read; check what it is"
                )
            }
            Self::Checksum { expected, actual } => write!(
                f,
                "{actual}, but the official file has {expected}; obtain it again, or read it without verification if \
                 it is meant to be another"
            ),
            Self::NoChecksum { known } => write!(
                f,
                "no checksum is known for it, only for {known}; put that there instead, or read it without verification"
            ),
            Self::Count { found, expected, of } => write!(
                f,
                "{found} found, but there must be {expected} {of}; obtain it again, or read a part of the set without \
                 verification"
            ),
            Self::Labels { found, expected, images } => write!(
                f,
                "{found} labels found, but {} has {expected} images, and each must have one; take both files of the same \
                 set",
                images.display()
            ),
        }
    }
}
