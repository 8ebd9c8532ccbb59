//! CIFAR-10: colour photographs of 32 x 32 pixels in ten classes, 50,000 to train on and 10,000 to test
//! (A. Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*, 2009).
//!
//! The format is the publisher's "binary version": records of a label byte, then 1,024 bytes of red, of green and of
//! blue, row after row. `data_batch_1.bin` to `data_batch_5.bin` are to train on, `test_batch.bin` to test. They are
//! read from the archive `cifar-10-binary.tar.gz`, or from the directory that it unpacks to. The "Python version" and
//! CIFAR-100 are told by their names, and not read.

use std::collections::BTreeMap;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use crate::archive::{is_tar_gz, members};
use crate::input::Input;
use crate::{Dataset, Fault, FileError, ImageDataset, LoadError, Split, Verify};

/// Rows and columns of an image.
///
/// ```
/// assert_eq!(resurge_data::cifar10::SIDE, 32);
/// ```
pub const SIDE: usize = 32;

/// Colours: red, green, blue.
///
/// ```
/// use resurge_data::cifar10::{CHANNELS, RECORD, SIDE};
///
/// assert_eq!(RECORD, 1 + CHANNELS * SIDE * SIDE);
/// ```
pub const CHANNELS: usize = 3;

/// Number of classes.
///
/// ```
/// assert_eq!(resurge_data::cifar10::CLASSES, 10);
/// ```
pub const CLASSES: usize = 10;

/// The names of the classes.
///
/// ```
/// assert_eq!(resurge_data::cifar10::CLASS_NAMES[3], "cat");
/// ```
pub const CLASS_NAMES: [&str; CLASSES] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// Bytes of a record: the label and the pixels.
///
/// ```
/// assert_eq!(resurge_data::cifar10::RECORD, 3_073);
/// ```
pub const RECORD: usize = 1 + CHANNELS * SIDE * SIDE;

/// The most bytes read of one batch: ten times those of an official one.
const MAX_BATCH: u64 = 100_000 * RECORD as u64;

/// Records in each official batch.
const OFFICIAL_RECORDS: usize = 10_000;

const TRAIN: [&str; 5] =
    ["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"];
const TEST: [&str; 1] = ["test_batch.bin"];

/// Loads a split: images `[3, 32, 32]` of 0 to 255, and the classes.
///
/// `place` is the archive itself (any name that ends in `.tar.gz`), or a directory. In a directory are looked for, in
/// this order: the batches; `cifar-10-batches-bin` with the batches; `cifar-10-binary.tar.gz`.
///
/// [`Verify::Official`] asks for the archive's checksum, or for all batches with 10,000 records each (the publisher
/// gives no checksums of the batches). [`Verify::Format`] takes whichever batches are there, of any size.
///
/// # Errors
///
/// [`LoadError::File`] names the file and the offset: missing, damaged, truncated, or a label beyond 9.
///
/// ```
/// use resurge_data::{Split, Verify, cifar10};
///
/// let error = cifar10::load("/no/such/place".as_ref(), Split::Train, Verify::Official).unwrap_err();
/// assert!(error.to_string().starts_with("/no/such/place/cifar-10-binary.tar.gz: not there"));
/// ```
pub fn load(place: &Path, split: Split, verify: Verify) -> Result<ImageDataset, LoadError> {
    let names: &[&str] = match split {
        Split::Train => &TRAIN,
        Split::Test => &TEST,
    };
    let (source, batches) = match locate(place)? {
        Located::Archive(archive) => {
            if verify == Verify::Official {
                Dataset::Cifar10.files()[0].published.check_file(&archive)?;
            }
            (archive.clone(), from_archive(&archive, names)?)
        }
        Located::Directory(dir) => (dir.clone(), from_directory(&dir, names, verify)?),
    };
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    for Batch { pixels, labels: more } in batches.into_values() {
        images.extend(pixels);
        labels.extend(more);
    }
    if labels.is_empty() {
        let remedy = format!("it has none of {}; fetch the data set", names.join(", "));
        return Err(FileError::new(source, Fault::Missing { remedy }).into());
    }
    Ok(ImageDataset::new(images, &[CHANNELS, SIDE, SIDE], labels, CLASSES)?)
}

/// The records of a batch from the bytes of a file, compressed or not: pixels `[records, 3, 32, 32]` and labels; `name`
/// is for errors.
///
/// # Errors
///
/// A [`FileError`] with the offset: no record, a record cut short, a label beyond 9, or more than 100,000 records.
///
/// ```
/// use resurge_data::cifar10::{RECORD, batch_from};
///
/// let mut record = [9; RECORD];
/// assert_eq!(batch_from("one.bin", &record[..])?.1, [9]);
/// record[0] = 10;
/// let error = batch_from("one.bin", &record[..]).unwrap_err();
/// assert_eq!(error.to_string(), "one.bin: byte 0: label is 10, expected 0 to 9; obtain it again");
/// # Ok::<(), resurge_data::FileError>(())
/// ```
pub fn batch_from(name: impl Into<PathBuf>, bytes: impl Read) -> Result<(Vec<u8>, Vec<u8>), FileError> {
    parse(&mut Input::detect(name, BufReader::new(bytes))?).map(|Batch { pixels, labels }| (pixels, labels))
}

struct Batch {
    pixels: Vec<u8>,
    labels: Vec<u8>,
}

pub(crate) enum Located {
    Archive(PathBuf),
    Directory(PathBuf),
}

/// Where the batches are.
pub(crate) fn locate(place: &Path) -> Result<Located, FileError> {
    if is_tar_gz(place) {
        return Ok(Located::Archive(place.to_owned()));
    }
    let archive = Dataset::Cifar10.files()[0].name;
    let holds = |dir: &PathBuf| TRAIN.iter().chain(&TEST).any(|name| dir.join(name).exists());
    let packed = || Dataset::Cifar10.places(place).map(|dir| dir.join(archive)).find(|path| path.exists());
    match Dataset::Cifar10.places(place).find(holds) {
        Some(dir) => Ok(Located::Directory(dir)),
        None => {
            packed().map(Located::Archive).ok_or_else(|| Dataset::Cifar10.nowhere(place, place.join(archive)))
        }
    }
}

/// Checks one official batch of a directory.
pub(crate) fn check_batch(path: &Path) -> Result<(), FileError> {
    let batch = parse(&mut Input::open(path)?)?;
    official_size(path, &batch)
}

/// The names of all batches.
pub(crate) fn batch_names() -> impl Iterator<Item = &'static str> {
    TRAIN.into_iter().chain(TEST)
}

/// By their position in `names`, so that the order of the archive does not matter.
fn from_archive(archive: &Path, names: &[&str]) -> Result<BTreeMap<usize, Batch>, FileError> {
    let mut batches = BTreeMap::new();
    let wanted = |member: &Path| names.iter().position(|&name| member.file_name().is_some_and(|n| n == name));
    members(archive, wanted, |position, mut member| {
        batches.insert(position, parse(&mut member)?);
        Ok(true)
    })?;
    Ok(batches)
}

fn from_directory(dir: &Path, names: &[&str], verify: Verify) -> Result<BTreeMap<usize, Batch>, FileError> {
    let mut batches = BTreeMap::new();
    for (position, name) in names.iter().enumerate() {
        let path = dir.join(name);
        if verify == Verify::Format && !path.exists() {
            continue;
        }
        let batch = parse(&mut Input::open(&path)?)?;
        if verify == Verify::Official {
            official_size(&path, &batch)?;
        }
        batches.insert(position, batch);
    }
    Ok(batches)
}

fn official_size(path: &Path, batch: &Batch) -> Result<(), FileError> {
    let found = batch.labels.len();
    if found == OFFICIAL_RECORDS {
        return Ok(());
    }
    let fault = Fault::Count { found, expected: OFFICIAL_RECORDS, of: "records in each batch".into() };
    Err(FileError::new(path, fault))
}

fn parse<R: Read>(input: &mut Input<R>) -> Result<Batch, FileError> {
    let bytes = input.rest(MAX_BATCH)?;
    let (records, rest) = (bytes.len() / RECORD, bytes.len() % RECORD);
    if records == 0 || rest > 0 {
        let missing = (RECORD - rest) as u64;
        return Err(input.fault(Fault::Truncated { offset: bytes.len() as u64, missing, what: "a record" }));
    }
    let mut batch =
        Batch { pixels: Vec::with_capacity(records * (RECORD - 1)), labels: Vec::with_capacity(records) };
    for (index, record) in bytes.chunks_exact(RECORD).enumerate() {
        if usize::from(record[0]) >= CLASSES {
            let offset = (index * RECORD) as u64;
            return Err(input.field(offset, "label", record[0].into(), format!("0 to {}", CLASSES - 1)));
        }
        batch.labels.push(record[0]);
        batch.pixels.extend_from_slice(&record[1..]);
    }
    Ok(batch)
}
