//! CIFAR-10 from archives and directories.

use crate::make::{self, file_error, file_name};
use proptest::prelude::*;
use resurge_data::cifar10::{RECORD, batch_from, load};
use resurge_data::{Fault, Split, Verify};

#[test]
fn the_channels_are_red_green_blue() {
    let dir = tempfile::tempdir().unwrap();
    make::write(dir.path(), &[("test_batch.bin", &make::records(&[9, 4]))]);
    let set = load(dir.path(), Split::Test, Verify::Format).unwrap();
    assert_eq!((set.shape(), set.labels(), set.classes()), (&[3, 32, 32][..], &[9, 4][..], 10));
    let pixels = set.image(1).unwrap();
    assert_eq!((pixels[0], pixels[1023], pixels[1024], pixels[3071]), (14, 14, 24, 34));
}

#[test]
fn every_place_is_found_and_batches_are_in_their_order() {
    let (one, two, ten) = (make::records(&[1]), make::records(&[2, 2]), make::records(&[9]));
    // The archive's order is not that of the numbers, and it has other members.
    let archive = make::tar_gz(&[
        ("cifar-10-batches-bin/readme.html", b"<html>"),
        ("cifar-10-batches-bin/data_batch_2.bin", &two),
        ("cifar-10-batches-bin/test_batch.bin", &ten),
        ("cifar-10-batches-bin/data_batch_1.bin", &one),
    ]);
    let [flat, nested, official, named] = [(); 4].map(|()| tempfile::tempdir().unwrap());
    let batches = [("data_batch_2.bin", &two), ("data_batch_1.bin", &one), ("test_batch.bin", &ten)];
    for (name, bytes) in batches {
        make::write(flat.path(), &[(name, bytes)]);
        make::write(nested.path(), &[(&format!("cifar-10-batches-bin/{name}"), bytes)]);
    }
    make::write(official.path(), &[("cifar-10-binary.tar.gz", &archive)]);
    make::write(named.path(), &[("subset.tar.gz", &archive)]);
    let archive = named.path().join("subset.tar.gz");
    for place in [flat.path(), nested.path(), official.path(), &archive] {
        let train = load(place, Split::Train, Verify::Format).unwrap();
        assert_eq!(train.labels(), [1, 2, 2], "{}", place.display());
        assert_eq!(load(place, Split::Test, Verify::Format).unwrap().labels(), [9]);
    }

    let error = file_error(load(official.path(), Split::Train, Verify::Official));
    let Fault::Checksum { expected, .. } = error.fault() else { panic!("{error}") };
    assert_eq!(expected.to_string(), "md5 c32a1d4ab5d03f1284b67883e8d87530");
    let error = file_error(load(flat.path(), Split::Train, Verify::Official));
    assert_eq!(file_name(&error), "data_batch_1.bin");
    assert!(matches!(error.fault(), Fault::Count { found: 1, expected: 10_000, .. }), "{error}");
}

#[test]
fn what_is_missing_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let error = file_error(load(dir.path(), Split::Train, Verify::Format));
    assert_eq!(file_name(&error), "cifar-10-binary.tar.gz");
    make::write(dir.path(), &[("some.tar.gz", &make::tar_gz(&[("x", b"y")])), ("d/test_batch.bin", b"")]);
    for place in ["some.tar.gz", "d"] {
        let error = file_error(load(&dir.path().join(place), Split::Train, Verify::Format));
        assert_eq!(file_name(&error), place);
        assert!(error.to_string().contains("none of data_batch_1.bin, "), "{error}");
    }
}

#[test]
fn damage_is_named_with_its_offset() {
    let mut records = make::records(&[1, 2]);
    for (length, start) in [
        (0, "f: ends at byte 0, 3073 bytes before the end of a record"),
        (RECORD - 1, "f: ends at byte 3072, 1 byte before the end of a record"),
        (RECORD + 1, "f: ends at byte 3074, 3072 bytes before the end of a record"),
    ] {
        let error = batch_from("f", &records[..length]).unwrap_err().to_string();
        assert!(error.starts_with(start), "{error}");
    }
    records[RECORD] = 200;
    let error = batch_from("f", &records[..]).unwrap_err();
    assert_eq!(error.to_string(), "f: byte 3073: label is 200, expected 0 to 9; obtain it again");

    let archive = make::tar_gz(&[("a/data_batch_3.bin", &records)]);
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("x.tar.gz");
    std::fs::write(&place, &archive).unwrap();
    let error = file_error(load(&place, Split::Train, Verify::Format));
    assert_eq!(error.path(), place.join("a/data_batch_3.bin"));
    assert!(matches!(error.fault(), Fault::Field { offset: 3073, .. }));
}

#[test]
fn an_archive_cut_short_anywhere_is_an_error() {
    let archive = make::tar_gz(&[("a/test_batch.bin", &make::records(&[3])), ("a/z", b"behind it")]);
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("x.tar.gz");
    for cut in 0..archive.len() {
        std::fs::write(&place, &archive[..cut]).unwrap();
        let error = file_error(load(&place, Split::Test, Verify::Format));
        assert!(matches!(error.fault(), Fault::Compression { .. }), "cut at {cut}: {error}");
    }
    std::fs::write(&place, &archive).unwrap();
    assert_eq!(load(&place, Split::Test, Verify::Format).unwrap().labels(), [3]);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(batch_from("f", &bytes[..]).is_err());
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("x.tar.gz");
        for bytes in [make::gzip(&bytes), bytes] {
            std::fs::write(&place, &bytes).unwrap();
            prop_assert!(load(&place, Split::Test, Verify::Format).is_err());
        }
    }

    #[test]
    fn what_was_written_is_read(labels in proptest::collection::vec(0u8..10, 1..5)) {
        let records = make::records(&labels);
        let (pixels, found) = batch_from("f", &records[..]).unwrap();
        prop_assert_eq!(&found, &labels);
        let again: Vec<u8> = found.iter().zip(pixels.chunks(RECORD - 1)).flat_map(|(l, p)| [&[*l][..], p].concat()).collect();
        prop_assert_eq!(again, records);
    }
}
