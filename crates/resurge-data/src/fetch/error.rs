//! What can go wrong with a download.

use std::io;
use std::path::{Path, PathBuf};

use crate::{Checksum, FileError};

/// Why a file could not be fetched.
///
/// ```
/// use resurge_data::fetch::FetchError;
///
/// let error = FetchError::TooLarge { url: "https://mirror.example/Train.zip".into(), limit: 9 };
/// assert!(error.to_string().ends_with("check the address"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// There is no connection.
    #[error(
        "no connection to {url} ({cause}); go on-line and try again, or obtain {} elsewhere and put it there",
        path.display()
    )]
    Connection {
        /// The address.
        url: String,
        /// Where the file would go.
        path: PathBuf,
        /// What the network said.
        cause: String,
    },
    /// The server refuses.
    #[error("{url}: the server answers {status}; try again later, or obtain {} elsewhere and put it there", path.display())]
    Status {
        /// The address.
        url: String,
        /// Where the file would go.
        path: PathBuf,
        /// The HTTP status.
        status: u16,
    },
    /// The download broke off. What came is kept.
    #[error(
        "{url}: the download broke off after {done} bytes ({cause}); try again, and it goes on from there"
    )]
    BrokeOff {
        /// The address.
        url: String,
        /// The bytes that are there.
        done: u64,
        /// What happened.
        cause: String,
    },
    /// What came is not the official file. It is deleted.
    #[error(
        "{url}: what came has {actual}, but the official file {expected}, so it was deleted; try again, and if it \
         comes again, the publisher has another version than this program knows"
    )]
    Checksum {
        /// The address.
        url: String,
        /// The official file's.
        expected: Checksum,
        /// The one found.
        actual: Checksum,
    },
    /// More came than any of the files has.
    #[error("{url}: more than {limit} bytes come, more than any of these files has; check the address")]
    TooLarge {
        /// The address.
        url: String,
        /// The most that is taken.
        limit: u64,
    },
    /// Another file of this name is there. It is left alone.
    #[error("another file is in the way: {0}")]
    InTheWay(
        /// It, and what is wrong with it.
        #[source]
        FileError,
    ),
    /// The disk does not take it.
    #[error("{}: {source}; make room, or choose a directory that can be written", path.display())]
    Disk {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// None of the mirrors gives it.
    #[error("{}: no mirror gives it:{}", path.display(), one_a_line(errors))]
    Mirrors {
        /// Where the file would go.
        path: PathBuf,
        /// What each said.
        errors: Vec<FetchError>,
    },
}

impl FetchError {
    pub(super) fn disk(path: &Path, source: io::Error) -> Self {
        Self::Disk { path: path.to_owned(), source }
    }

    /// Whether another mirror may do better.
    pub(super) fn is_of_the_mirror(&self) -> bool {
        !matches!(self, Self::Disk { .. } | Self::InTheWay(_))
    }
}

fn one_a_line(errors: &[FetchError]) -> String {
    errors.iter().map(|error| format!("\n  {error}")).collect()
}
