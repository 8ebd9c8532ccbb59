//! MNIST and Fashion-MNIST: grey images of 28 x 28 pixels in ten classes, 60,000 to train on and 10,000 to test.
//!
//! Four [`idx`] files in one directory, or in `MNIST/raw`, `FashionMNIST/raw` or `raw` below it, compressed or not: `train-images-idx3-ubyte.gz`, `train-labels-idx1-ubyte`,
//! `t10k-images.idx3-ubyte` and so on; some mirrors have a dot for the first hyphen of the ending. Both sets use the
//! same names: keep them in directories of their own.
//!
//! MNIST is by Y. LeCun, C. Cortes and C. Burges; Fashion-MNIST by H. Xiao, K. Rasul and R. Vollgraf (Zalando, MIT).

use std::path::{Path, PathBuf};

use crate::input::Input;
use crate::source::OfficialFile;
use crate::{Dataset, Fault, FileError, ImageDataset, LoadError, Split, Verify, idx};

/// Rows and columns of an image.
///
/// ```
/// assert_eq!(resurge_data::mnist::SIDE, 28);
/// ```
pub const SIDE: usize = 28;

/// Number of classes.
///
/// ```
/// assert_eq!(resurge_data::mnist::CLASSES, 10);
/// ```
pub const CLASSES: usize = 10;

/// Loads a split of MNIST from a directory: images `[1, 28, 28]` of 0 (paper) to 255 (ink), and the digits.
///
/// # Errors
///
/// [`LoadError::File`] names the file and the offset: missing, damaged, truncated, of another kind, a label beyond 9,
/// images and labels of different number, or under [`Verify::Official`] another file than the official one.
///
/// ```
/// use resurge_data::{Split, Verify, mnist};
///
/// let error = mnist::load("/no/such/place".as_ref(), Split::Test, Verify::Official).unwrap_err();
/// assert!(error.to_string().starts_with("/no/such/place/t10k-images-idx3-ubyte.gz: not there"));
/// ```
pub fn load(dir: &Path, split: Split, verify: Verify) -> Result<ImageDataset, LoadError> {
    load_set(Dataset::Mnist, dir, split, verify)
}

/// Loads a split of Fashion-MNIST from a directory: images `[1, 28, 28]` of 0 to 255, and the classes in the
/// publisher's order (T-shirt, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle boot).
///
/// The publisher gives checksums of the compressed files alone, so [`Verify::Official`] needs these.
///
/// # Errors
///
/// As [`load`].
///
/// ```
/// use resurge_data::{Split, Verify, mnist};
///
/// let error = mnist::load_fashion("/no/such/place".as_ref(), Split::Train, Verify::Official).unwrap_err();
/// assert!(error.to_string().starts_with("/no/such/place/train-images-idx3-ubyte.gz: not there"));
/// ```
pub fn load_fashion(dir: &Path, split: Split, verify: Verify) -> Result<ImageDataset, LoadError> {
    load_set(Dataset::FashionMnist, dir, split, verify)
}

fn load_set(dataset: Dataset, dir: &Path, split: Split, verify: Verify) -> Result<ImageDataset, LoadError> {
    let [images, labels] = match split {
        Split::Train => [0, 1],
        Split::Test => [2, 3],
    }
    .map(|at| &dataset.files()[at]);
    let images_path = find(dataset, dir, images)?;
    let idx::Images { count, rows, columns, pixels } = images_of(&images_path, images, verify)?;
    let labels_path = find(dataset, dir, labels)?;
    let labels = labels_of(&labels_path, labels, verify)?;
    if labels.len() != count {
        let fault = Fault::Labels { found: labels.len(), expected: count, images: images_path };
        return Err(FileError::new(labels_path, fault).into());
    }
    Ok(ImageDataset::new(pixels, &[1, rows, columns], labels, CLASSES)?)
}

pub(crate) fn images_of(
    path: &Path,
    official: &OfficialFile,
    verify: Verify,
) -> Result<idx::Images, FileError> {
    let images = verified(path, official, verify, idx::parse_images)?;
    for (found, offset, what) in
        [(images.rows, 8, "height of the images"), (images.columns, 12, "width of the images")]
    {
        if found != SIDE {
            let fault = Fault::Field { offset, what, found: found as u64, expected: SIDE.to_string() };
            return Err(FileError::new(path, fault));
        }
    }
    Ok(images)
}

pub(crate) fn labels_of(path: &Path, official: &OfficialFile, verify: Verify) -> Result<Vec<u8>, FileError> {
    verified(path, official, verify, |input| idx::parse_labels(input, CLASSES))
}

/// A file of the set, by the first of the names that a mirror may give it, in the first of the places.
pub(crate) fn find(dataset: Dataset, dir: &Path, official: &OfficialFile) -> Result<PathBuf, FileError> {
    let found = dataset.places(dir).find_map(|place| named(&place, official));
    found.ok_or_else(|| dataset.nowhere(dir, dir.join(official.name)))
}

/// A file in a directory, by the first of the names that a mirror may give it.
pub(crate) fn named(dir: &Path, official: &OfficialFile) -> Option<PathBuf> {
    let plain = official.uncompressed_name();
    let dotted = plain.replace("-idx", ".idx");
    let names = [official.name.to_owned(), plain.to_owned(), format!("{dotted}.gz"), dotted];
    let mut paths = names.iter().map(|name| dir.join(name));
    paths.find(|path| path.exists())
}

/// Whether a file is there and the official one by its checksum.
#[cfg(feature = "fetch")]
pub(crate) fn is_official(path: &Path, official: &OfficialFile) -> bool {
    let all = |input: &mut Input<Box<dyn std::io::Read>>| input.rest(idx::MAX_BYTES).map(drop);
    path.exists() && verified(path, official, Verify::Official, all).is_ok()
}

/// Parses a file first, since that says where it is wrong, and verifies it then.
fn verified<T>(
    path: &Path,
    official: &OfficialFile,
    verify: Verify,
    parse: impl FnOnce(&mut Input<Box<dyn std::io::Read>>) -> Result<T, FileError>,
) -> Result<T, FileError> {
    let mut input = Input::open(path)?;
    if verify == Verify::Official && official.content.is_some() {
        input = input.hashing();
    }
    let parsed = parse(&mut input)?;
    if verify == Verify::Official {
        match (official.content, input.checksum()) {
            (Some(expected), Some(actual)) => expected.check(actual, path)?,
            _ if input.is_compressed() => official.published.check_file(path)?,
            _ => return Err(FileError::new(path, Fault::NoChecksum { known: official.name })),
        }
    }
    Ok(parsed)
}
