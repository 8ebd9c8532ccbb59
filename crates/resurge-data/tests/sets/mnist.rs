//! MNIST and Fashion-MNIST from directories of small files.

use crate::make::{self, file_error, file_name};
use resurge_data::mnist::{load, load_fashion};
use resurge_data::{Fault, LoadError, Split, Verify};
use std::path::Path;

fn train(dir: &Path) -> Result<resurge_data::ImageDataset, LoadError> {
    load(dir, Split::Train, Verify::Format)
}

#[test]
fn every_name_that_mirrors_use_is_found() {
    let (images, labels) = (make::images(3), make::labels(&[7, 0, 9]));
    for (images_name, labels_name) in [
        ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
        ("train-images.idx3-ubyte.gz", "train-labels.idx1-ubyte"),
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte.gz"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let zipped = |name: &str, bytes: &[u8]| {
            if name.ends_with(".gz") { make::gzip(bytes) } else { bytes.to_vec() }
        };
        make::write(
            dir.path(),
            &[
                (images_name, &zipped(images_name, &images)[..]),
                (labels_name, &zipped(labels_name, &labels)[..]),
            ],
        );
        let set = train(dir.path()).unwrap();
        assert_eq!((set.shape(), set.labels(), set.classes()), (&[1, 28, 28][..], &[7, 0, 9][..], 10));
        assert_eq!(set.image(2).unwrap(), [2; 784]);
        let error = file_error(load(dir.path(), Split::Test, Verify::Format));
        assert_eq!(file_name(&error), "t10k-images-idx3-ubyte.gz");
        assert!(matches!(error.fault(), Fault::Missing { .. }));
    }
}

#[test]
fn files_that_do_not_fit_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let small = make::idx(&[1, 28, 27], &[0; 28 * 27]);
    for (images, labels, file, expected) in [
        (&make::images(2), make::labels(&[1]), "train-labels-idx1-ubyte", "1 labels found, but "),
        (&make::images(1), make::labels(&[10]), "train-labels-idx1-ubyte", "byte 8: label is 10"),
        (
            &small,
            make::labels(&[1]),
            "train-images-idx3-ubyte",
            "byte 12: width of the images is 27, expected 28",
        ),
    ] {
        let files = [("train-images-idx3-ubyte", &images[..]), ("train-labels-idx1-ubyte", &labels)];
        make::write(dir.path(), &files);
        let error = file_error(train(dir.path()));
        assert_eq!(file_name(&error), file);
        assert!(error.fault().to_string().starts_with(expected), "{error}");
    }
}

#[test]
fn another_file_than_the_official_one_is_refused_unless_it_is_wanted() {
    let (images, labels) = (make::images(1), make::labels(&[1]));
    let dir = tempfile::tempdir().unwrap();
    make::write(dir.path(), &[("t10k-images-idx3-ubyte", &images), ("t10k-labels-idx1-ubyte", &labels)]);
    let wrong = file_error(load(dir.path(), Split::Test, Verify::Official));
    assert_eq!(file_name(&wrong), "t10k-images-idx3-ubyte");
    let Fault::Checksum { expected, .. } = wrong.fault() else { panic!("{wrong}") };
    assert!(expected.to_string().starts_with("sha256 0fa7898d509279e4"), "{expected}");
    // Fashion-MNIST has published checksums of the compressed files alone.
    let unknown = file_error(load_fashion(dir.path(), Split::Test, Verify::Official));
    assert!(matches!(unknown.fault(), Fault::NoChecksum { known: "t10k-images-idx3-ubyte.gz" }));
    for load in [load, load_fashion] {
        assert_eq!(load(dir.path(), Split::Test, Verify::Format).unwrap().len(), 1);
    }

    let dir = tempfile::tempdir().unwrap();
    make::write(dir.path(), &[("t10k-images-idx3-ubyte.gz", &make::gzip(&images))]);
    let wrong = file_error(load_fashion(dir.path(), Split::Test, Verify::Official));
    let Fault::Checksum { expected, .. } = wrong.fault() else { panic!("{wrong}") };
    assert_eq!(expected.to_string(), "md5 bef4ecab320f06d8554ea6380940ec79");
}
