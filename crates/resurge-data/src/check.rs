//! Whether a directory holds a data set, file by file.

use std::path::{Path, PathBuf};

use crate::cifar10;
use crate::mnist;
use crate::nmnist::{self, Doubts, Recordings};
use crate::{Dataset, Fault, FileError, LoadError, Split, Verify};

/// What [`check`] found of one file.
///
/// ```
/// use resurge_data::{Dataset, Status, check};
///
/// let empty = tempfile::tempdir()?;
/// let reports = check(Dataset::Cifar10, empty.path());
/// assert_eq!(reports.len(), 1);
/// assert_eq!(reports[0].status, Status::Missing);
/// assert!(reports[0].path.ends_with("cifar-10-binary.tar.gz"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReport {
    /// The file, or the folder of recordings.
    pub path: PathBuf,
    /// How it is.
    pub status: Status,
    /// What is wrong and what to do, or that a file without an official checksum was counted only; else empty.
    pub detail: String,
}

/// How a file is.
///
/// ```
/// assert_eq!(resurge_data::Status::WrongChecksum.to_string(), "wrong checksum");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// The official file, by its checksum, or by format and number where there is no official checksum.
    Ok,
    /// Not there.
    Missing,
    /// Not there, but another version of the set is, or a related set.
    Another,
    /// Well-formed, but not the official file.
    WrongChecksum,
    /// Well-formed, but another number of recordings or images than the official set has.
    WrongCount,
    /// Damaged, cut short, of another format, or not readable.
    Malformed,
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Missing => "missing",
            Self::Another => "another set",
            Self::WrongChecksum => "wrong checksum",
            Self::WrongCount => "wrong count",
            Self::Malformed => "malformed",
        })
    }
}

/// Reads every file of a data set in a directory, and reports each. It never fails: what cannot be read is reported.
///
/// Every byte is parsed, that of N-MNIST's 70,000 recordings too.
///
/// ```
/// use resurge_data::{Dataset, check};
///
/// for report in check(Dataset::Mnist, "/no/such/place".as_ref()) {
///     println!("{:16} {} {}", report.status, report.path.display(), report.detail);
/// }
/// ```
pub fn check(dataset: Dataset, dir: &Path) -> Vec<FileReport> {
    match dataset {
        Dataset::Mnist | Dataset::FashionMnist => check_idx(dataset, dir),
        Dataset::Cifar10 => check_cifar10(dir),
        Dataset::NMnist => [Split::Train, Split::Test].map(|split| check_nmnist(dir, split)).into(),
    }
}

fn check_idx(dataset: Dataset, dir: &Path) -> Vec<FileReport> {
    let checked = dataset.files().iter().map(|official| {
        let (path, result) = match mnist::find(dataset, dir, official) {
            Err(error) => (error.path().to_owned(), Err(error)),
            Ok(path) => {
                let result = match official.name.contains("images") {
                    true => mnist::images_of(&path, official, Verify::Official).map(drop),
                    false => mnist::labels_of(&path, official, Verify::Official).map(drop),
                };
                (path, result)
            }
        };
        report(path, result)
    });
    checked.collect()
}

fn check_cifar10(dir: &Path) -> Vec<FileReport> {
    match cifar10::locate(dir) {
        Err(error) => vec![report(error.path().to_owned(), Err(error))],
        Ok(cifar10::Located::Archive(path)) => {
            // The checksum covers every byte; what it does not match is parsed to say what is wrong.
            let checked = Dataset::Cifar10.files()[0].published.check_file(&path).map_err(|error| {
                if !matches!(error.fault(), Fault::Checksum { .. }) {
                    return error;
                }
                for split in [Split::Train, Split::Test] {
                    if let Err(LoadError::File(malformed)) = cifar10::load(&path, split, Verify::Format) {
                        return malformed;
                    }
                }
                error
            });
            vec![report(path, checked)]
        }
        Ok(cifar10::Located::Directory(dir)) => {
            let paths = cifar10::batch_names().map(|name| dir.join(name));
            paths.map(|path| counted(report(path.clone(), cifar10::check_batch(&path)))).collect()
        }
    }
}

fn check_nmnist(dir: &Path, split: Split) -> FileReport {
    let folder = if split == Split::Train { "Train" } else { "Test" };
    let located = match nmnist::locate(dir, folder) {
        Ok(located) => located,
        Err(error) => return report(error.path().to_owned(), Err(error)),
    };
    let has_checksum = matches!(located, nmnist::Located::Zip(_));
    let (nmnist::Located::TarGz(path) | nmnist::Located::Folder(path) | nmnist::Located::Zip(path)) = located;
    let mut notices = Vec::new();
    let mut checked = || {
        let recordings = Recordings::open(dir, split, Verify::Format)?;
        let mut doubts = Doubts::default();
        for index in 0..recordings.len() {
            doubts.of(recordings.name(index), &recordings.recording(index)?);
        }
        notices.extend(recordings.passed_over());
        notices.extend(doubts.in_words());
        // Last, so that damage is reported as such.
        Recordings::open(dir, split, Verify::Official).map(drop)
    };
    let report = match checked() {
        Err(LoadError::File(error)) => report(path, Err(error)),
        // No index is out of range.
        Ok(()) | Err(LoadError::Data(_)) => report(path, Ok(())),
    };
    let mut report = if has_checksum { report } else { counted(report) };
    for notice in notices {
        let colon = if report.detail.is_empty() { "" } else { "; " };
        report.detail += &format!("{colon}{notice}");
    }
    report
}

/// What is right by format and number, as no checksum is known of it.
fn counted(mut report: FileReport) -> FileReport {
    if report.status == Status::Ok {
        report.detail = "by format and number; only the packed file has an official checksum".into();
    }
    report
}

fn report(path: PathBuf, checked: Result<(), FileError>) -> FileReport {
    let Err(error) = checked else {
        return FileReport { path, status: Status::Ok, detail: String::new() };
    };
    let status = match error.fault() {
        Fault::Missing { .. } => Status::Missing,
        Fault::Another { .. } => Status::Another,
        Fault::Checksum { .. } | Fault::NoChecksum { .. } => Status::WrongChecksum,
        Fault::Count { .. } | Fault::Labels { .. } => Status::WrongCount,
        _ => Status::Malformed,
    };
    // A member of an archive is named in full; the file itself is named by the report.
    let detail = if error.path() == path { error.fault().to_string() } else { error.to_string() };
    FileReport { path, status, detail }
}
