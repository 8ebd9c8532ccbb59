//! Where the files of a set lie: in the directory that was named, or where the loaders of other libraries put them below it.

use std::path::{Path, PathBuf};

use crate::{Dataset, Fault, FileError};

impl Dataset {
    /// Folders below a directory in which the files are looked for, in this order: the directory itself, and where
    /// torchvision (`MNIST/raw`), tonic (`NMNIST`) and SpikingJelly (`extract`) put them.
    pub(crate) fn folders(self) -> &'static [&'static str] {
        match self {
            Self::Mnist => &["", "MNIST/raw", "raw", "mnist"],
            Self::FashionMnist => &["", "FashionMNIST/raw", "raw", "fashion-mnist"],
            Self::NMnist => &["", "N-MNIST", "NMNIST", "extract", "download"],
            Self::Cifar10 => &["", "cifar-10-batches-bin", "cifar10"],
        }
    }

    /// These folders of a directory.
    pub(crate) fn places(self, dir: &Path) -> impl Iterator<Item = PathBuf> {
        let folder = |name: &&str| if name.is_empty() { dir.to_owned() } else { dir.join(name) };
        self.folders().iter().map(folder).collect::<Vec<_>>().into_iter()
    }

    /// The fault of a file that is in none of them: where was looked, and what is there instead.
    pub(crate) fn nowhere(self, dir: &Path, path: PathBuf) -> FileError {
        let looked = self.folders().iter().skip(1).map(|name| format!("{name}/"));
        let looked = looked.collect::<Vec<_>>().join(", ");
        let fault = match self.instead(dir) {
            Some(instead) => Fault::Another { instead },
            None => {
                let remedy = "check the directory, or fetch the data set into it";
                Fault::Missing { remedy: format!("nor in {looked} of that directory; {remedy}") }
            }
        };
        FileError::new(path, fault)
    }

    /// Files of a related set, or of another version, and what to do.
    fn instead(self, dir: &Path) -> Option<String> {
        let there = |names: &[&'static str]| names.iter().find(|name| dir.join(name).exists()).copied();
        match self {
            Self::Mnist | Self::FashionMnist => {
                let mut folders = vec![dir.to_owned()];
                folders.extend(["EMNIST/raw", "raw", "gzip"].map(|name| dir.join(name)));
                let name = folders.iter().find_map(|folder| first_that_starts(folder, "emnist-"))?;
                Some(format!(
                    "{name} is of EMNIST, another set: its images are turned, and all but `emnist-digits` and \
                     `emnist-mnist` have more classes than ten; to use it as it is, give the files of one of these two \
                     the names of MNIST and read them without verification"
                ))
            }
            Self::Cifar10 => {
                if let Some(name) = there(&["cifar-10-batches-py", "cifar-10-python.tar.gz", "data_batch_1"])
                {
                    return Some(format!(
                        "{name} is the Python version (pickled batches), which is not read; fetch the binary version, \
                         {}, which holds the same images",
                        self.files()[0].name
                    ));
                }
                let name = there(&[
                    "cifar-100-python",
                    "cifar-100-python.tar.gz",
                    "cifar-100-binary",
                    "cifar-100-binary.tar.gz",
                ])?;
                Some(format!("{name} is CIFAR-100, another set, which is not read; fetch CIFAR-10 beside it"))
            }
            Self::NMnist => None,
        }
    }
}

/// The first name in a folder, by the alphabet, that starts with these letters.
fn first_that_starts(folder: &Path, start: &str) -> Option<String> {
    let entries = std::fs::read_dir(folder).ok()?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| name.starts_with(start)).min()
}
