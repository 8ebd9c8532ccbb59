//! N-MNIST: the digits of MNIST as an event camera sees them in motion, 34 x 34 pixels of two polarities
//! (G. Orchard, A. Jayawant, G. Cohen and N. Thakor, *Converting Static Image Datasets to Spiking Neuromorphic
//! Datasets Using Saccades*, 2015, CC BY-SA 4.0).
//!
//! A file a recording, `Train/7/00016.bin`: the folder is the digit. [`Recording`] describes the bytes.

mod doubts;
mod recording;

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use zip::ZipArchive;

use crate::archive::{is_tar_gz, members};
use crate::dataset::balanced;
use crate::input::{Input, open_archive};
use crate::{DataError, Dataset, Fault, FileError, ImageDataset, LoadError, Split, Verify};
pub(crate) use doubts::Doubts;
pub use recording::{Binning, Event, Recording, Spikes};

/// Rows and columns.
///
/// ```
/// assert_eq!(resurge_data::nmnist::SIDE, 34);
/// ```
pub const SIDE: usize = 34;

/// Number of classes.
///
/// ```
/// assert_eq!(resurge_data::nmnist::CLASSES, 10);
/// ```
pub const CLASSES: usize = 10;

/// The recordings of a split, in the order of their names (`Train/0/00002.bin` before `Train/1/00004.bin`).
///
/// They are read one by one when asked for, but for those of a `.tar.gz`, whose bytes are kept in memory.
///
/// ```
/// use resurge_data::nmnist::{Binning, Recordings, Spikes};
/// use resurge_data::{Split, Verify};
///
/// // `Verify::Official` for the published ones; here there are three small ones.
/// let test = Recordings::open("examples/nmnist".as_ref(), Split::Test, Verify::Format)?;
/// let set = test.limit(2)?.frames(Binning::windows(10_000, 30)?, Spikes::Clipped)?;
/// assert_eq!((set.shape(), set.labels()), (&[30, 2, 34, 34][..], &[0, 7][..]));
/// # Ok::<(), resurge_data::LoadError>(())
/// ```
#[derive(Debug)]
pub struct Recordings {
    source: Source,
    /// Sorted by name.
    entries: Vec<Entry>,
    labels: Vec<u8>,
    /// Files of macOS beside recordings, `._00016.bin`, which are none.
    companions: usize,
}

#[derive(Debug)]
enum Source {
    Directory,
    /// A lock, because reading a member moves the file's cursor.
    Zip(Box<Mutex<ZipArchive<BufReader<File>>>>),
    TarGz,
}

#[derive(Debug)]
struct Entry {
    /// What errors call it, and where it lies if it is a file of its own.
    path: PathBuf,
    digit: u8,
    content: Content,
}

#[derive(Debug)]
enum Content {
    File,
    /// The position in the zip archive.
    Member(usize),
    Bytes(Vec<u8>),
}

impl Recordings {
    /// Finds the recordings of a split.
    ///
    /// `place` is an archive of a part of the set (any name that ends in `.tar.gz`), or a directory. In a directory are
    /// looked for, in this order: the folder `Train` or `Test`, there or in `N-MNIST`, `NMNIST` (as tonic has it),
    /// `extract` (as SpikingJelly has it) or `download`; then the publisher's `Train.zip` or `Test.zip` in the same
    /// places. Files whose names begin with `._`, which macOS leaves beside others, are passed over and counted.
    ///
    /// [`Verify::Official`] asks for the checksum of the zip archive, or for folders with all 60,000 or 10,000
    /// recordings (there are no official checksums of these). [`Verify::Format`] takes any number.
    ///
    /// # Errors
    ///
    /// [`LoadError::File`] for a place without recordings, a damaged archive, or one that is not the official one. The
    /// bytes of the recordings are checked when they are read.
    ///
    /// ```
    /// use resurge_data::{Split, Verify, nmnist::Recordings};
    ///
    /// let error = Recordings::open("/no/such/place".as_ref(), Split::Test, Verify::Format).unwrap_err();
    /// assert!(error.to_string().starts_with("/no/such/place/Test.zip: not there"));
    /// ```
    pub fn open(place: &Path, split: Split, verify: Verify) -> Result<Self, LoadError> {
        let (folder, official) = match split {
            Split::Train => ("Train", 60_000),
            Split::Test => ("Test", 10_000),
        };
        let (located, source, mut entries) = match locate(place, folder)? {
            Located::TarGz(path) => {
                let entries = from_tar_gz(&path, folder)?;
                (path, Source::TarGz, entries)
            }
            Located::Folder(path) => {
                let entries = from_folder(&path)?;
                (path, Source::Directory, entries)
            }
            Located::Zip(path) => {
                if verify == Verify::Official {
                    official_zip(split).check_file(&path)?;
                }
                let (archive, entries) = from_zip(&path, folder)?;
                (path, Source::Zip(Box::new(Mutex::new(archive))), entries)
            }
        };
        let all = entries.len();
        entries.retain(|entry: &Entry| !is_companion(&entry.path));
        let companions = all - entries.len();
        if entries.is_empty() {
            let remedy = format!("it has no recordings {folder}/<digit>/*.bin; fetch the data set");
            return Err(FileError::new(located, Fault::Missing { remedy }).into());
        }
        if verify == Verify::Official && entries.len() != official {
            let of = format!("recordings in {folder}");
            let fault = Fault::Count { found: entries.len(), expected: official, of };
            return Err(FileError::new(located, fault).into());
        }
        // A file system and an archive have any order.
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        let labels = entries.iter().map(|entry| entry.digit).collect();
        Ok(Self { source, entries, labels, companions })
    }

    /// The number of recordings, at least 1.
    ///
    /// ```
    /// # use resurge_data::{Split, Verify, nmnist::Recordings};
    /// let test = Recordings::open("examples/nmnist".as_ref(), Split::Test, Verify::Format)?;
    /// assert_eq!(test.len(), 3); // of the official ones 10,000
    /// # Ok::<(), resurge_data::LoadError>(())
    /// ```
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no recording, which [`open`](Self::open) refuses: `false`.
    ///
    /// ```
    /// # use resurge_data::{Split, Verify, nmnist::Recordings};
    /// # let test = Recordings::open("examples/nmnist".as_ref(), Split::Test, Verify::Format)?;
    /// assert!(!test.is_empty());
    /// # Ok::<(), resurge_data::LoadError>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The digits, shape `[len]`.
    ///
    /// ```
    /// # use resurge_data::{Split, Verify, nmnist::Recordings};
    /// # let test = Recordings::open("examples/nmnist".as_ref(), Split::Test, Verify::Format)?;
    /// assert_eq!(test.labels(), [0, 0, 7]);
    /// # Ok::<(), resurge_data::LoadError>(())
    /// ```
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// What errors call recording `index`.
    pub(crate) fn name(&self, index: usize) -> &Path {
        self.entries.get(index).map_or(Path::new(""), |entry| &entry.path)
    }

    /// That files were passed over, if any were.
    pub(crate) fn passed_over(&self) -> Option<String> {
        let files = if self.companions == 1 { "1 file".into() } else { format!("{} files", self.companions) };
        (self.companions > 0).then(|| format!("{files} of macOS (._*) beside the recordings passed over"))
    }

    /// Reads recording `index`.
    ///
    /// # Errors
    ///
    /// [`LoadError::Data`] for an index that is not below [`len`](Self::len), [`LoadError::File`] for a damaged file.
    ///
    /// ```
    /// # use resurge_data::{Split, Verify, nmnist::Recordings};
    /// # let test = Recordings::open("examples/nmnist".as_ref(), Split::Test, Verify::Format)?;
    /// assert_eq!(test.recording(2)?.events().len(), 4);
    /// assert!(test.recording(3).is_err());
    /// # Ok::<(), resurge_data::LoadError>(())
    /// ```
    pub fn recording(&self, index: usize) -> Result<Recording, LoadError> {
        let entry = self.entries.get(index).ok_or(DataError::Index { index, len: self.len() })?;
        let path = &entry.path;
        Ok(match (&entry.content, &self.source) {
            (Content::Bytes(bytes), _) => Recording::from_bytes(path, &bytes[..])?,
            (Content::Member(position), Source::Zip(archive)) => {
                // A reader that panicked has left nothing behind but the cursor, which every read sets.
                let mut archive = archive.lock().unwrap_or_else(PoisonError::into_inner);
                let member = archive.by_index(*position).map_err(|error| zip_error(path, error))?;
                recording::parse(&mut Input::new(path, member).of_archive())?
            }
            _ => recording::parse(&mut Input::open(path)?)?,
        })
    }

    /// What should be known before these recordings are trained on: that there are files beside them which were passed
    /// over; recordings that are far too long (over 1 s), or whose clock wrapped at 16 bits, each with the first that is;
    /// and that `binning` leaves out more than half of the events. Of many recordings 1,000 are looked at, evenly spread.
    ///
    /// # Errors
    ///
    /// [`LoadError::File`] for the first damaged file.
    ///
    /// ```
    /// # use resurge_data::{Split, Verify, nmnist::{Binning, Recordings}};
    /// let test = Recordings::open("examples/nmnist".as_ref(), Split::Test, Verify::Format)?;
    /// assert!(test.notices(Binning::windows(10_000, 30)?)?.is_empty());
    /// let notices = test.notices(Binning::windows(1, 1)?)?; // one step of a microsecond
    /// assert!(notices[0].contains("come after the last time step"));
    /// # Ok::<(), resurge_data::LoadError>(())
    /// ```
    pub fn notices(&self, binning: Binning) -> Result<Vec<String>, LoadError> {
        let mut doubts = Doubts::default();
        let looked_at = (0..self.len()).step_by(self.len().div_ceil(1000));
        let of = match looked_at.len() {
            all if all == self.len() => String::new(),
            some => format!("of {some} recordings looked at: "),
        };
        for index in looked_at {
            let recording = self.recording(index)?;
            doubts.of(self.name(index), &recording);
            doubts.binned(&recording, binning);
        }
        let found = doubts.in_words().into_iter().map(|doubt| format!("{of}{doubt}"));
        Ok(self.passed_over().into_iter().chain(found).collect())
    }

    /// `n` recordings, as equally many of each digit as there are, or all if there are fewer: see
    /// [`balanced`], which chooses them.
    ///
    /// # Errors
    ///
    /// [`DataError::Empty`] for `n = 0`.
    ///
    /// ```
    /// # use resurge_data::{Split, Verify, nmnist::Recordings};
    /// # let test = Recordings::open("examples/nmnist".as_ref(), Split::Test, Verify::Format)?;
    /// assert_eq!(test.limit(2)?.labels(), [0, 7]);
    /// # Ok::<(), resurge_data::LoadError>(())
    /// ```
    pub fn limit(mut self, n: usize) -> Result<Self, DataError> {
        let chosen = balanced(&self.labels, n);
        if chosen.is_empty() {
            return Err(DataError::Empty);
        }
        let (mut index, mut kept) = (0, chosen.iter().peekable());
        self.entries.retain(|_| {
            index += 1;
            kept.next_if_eq(&&(index - 1)).is_some()
        });
        self.labels = self.entries.iter().map(|entry| entry.digit).collect();
        Ok(self)
    }

    /// The frames of all recordings in memory: shape `[steps, 2, 34, 34]` each, see [`Recording::frames`]. That is
    /// `steps * 2,312` bytes a recording.
    ///
    /// # Errors
    ///
    /// [`LoadError::File`] for the first damaged file.
    ///
    /// ```
    /// # use resurge_data::{Split, Verify, nmnist::*};
    /// # let test = Recordings::open("examples/nmnist".as_ref(), Split::Test, Verify::Format)?;
    /// let set = test.frames(Binning::equal_parts(10)?, Spikes::Counts)?;
    /// let counts: u32 = set.images().iter().map(|&count| u32::from(count)).sum();
    /// assert_eq!(counts, 3 + 2 + 4); // all events
    /// # Ok::<(), resurge_data::LoadError>(())
    /// ```
    pub fn frames(&self, binning: Binning, spikes: Spikes) -> Result<ImageDataset, LoadError> {
        let mut frames = Vec::new();
        for index in 0..self.len() {
            frames.extend(self.recording(index)?.frames(binning, spikes));
        }
        let shape = [binning.steps(), 2, SIDE, SIDE];
        Ok(ImageDataset::new(frames, &shape, self.labels.clone(), CLASSES)?)
    }
}

pub(crate) enum Located {
    TarGz(PathBuf),
    Folder(PathBuf),
    Zip(PathBuf),
}

/// Where a split is.
pub(crate) fn locate(place: &Path, folder: &str) -> Result<Located, FileError> {
    if is_tar_gz(place) {
        return Ok(Located::TarGz(place.to_owned()));
    }
    let places = || Dataset::NMnist.places(place);
    if let Some(path) = places().map(|place| place.join(folder)).find(|path| path.is_dir()) {
        return Ok(Located::Folder(path));
    }
    // Some loaders write names in small letters.
    let names = [format!("{folder}.zip"), format!("{}.zip", folder.to_lowercase())];
    let zip =
        places().flat_map(|place| names.clone().map(|name| place.join(name))).find(|path| path.exists());
    let [official, _] = &names;
    zip.map(Located::Zip).ok_or_else(|| Dataset::NMnist.nowhere(place, place.join(official)))
}

pub(crate) fn official_zip(split: Split) -> crate::Checksum {
    Dataset::NMnist.files()[usize::from(split == Split::Test)].published
}

fn from_folder(folder: &Path) -> Result<Vec<Entry>, FileError> {
    let mut entries = Vec::new();
    for digit in 0..CLASSES as u8 {
        let directory = folder.join(digit.to_string());
        if !directory.is_dir() {
            continue;
        }
        let fault = |source| FileError::new(&directory, Fault::Io(source));
        for file in std::fs::read_dir(&directory).map_err(fault)? {
            let path = file.map_err(fault)?.path();
            if path.extension().is_some_and(|extension| extension == "bin") {
                entries.push(Entry { path, digit, content: Content::File });
            }
        }
    }
    Ok(entries)
}

fn from_zip(path: &Path, folder: &str) -> Result<(ZipArchive<BufReader<File>>, Vec<Entry>), FileError> {
    let archive = ZipArchive::new(open_archive(path, b"PK")?).map_err(|error| zip_error(path, error))?;
    let member = |position| {
        // A name that is no text is no recording's.
        let name = archive.name_for_index(position)?.ok()?;
        let digit = digit_of(Path::new(name.as_ref()), folder)?;
        Some(Entry { path: path.join(name.as_ref()), digit, content: Content::Member(position) })
    };
    let entries = (0..archive.len()).filter_map(member).collect();
    Ok((archive, entries))
}

fn from_tar_gz(path: &Path, folder: &str) -> Result<Vec<Entry>, FileError> {
    let mut entries = Vec::new();
    let wanted = |member: &Path| Some((path.join(member), digit_of(member, folder)?));
    members(path, wanted, |(path, digit), mut member| {
        let content = Content::Bytes(member.rest(recording::MAX_BYTES)?);
        entries.push(Entry { path, digit, content });
        Ok(true)
    })?;
    Ok(entries)
}

/// Whether a file is one that macOS leaves beside another.
fn is_companion(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"._"))
}

/// The digit in `.../Train/7/00016.bin`; `None` for any other path.
fn digit_of(member: &Path, folder: &str) -> Option<u8> {
    let mut names = member.components().rev().map(|part| part.as_os_str().to_str().unwrap_or_default());
    let (file, digit, parent) = (names.next()?, names.next()?, names.next()?);
    if !file.ends_with(".bin") || parent != folder || digit.len() != 1 {
        return None;
    }
    digit.parse().ok()
}

fn zip_error(path: &Path, error: zip::result::ZipError) -> FileError {
    let source = match error {
        zip::result::ZipError::Io(source) => source,
        other => std::io::Error::new(std::io::ErrorKind::InvalidData, other.to_string()),
    };
    FileError::new(path, Fault::Archive(source))
}
