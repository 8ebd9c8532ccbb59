//! Small files of each format.

use flate2::Compression;
use flate2::write::GzEncoder;
use resurge_data::{FileError, LoadError};
use std::fmt::Debug;
use std::io::{Cursor, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An IDX file of unsigned bytes.
pub(crate) fn idx(dimensions: &[u32], data: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, dimensions.len() as u8];
    dimensions.iter().for_each(|size| file.extend(size.to_be_bytes()));
    file.extend(data);
    file
}

/// `n` images of 28 x 28, image `i` all of `i`.
pub(crate) fn images(n: u32) -> Vec<u8> {
    let pixels: Vec<u8> = (0..n).flat_map(|i| [i as u8; 28 * 28]).collect();
    idx(&[n, 28, 28], &pixels)
}

pub(crate) fn labels(labels: &[u8]) -> Vec<u8> {
    idx(&[labels.len() as u32], labels)
}

/// CIFAR-10 records: the pixels of each are its label, plus 10, 20 and 30 for the colours.
pub(crate) fn records(labels: &[u8]) -> Vec<u8> {
    let record = |&label: &u8| {
        let colours = [10, 20, 30].into_iter().flat_map(move |colour| [label + colour; 1024]);
        std::iter::once(label).chain(colours)
    };
    labels.iter().flat_map(record).collect()
}

/// An event of N-MNIST.
pub(crate) fn event(x: u8, y: u8, on: bool, microseconds: u32) -> [u8; 5] {
    let [_, high, middle, low] = microseconds.to_be_bytes();
    [x, y, high | u8::from(on) << 7, middle, low]
}

pub(crate) fn tar_gz(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, *bytes).unwrap();
    }
    gzip(&builder.into_inner().unwrap())
}

pub(crate) fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (path, bytes) in members {
        writer.start_file(*path, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Writes files under a directory, with the folders that they need.
pub(crate) fn write(dir: &Path, files: &[(&str, &[u8])]) {
    for (name, bytes) in files {
        let path = dir.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// The error of a file, in whose message its path stands first.
pub(crate) fn file_error<T: Debug>(result: Result<T, LoadError>) -> FileError {
    let Err(LoadError::File(error)) = result else { panic!("{result:?}") };
    assert!(error.to_string().starts_with(&error.path().display().to_string()), "{error}");
    error
}

pub(crate) fn file_name(error: &FileError) -> &str {
    error.path().file_name().unwrap().to_str().unwrap()
}
