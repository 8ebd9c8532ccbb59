//! The UCI optical digits: 8 x 8 images of handwritten digits, with their labels.
//!
//! Origin: E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning
//! Repository, 1998, DOI 10.24432/C50P49, CC BY 4.0. The bundled file is that repository's test set (13
//! writers, none of them in its training set) as packaged by scikit-learn. Each pixel counts the inked cells
//! of a 4 x 4 block of a 32 x 32 bitmap, hence the range 0 to 16.
//!
//! The format is one image a line: 64 pixels, row after row from the top left, then the label, separated by
//! commas. Lines end in LF or CRLF. UCI's own `optdigits.tra` and `optdigits.tes` have it too.

use std::io::Read;

use flate2::bufread::MultiGzDecoder;

use crate::DataError;

/// Pixels along each side of an image.
///
/// ```
/// use resurge_data::digits::{PIXELS, SIDE};
///
/// assert_eq!(SIDE * SIDE, PIXELS);
/// ```
pub const SIDE: usize = 8;

/// Pixels of an image.
///
/// ```
/// use resurge_data::{Digits, digits::PIXELS};
///
/// let digits = Digits::bundled()?;
/// assert_eq!(digits.images().len(), digits.len() * PIXELS);
/// # Ok::<(), resurge_data::DataError>(())
/// ```
pub const PIXELS: usize = SIDE * SIDE;

/// Number of classes: the digits 0 to 9.
///
/// ```
/// use resurge_data::{Digits, digits::CLASSES};
///
/// let mut histogram = [0; CLASSES];
/// for &label in Digits::bundled()?.labels() {
///     histogram[usize::from(label)] += 1;
/// }
/// assert_eq!(histogram.iter().sum::<usize>(), 1_797);
/// # Ok::<(), resurge_data::DataError>(())
/// ```
pub const CLASSES: usize = 10;

/// The largest value of a pixel; the smallest is 0.
///
/// ```
/// use resurge_data::{Digits, digits::MAX_PIXEL};
///
/// assert_eq!(Digits::bundled()?.images().iter().max(), Some(&MAX_PIXEL));
/// # Ok::<(), resurge_data::DataError>(())
/// ```
pub const MAX_PIXEL: u8 = 16;

/// The most bytes [`Digits::from_csv_gz`] decompresses: 1 MiB, four times the bundled set, and room for UCI's
/// training and test sets together.
///
/// ```
/// assert_eq!(resurge_data::digits::MAX_CSV_BYTES, 1 << 20);
/// ```
pub const MAX_CSV_BYTES: usize = 1 << 20;

/// scikit-learn's copy of the set, byte for byte; see `data/README.md`.
static BUNDLED: &[u8] = include_bytes!("../data/optdigits.csv.gz");

/// A set of handwritten digits, whose every pixel and label has been checked to be in range.
///
/// It holds at least one image.
///
/// ```
/// use resurge_data::{Digits, digits::SIDE};
///
/// let digits = Digits::bundled()?;
/// let image = digits.image(0).expect("the set is not empty");
/// for row in image.chunks(SIDE) {
///     let line: String = row.iter().map(|&pixel| if pixel < 8 { '.' } else { '#' }).collect();
///     println!("{line}");
/// }
/// # Ok::<(), resurge_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digits {
    images: Vec<u8>,
    labels: Vec<u8>,
}

impl Digits {
    /// The set that ships inside this crate: 1,797 images, in the order of the original file.
    ///
    /// It is decompressed and checked at each call (some milliseconds): keep the result.
    ///
    /// # Errors
    ///
    /// As [`Digits::from_csv_gz`]; only a corrupted build can reach them.
    ///
    /// ```
    /// let digits = resurge_data::Digits::bundled()?;
    /// assert_eq!(digits.len(), 1_797);
    /// # Ok::<(), resurge_data::DataError>(())
    /// ```
    pub fn bundled() -> Result<Self, DataError> {
        Self::from_csv_gz(BUNDLED)
    }

    /// Reads gzip-compressed CSV in the format of [this module](self).
    ///
    /// # Errors
    ///
    /// - [`DataError::Gzip`]: the stream is damaged, truncated, or followed by bytes that are not gzip.
    /// - [`DataError::Oversized`]: it decompresses to more than [`MAX_CSV_BYTES`]. Memory stays bounded.
    /// - [`DataError::NotText`]: the decompressed bytes are not UTF-8.
    /// - those of [`Digits::from_csv`].
    ///
    /// ```
    /// use resurge_data::{DataError, Digits};
    ///
    /// let error = Digits::from_csv_gz(b"not gzip").unwrap_err();
    /// assert!(matches!(error, DataError::Gzip { .. }));
    /// ```
    pub fn from_csv_gz(bytes: &[u8]) -> Result<Self, DataError> {
        // The multi-member reader goes on after the first member, so that trailing rubbish is an error here
        // and not silence. One byte above the limit is enough to know that the limit is passed.
        let mut csv = Vec::new();
        MultiGzDecoder::new(bytes)
            .take(MAX_CSV_BYTES as u64 + 1)
            .read_to_end(&mut csv)
            .map_err(|source| DataError::Gzip { source })?;
        if csv.len() > MAX_CSV_BYTES {
            return Err(DataError::Oversized { limit: MAX_CSV_BYTES });
        }
        match std::str::from_utf8(&csv) {
            Ok(text) => Self::from_csv(text),
            Err(error) => {
                let (before, after) = csv.split_at(error.valid_up_to());
                let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
                Err(DataError::NotText { line, byte: after[0] })
            }
        }
    }

    /// Reads CSV in the format of [this module](self). The last line may lack its line end.
    ///
    /// # Errors
    ///
    /// - [`DataError::NoDigits`]: there is no line.
    /// - [`DataError::Columns`]: a line does not have 65 columns; a blank line has none.
    /// - [`DataError::Pixel`]: one of the first 64 is not a whole number from 0 to [`MAX_PIXEL`].
    /// - [`DataError::Label`]: the last is not a whole number below [`CLASSES`].
    ///
    /// Fields are plain ASCII digits: blanks, signs, quotes and decimal points are refused.
    ///
    /// ```
    /// use resurge_data::Digits;
    ///
    /// let line = format!("{}7\n", "0,".repeat(64));
    /// let digits = Digits::from_csv(&line)?;
    /// assert_eq!(digits.label(0), Some(7));
    /// # Ok::<(), resurge_data::DataError>(())
    /// ```
    pub fn from_csv(text: &str) -> Result<Self, DataError> {
        let mut digits = Self { images: Vec::new(), labels: Vec::new() };
        for (row, text) in text.lines().enumerate() {
            digits.push_line(row + 1, text)?;
        }
        if digits.is_empty() { Err(DataError::NoDigits) } else { Ok(digits) }
    }

    fn push_line(&mut self, line: usize, text: &str) -> Result<(), DataError> {
        // Counting first lets a missing column be reported as such, not as a label where a pixel should be.
        let found = if text.is_empty() { 0 } else { text.split(',').count() };
        if found != PIXELS + 1 {
            return Err(DataError::Columns { line, found });
        }
        for (column, field) in text.split(',').enumerate() {
            if column < PIXELS {
                let pixel = whole_number(field).filter(|&pixel| pixel <= MAX_PIXEL);
                self.images.push(pixel.ok_or_else(|| DataError::pixel(line, column + 1, field))?);
            } else {
                let label = whole_number(field).filter(|&label| usize::from(label) < CLASSES);
                self.labels.push(label.ok_or_else(|| DataError::label(line, field))?);
            }
        }
        Ok(())
    }

    /// The number of images, at least 1.
    ///
    /// ```
    /// assert_eq!(resurge_data::Digits::bundled()?.len(), 1_797);
    /// # Ok::<(), resurge_data::DataError>(())
    /// ```
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether the set holds no image; the readers refuse such a set, so this is `false`.
    ///
    /// ```
    /// assert!(!resurge_data::Digits::bundled()?.is_empty());
    /// # Ok::<(), resurge_data::DataError>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// All pixels, shape `[len, 64]`, each from 0 (blank) to [`MAX_PIXEL`] (full ink).
    ///
    /// ```
    /// let digits = resurge_data::Digits::bundled()?;
    /// assert_eq!(digits.images().len(), 1_797 * 64);
    /// # Ok::<(), resurge_data::DataError>(())
    /// ```
    pub fn images(&self) -> &[u8] {
        &self.images
    }

    /// The 64 pixels of image `index`, row after row from the top left; `None` if there is no such image.
    ///
    /// ```
    /// let digits = resurge_data::Digits::bundled()?;
    /// let image = digits.image(0).expect("the set has 1,797 images");
    /// assert_eq!(image[..8], [0, 0, 5, 13, 9, 1, 0, 0]);
    /// assert_eq!(digits.image(1_797), None);
    /// # Ok::<(), resurge_data::DataError>(())
    /// ```
    pub fn image(&self, index: usize) -> Option<&[u8]> {
        self.images.chunks_exact(PIXELS).nth(index)
    }

    /// All labels, shape `[len]`, each from 0 to 9.
    ///
    /// ```
    /// let digits = resurge_data::Digits::bundled()?;
    /// assert_eq!(digits.labels()[..5], [0, 1, 2, 3, 4]);
    /// # Ok::<(), resurge_data::DataError>(())
    /// ```
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The digit that image `index` shows; `None` if there is no such image.
    ///
    /// ```
    /// let digits = resurge_data::Digits::bundled()?;
    /// assert_eq!(digits.label(1_796), Some(8));
    /// assert_eq!(digits.label(1_797), None);
    /// # Ok::<(), resurge_data::DataError>(())
    /// ```
    pub fn label(&self, index: usize) -> Option<u8> {
        self.labels.get(index).copied()
    }

    /// The chosen images as intensities `pixel / 16`, from 0 to 1: shape `[indices.len(), 64]`, in the order
    /// given. An index may come twice. The division is exact in binary floating point.
    ///
    /// # Errors
    ///
    /// [`DataError::Index`] for the first index that is not below [`Digits::len`].
    ///
    /// ```
    /// use resurge_data::{DataError, Digits};
    ///
    /// let digits = Digits::bundled()?;
    /// let batch = digits.intensities(&[0, 7])?;
    /// assert_eq!(batch.len(), 2 * 64);
    /// assert_eq!(batch[3], 13.0 / 16.0);
    ///
    /// let error = digits.intensities(&[5_000]).unwrap_err();
    /// assert!(matches!(error, DataError::Index { index: 5_000, len: 1_797 }));
    /// # Ok::<(), DataError>(())
    /// ```
    pub fn intensities(&self, indices: &[usize]) -> Result<Vec<f64>, DataError> {
        let mut batch = Vec::with_capacity(indices.len() * PIXELS);
        for &index in indices {
            let image = self.image(index).ok_or(DataError::Index { index, len: self.len() })?;
            batch.extend(image.iter().map(|&pixel| f64::from(pixel) / f64::from(MAX_PIXEL)));
        }
        Ok(batch)
    }
}

/// A number written in ASCII digits alone: `u8::from_str` would also take a plus sign.
fn whole_number(field: &str) -> Option<u8> {
    if field.bytes().all(|byte| byte.is_ascii_digit()) { field.parse().ok() } else { None }
}
