//! IDX files, the format of MNIST: images and labels of unsigned bytes.
//!
//! A file starts with the four bytes `0, 0, 8, n`: two zeros, the code of unsigned bytes, and the number of
//! dimensions, 3 for images and 1 for labels. The `n` dimensions follow, big-endian numbers of 32 bits, then the
//! data, the last dimension the fastest. A file may be compressed by gzip; its first bytes tell, not its name.
//!
//! Files are not trusted: whatever the header claims, no more memory is taken than the file has data for.

use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use crate::input::Input;
use crate::{Fault, FileError};

/// The most bytes of data in one file: 1 GiB, twenty times the images of MNIST.
///
/// ```
/// assert_eq!(resurge_data::idx::MAX_BYTES, 1 << 30);
/// ```
pub const MAX_BYTES: u64 = 1 << 30;

/// The code of unsigned bytes.
const UNSIGNED_BYTES: u8 = 8;

/// The images of an IDX file.
///
/// ```
/// use resurge_data::idx;
///
/// let file = [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 7, 9];
/// let images = idx::images_from("two pixels", &file[..])?;
/// assert_eq!((images.count, images.rows, images.columns), (1, 1, 2));
/// assert_eq!(images.pixels, [7, 9]);
/// # Ok::<(), resurge_data::FileError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    /// How many there are, at least 1.
    pub count: usize,
    /// The height of each, at least 1.
    pub rows: usize,
    /// The width of each, at least 1.
    pub columns: usize,
    /// The pixels, shape `[count, rows, columns]`, 0 to 255.
    pub pixels: Vec<u8>,
}

/// Reads a file of images, compressed or not.
///
/// # Errors
///
/// A [`FileError`] that names the file and the offset: a file that is missing, damaged, truncated, longer than its
/// header says, of another kind, or of more than [`MAX_BYTES`].
///
/// ```
/// let error = resurge_data::idx::read_images("/no/such/file".as_ref()).unwrap_err();
/// assert!(error.to_string().starts_with("/no/such/file: not there"));
/// ```
pub fn read_images(path: &Path) -> Result<Images, FileError> {
    parse_images(&mut Input::open(path)?)
}

/// Reads images from the bytes of a file, compressed or not; `name` is for errors.
///
/// # Errors
///
/// As [`read_images`].
///
/// ```
/// let error = resurge_data::idx::images_from("nothing", &[][..]).unwrap_err();
/// assert!(error.to_string().starts_with("nothing: ends at byte 0, 4 bytes before the end of the magic number"));
/// ```
pub fn images_from(name: impl Into<PathBuf>, bytes: impl Read) -> Result<Images, FileError> {
    parse_images(&mut Input::detect(name, BufReader::new(bytes))?)
}

/// Reads a file of labels, compressed or not, each below `classes`.
///
/// # Errors
///
/// As [`read_images`], and for a label that is no class.
///
/// ```
/// let error = resurge_data::idx::read_labels("/no/such/file".as_ref(), 10).unwrap_err();
/// assert!(error.to_string().starts_with("/no/such/file: not there"));
/// ```
pub fn read_labels(path: &Path, classes: usize) -> Result<Vec<u8>, FileError> {
    parse_labels(&mut Input::open(path)?, classes)
}

/// Reads labels from the bytes of a file, compressed or not; `name` is for errors.
///
/// # Errors
///
/// As [`read_labels`].
///
/// ```
/// let labels = resurge_data::idx::labels_from("labels", &[0, 0, 8, 1, 0, 0, 0, 2, 7, 3][..], 10)?;
/// assert_eq!(labels, [7, 3]);
/// # Ok::<(), resurge_data::FileError>(())
/// ```
pub fn labels_from(name: impl Into<PathBuf>, bytes: impl Read, classes: usize) -> Result<Vec<u8>, FileError> {
    parse_labels(&mut Input::detect(name, BufReader::new(bytes))?, classes)
}

pub(crate) fn parse_images<R: Read>(input: &mut Input<R>) -> Result<Images, FileError> {
    let ([count, rows, columns], pixels) = parse(input, "3 (images)", "the images")?;
    Ok(Images { count, rows, columns, pixels })
}

pub(crate) fn parse_labels<R: Read>(input: &mut Input<R>, classes: usize) -> Result<Vec<u8>, FileError> {
    let ([_], labels) = parse(input, "1 (labels)", "the labels")?;
    match labels.iter().position(|&label| usize::from(label) >= classes) {
        None => Ok(labels),
        Some(at) => {
            let (offset, found) = (8 + at as u64, u64::from(labels[at]));
            let expected = format!(
                "0 to {} (a set of more classes, as most parts of EMNIST are, is another one)",
                classes.saturating_sub(1)
            );
            Err(input.field(offset, "label", found, expected))
        }
    }
}

/// The dimensions, each at least 1, and the data.
fn parse<R: Read, const N: usize>(
    input: &mut Input<R>,
    kind: &str,
    what: &'static str,
) -> Result<([usize; N], Vec<u8>), FileError> {
    let magic = input.bytes(4, "the magic number")?;
    let expected = [
        ("first byte of the magic number", 0, "0"),
        ("second byte of the magic number", 0, "0"),
        ("element type", UNSIGNED_BYTES, "8 (unsigned bytes)"),
        ("number of dimensions", N as u8, kind),
    ];
    for (at, (&found, (what, value, expected))) in magic.iter().zip(expected).enumerate() {
        if found != value {
            return Err(input.field(at as u64, what, found.into(), expected.into()));
        }
    }
    let (mut dimensions, mut bytes) = ([0; N], 1_u64);
    for dimension in &mut dimensions {
        let offset = input.offset();
        let size = input.number("the dimensions")?;
        if size == 0 {
            return Err(input.field(offset, "dimension", 0, "at least 1".into()));
        }
        bytes = bytes.saturating_mul(size.into());
        // A product beyond the limit is refused below, so no dimension that does not fit is used.
        *dimension = usize::try_from(size).unwrap_or(usize::MAX);
    }
    if bytes > MAX_BYTES {
        return Err(input.fault(Fault::TooLarge { bytes, limit: MAX_BYTES }));
    }
    let data = input.bytes(bytes, what)?;
    input.end(what)?;
    Ok((dimensions, data))
}
