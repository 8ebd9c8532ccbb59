//! The data sets by name, their official files, and where they are published.

use std::fmt;
use std::str::FromStr;

use crate::{Checksum, DataError};

/// A data set that can be loaded, checked and fetched.
///
/// ```
/// use resurge_data::Dataset;
///
/// assert_eq!("nmnist".parse::<Dataset>()?, Dataset::NMnist);
/// assert_eq!(Dataset::ALL.map(Dataset::name), ["mnist", "fashion-mnist", "nmnist", "cifar10"]);
/// # Ok::<(), resurge_data::DataError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dataset {
    /// Handwritten digits: [`mnist`](crate::mnist).
    Mnist,
    /// Articles of clothing: [`mnist`](crate::mnist).
    FashionMnist,
    /// The digits as events: [`nmnist`](crate::nmnist).
    NMnist,
    /// Colour photographs: [`cifar10`](crate::cifar10).
    Cifar10,
}

impl Dataset {
    /// All of them.
    ///
    /// ```
    /// use resurge_data::Dataset;
    ///
    /// assert!(Dataset::ALL.iter().all(|dataset| !dataset.files().is_empty()));
    /// ```
    pub const ALL: [Self; 4] = [Self::Mnist, Self::FashionMnist, Self::NMnist, Self::Cifar10];

    /// The name on the command line.
    ///
    /// ```
    /// assert_eq!(resurge_data::Dataset::FashionMnist.name(), "fashion-mnist");
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::Mnist => "mnist",
            Self::FashionMnist => "fashion-mnist",
            Self::NMnist => "nmnist",
            Self::Cifar10 => "cifar10",
        }
    }

    /// The official files, as they are published.
    ///
    /// ```
    /// use resurge_data::Dataset;
    ///
    /// let names: Vec<&str> = Dataset::Cifar10.files().iter().map(|file| file.name).collect();
    /// assert_eq!(names, ["cifar-10-binary.tar.gz"]);
    /// ```
    pub fn files(self) -> &'static [OfficialFile] {
        match self {
            Self::Mnist => &MNIST,
            Self::FashionMnist => &FASHION_MNIST,
            Self::NMnist => &NMNIST,
            Self::Cifar10 => &CIFAR10,
        }
    }
}

impl Dataset {
    /// Whether [`Verify::Official`] means a checksum in every form that this set is read in. Unpacked batches of CIFAR-10
    /// and recordings of N-MNIST have no official checksums; they are counted.
    ///
    /// ```
    /// use resurge_data::Dataset;
    ///
    /// assert!(Dataset::Mnist.always_has_checksums() && !Dataset::NMnist.always_has_checksums());
    /// ```
    pub fn always_has_checksums(self) -> bool {
        matches!(self, Self::Mnist | Self::FashionMnist)
    }
}

impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Dataset {
    type Err = DataError;

    fn from_str(name: &str) -> Result<Self, DataError> {
        let named = Self::ALL.into_iter().find(|dataset| dataset.name() == name);
        named.ok_or_else(|| DataError::UnknownDataset {
            name: name.to_owned(),
            names: Self::ALL.map(Self::name).join(", "),
        })
    }
}

/// The part of a data set that a network learns from, or the one that it is measured on.
///
/// ```
/// assert_ne!(resurge_data::Split::Train, resurge_data::Split::Test);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Split {
    /// To learn from.
    Train,
    /// To measure on.
    Test,
}

/// Whether a file must be the official one.
///
/// ```
/// assert_eq!(resurge_data::Verify::default(), resurge_data::Verify::Official);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Verify {
    /// Its checksum must be the official one; where the publisher gives none of the file itself, the number of
    /// images must be.
    #[default]
    Official,
    /// Any file of the right format will do: a subset, or other data.
    Format,
}

/// A file as its publisher gives it.
///
/// ```
/// let train = &resurge_data::Dataset::NMnist.files()[0];
/// assert_eq!(train.name, "Train.zip");
/// assert_eq!(train.published.to_string(), "md5 20959b8e626244a1b502305a9e6e2031");
/// assert!(train.urls[0].starts_with("https://"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfficialFile {
    /// Its name in a directory.
    pub name: &'static str,
    /// The checksum of the file as published, compressed.
    pub published: Checksum,
    /// The checksum of what it decompresses to, if known. It holds for a file that was compressed anew, too.
    pub content: Option<Checksum>,
    /// Where it is published, the first choice first.
    pub urls: &'static [&'static str],
}

impl OfficialFile {
    /// The name without the ending `.gz`.
    pub(crate) fn uncompressed_name(&self) -> &'static str {
        self.name.strip_suffix(".gz").unwrap_or(self.name)
    }
}

macro_rules! mirrored {
    ([$($base:literal),*], $name:literal, $md5:literal, $content:expr) => {
        OfficialFile {
            name: $name,
            published: Checksum::md5($md5),
            content: $content,
            urls: &[$(concat!($base, $name)),*],
        }
    };
}

// The MD5 sums are those that the loaders of torchvision check, of the files as first published. The SHA-256 are of
// what these decompress to; copies that were compressed anew are about.
macro_rules! mnist {
    ($name:literal, $md5:literal, $content:literal) => {
        mirrored!(
            [
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
                "https://storage.googleapis.com/cvdf-datasets/mnist/"
            ],
            $name,
            $md5,
            Some(Checksum::sha256($content))
        )
    };
}

static MNIST: [OfficialFile; 4] = [
    mnist!(
        "train-images-idx3-ubyte.gz",
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
    ),
    mnist!(
        "train-labels-idx1-ubyte.gz",
        "d53e105ee54ea40749a09fcbcd1e9432",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
    ),
    mnist!(
        "t10k-images-idx3-ubyte.gz",
        "9fb629c4189551a2d022fa330f9573f3",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
    ),
    mnist!(
        "t10k-labels-idx1-ubyte.gz",
        "ec29112dd5afa0611ce80d1b7f02629c",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
    ),
];

// The sums are those of the publisher's README (github.com/zalandoresearch/fashion-mnist); it gives none of the
// uncompressed files.
macro_rules! fashion {
    ($name:literal, $md5:literal) => {
        mirrored!(
            [
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
            ],
            $name,
            $md5,
            None
        )
    };
}

static FASHION_MNIST: [OfficialFile; 4] = [
    fashion!("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
    fashion!("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
    fashion!("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
    fashion!("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
];

// The sums are those that the loaders of tonic and SpikingJelly check.
static NMNIST: [OfficialFile; 2] = [
    OfficialFile {
        name: "Train.zip",
        published: Checksum::md5("20959b8e626244a1b502305a9e6e2031"),
        content: None,
        urls: &["https://data.mendeley.com/public-files/datasets/468j46mzdv/files/\
                 39c25547-014b-4137-a934-9d29fa53c7a0/file_downloaded"],
    },
    OfficialFile {
        name: "Test.zip",
        published: Checksum::md5("69ca8762b2fe404d9b9bad1103e97832"),
        content: None,
        urls: &["https://data.mendeley.com/public-files/datasets/468j46mzdv/files/\
                 05a4d654-7e03-4c15-bdfa-9bb2bcbea494/file_downloaded"],
    },
];

// The sum is that of the publisher's page.
static CIFAR10: [OfficialFile; 1] = [OfficialFile {
    name: "cifar-10-binary.tar.gz",
    published: Checksum::md5("c32a1d4ab5d03f1284b67883e8d87530"),
    content: None,
    urls: &["https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"],
}];
