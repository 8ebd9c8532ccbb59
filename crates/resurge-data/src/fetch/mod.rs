//! Fetching data sets from their publishers.

// A download grows and is resumed, and this crate knows no other of the workspace: see clippy.toml.
#![allow(clippy::disallowed_methods)]

mod download;
mod error;

use std::path::{Path, PathBuf};

use crate::{Dataset, OfficialFile};
pub use download::download;
pub use error::FetchError;

/// How far a download is.
///
/// ```
/// use resurge_data::fetch::Progress;
///
/// let progress = Progress { file: "Train.zip", done: 512, total: Some(1024) };
/// assert_eq!(progress.total.map(|total| 100 * progress.done / total), Some(50));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The name of the file.
    pub file: &'a str,
    /// The bytes that are there, those of an earlier attempt included.
    pub done: u64,
    /// All its bytes, if the server tells.
    pub total: Option<u64>,
}

/// Fetches the official files of a data set into a directory, which is made if it is missing, and returns their paths.
///
/// A file that is there with the right checksum is left alone. A download that broke off goes on where it stopped, when
/// called again. A file appears under its name only when it is whole, has the right checksum and is on the disk.
/// `progress` is called for each piece that comes. Nothing is unpacked: the loaders read the files as they are.
///
/// # Errors
///
/// [`FetchError`], which names the file and the address: no connection, a refusal of every mirror, a download that broke
/// off, a wrong checksum, a file in the way that is not the official one, or a disk that does not take it.
///
/// ```no_run
/// use resurge_data::{Dataset, fetch};
///
/// let paths = fetch::fetch(Dataset::Mnist, "data/mnist".as_ref(), &mut |progress| {
///     eprintln!("{}: {} bytes", progress.file, progress.done);
/// })?;
/// assert_eq!(paths.len(), 4);
/// # Ok::<(), fetch::FetchError>(())
/// ```
///
/// A file that is in the way is never overwritten:
///
/// ```
/// use resurge_data::{Dataset, fetch};
///
/// let directory = tempfile::tempdir()?;
/// std::fs::write(directory.path().join(Dataset::Cifar10.files()[0].name), "mine")?;
/// let error = fetch::fetch(Dataset::Cifar10, directory.path(), &mut |_| {}).unwrap_err();
/// assert!(matches!(error, fetch::FetchError::InTheWay(_)));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn fetch(
    dataset: Dataset,
    dir: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<PathBuf>, FetchError> {
    std::fs::create_dir_all(dir).map_err(|source| FetchError::disk(dir, source))?;
    dataset.files().iter().map(|file| fetch_file(file, dir, progress)).collect()
}

/// Fetches one file into a directory that is there, from the first of its addresses that gives it, and returns its path.
///
/// # Errors
///
/// As [`fetch`]; [`FetchError::Mirrors`] with all reasons if there are several addresses and none gives it.
///
/// ```no_run
/// use resurge_data::{Dataset, OfficialFile, fetch};
///
/// let train = Dataset::NMnist.files()[0];
/// let mirrored = OfficialFile { urls: &["https://mirror.example/Train.zip"], ..train };
/// fetch::fetch_file(&mirrored, "data/nmnist".as_ref(), &mut |_| {})?;
/// # Ok::<(), fetch::FetchError>(())
/// ```
///
/// Without an address there is nowhere to fetch it from:
///
/// ```
/// use resurge_data::{Dataset, OfficialFile, fetch};
///
/// let directory = tempfile::tempdir()?;
/// let lost = OfficialFile { urls: &[], ..Dataset::NMnist.files()[0] };
/// let error = fetch::fetch_file(&lost, directory.path(), &mut |_| {}).unwrap_err();
/// assert!(matches!(error, fetch::FetchError::Mirrors { .. }));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn fetch_file(
    file: &OfficialFile,
    dir: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<PathBuf, FetchError> {
    let path = dir.join(file.name);
    // A copy that was compressed anew, or not at all, is as good.
    if let Some(found) = there_already(file, dir) {
        return Ok(found);
    }
    let mut errors = Vec::new();
    for url in file.urls {
        match download(url, &path, file.published, progress) {
            Ok(()) => return Ok(path),
            Err(error) if error.is_of_the_mirror() => errors.push(error),
            Err(error) => return Err(error),
        }
    }
    // The last alone says nothing of the others.
    match errors.len() {
        1 => Err(errors.remove(0)),
        _ => Err(FetchError::Mirrors { path, errors }),
    }
}

fn there_already(file: &OfficialFile, dir: &Path) -> Option<PathBuf> {
    file.content?;
    let path = crate::mnist::named(dir, file)?;
    crate::mnist::is_official(&path, file).then_some(path)
}
