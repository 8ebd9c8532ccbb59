//! What can be wrong with a data file, and what to do about it.

use crate::FileError;

/// The most characters of an offending field that an error repeats.
const EXCERPT_CHARS: usize = 24;

/// Why data could not be read or selected.
///
/// Lines and columns count from 1, as editors do.
///
/// ```
/// use resurge_data::{DataError, Digits};
///
/// let error = Digits::from_csv("1,2,3\n").unwrap_err();
/// assert!(matches!(error, DataError::Columns { line: 1, found: 3 }));
/// assert!(error.to_string().starts_with("line 1: 3 columns"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The gzip stream is damaged, cut short, followed by other bytes, or no gzip stream at all.
    #[error("not a whole gzip stream: the file is damaged, cut short or of another format; obtain it again")]
    Gzip {
        /// What the decompressor said.
        source: std::io::Error,
    },

    /// The stream decompresses to more than `limit` bytes.
    #[error(
        "the file decompresses to more than {limit} bytes, far more than a set of 8 x 8 digits needs; \
         if it is genuine, decompress it yourself and pass the text to `Digits::from_csv`"
    )]
    Oversized {
        /// The most decompressed bytes that are accepted.
        limit: usize,
    },

    /// The decompressed bytes are not text.
    #[error("line {line}: byte 0x{byte:02x} is not text; expected comma-separated digits in ASCII")]
    NotText {
        /// The line on which the first such byte stands.
        line: usize,
        /// That byte.
        byte: u8,
    },

    /// No sample was given, or chosen.
    #[error("there are no samples; give or choose at least one")]
    Empty,

    /// A file of digits without a line.
    #[error(
        "there are no images; a file of digits has one a line: 64 pixels and a label, separated by commas"
    )]
    NoDigits,

    /// A line does not have 65 columns. A blank line counts as 0.
    #[error("line {line}: {found} columns, expected 65 (64 pixels, then the label); remove or mend the line")]
    Columns {
        /// The line.
        line: usize,
        /// How many columns it has.
        found: usize,
    },

    /// A pixel is not a whole number from 0 to 16.
    #[error(
        "line {line}, column {column}: pixel {value:?} is not a whole number from 0 to 16; \
         rescale the images if their range differs"
    )]
    Pixel {
        /// The line.
        line: usize,
        /// The column, 1 to 64.
        column: usize,
        /// The field as it stands in the file, shortened when long.
        value: String,
    },

    /// A label is not a whole number from 0 to 9.
    #[error(
        "line {line}, column 65: label {value:?} is not a digit from 0 to 9; the label is the last column of a line"
    )]
    Label {
        /// The line.
        line: usize,
        /// The field as it stands in the file, shortened when long.
        value: String,
    },

    /// An image was asked for that the set does not hold.
    #[error("there is no image {index}: the set holds {len}, numbered from 0")]
    Index {
        /// The index asked for.
        index: usize,
        /// How many images there are.
        len: usize,
    },

    /// The bytes of a set are not as many as its shape asks for.
    #[error("{found} bytes of images, but the shape and the labels ask for {}", or_too_many(*expected))]
    Size {
        /// How many there must be; `None` for more than can be addressed.
        expected: Option<usize>,
        /// How many there are.
        found: usize,
    },

    /// A label that is no class.
    #[error("image {index} is of class {label}, but there are {classes} classes, counted from 0")]
    Class {
        /// The image.
        index: usize,
        /// Its label.
        label: u8,
        /// The number of classes.
        classes: usize,
    },

    /// A setting out of its range.
    #[error("{setting} is {value}, but must be {expected}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// The value given.
        value: u64,
        /// What it must be.
        expected: &'static str,
    },

    /// A name that no data set has.
    #[error("no data set is called {name:?}; choose one of {names}")]
    UnknownDataset {
        /// The name given.
        name: String,
        /// The names there are.
        names: String,
    },
}

/// Why a data set could not be loaded.
///
/// ```
/// use resurge_data::{LoadError, Split, Verify, cifar10};
///
/// let error = cifar10::load("/no/such/place".as_ref(), Split::Test, Verify::Official).unwrap_err();
/// assert!(matches!(error, LoadError::File(_)));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A file is missing, damaged or another than the official one.
    #[error(transparent)]
    File(#[from] FileError),
    /// A setting or an index is out of range.
    #[error(transparent)]
    Data(#[from] DataError),
}

fn or_too_many(size: Option<usize>) -> String {
    size.map_or_else(|| "more than can be addressed".into(), |size| size.to_string())
}

impl DataError {
    pub(crate) fn pixel(line: usize, column: usize, field: &str) -> Self {
        Self::Pixel { line, column, value: excerpt(field) }
    }

    pub(crate) fn label(line: usize, field: &str) -> Self {
        Self::Label { line, value: excerpt(field) }
    }
}

/// The field itself, or its beginning: a file without commas must not become a message of a megabyte.
fn excerpt(field: &str) -> String {
    match field.char_indices().nth(EXCERPT_CHARS) {
        None => field.to_owned(),
        Some((end, _)) => format!("{}...", &field[..end]),
    }
}
