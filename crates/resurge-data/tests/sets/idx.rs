//! IDX files: round trips, and what is wrong with damaged ones.

use crate::make;
use proptest::prelude::*;
use resurge_data::idx::{self, Images, MAX_BYTES};
use resurge_data::{Fault, FileError};
use std::io::{self, Read};

fn images_error(bytes: &[u8]) -> String {
    idx::images_from("f", bytes).unwrap_err().to_string()
}

#[test]
fn what_is_wrong_is_named_with_its_offset() {
    let good = make::idx(&[2, 1, 3], &[1, 2, 3, 4, 5, 6]);
    let with = |at: usize, byte: u8| {
        let mut file = good.clone();
        file[at] = byte;
        file
    };
    for (file, expected) in [
        (good[..3].to_vec(), "f: ends at byte 3, 1 byte before the end of the magic number"),
        (good[..10].to_vec(), "f: ends at byte 10, 2 bytes before the end of the dimensions"),
        (good[..17].to_vec(), "f: ends at byte 17, 5 bytes before the end of the images"),
        ([&good[..], &[0]].concat(), "f: goes on at byte 22, after the end of the images"),
        (with(0, 1), "f: byte 0: first byte of the magic number is 1, expected 0"),
        (with(1, 7), "f: byte 1: second byte of the magic number is 7, expected 0"),
        (with(2, 13), "f: byte 2: element type is 13, expected 8 (unsigned bytes)"),
        (with(3, 1), "f: byte 3: number of dimensions is 1, expected 3 (images)"),
        (with(7, 0), "f: byte 4: dimension is 0, expected at least 1"),
        (with(11, 0), "f: byte 8: dimension is 0, expected at least 1"),
        (with(15, 0), "f: byte 12: dimension is 0, expected at least 1"),
        (with(7, 1), "f: goes on at byte 19, after the end of the images"),
        (with(7, 3), "f: ends at byte 22, 3 bytes before the end of the images"),
        (b"GIF".to_vec(), "f: ends at byte 3, 1 byte before the end of the magic number"),
        (b"GIF89a".to_vec(), "f: byte 0: first byte of the magic number is 71, expected 0"),
    ] {
        let found = images_error(&file);
        assert!(found.starts_with(expected), "expected {expected:?}, found {found:?}");
    }
    let labels = |file: &[u8]| idx::labels_from("f", file, 10).unwrap_err().to_string();
    assert_eq!(
        labels(&make::labels(&[9, 3, 10])),
        "f: byte 10: label is 10, expected 0 to 9 (a set of more classes, as most parts of EMNIST are, is another one); \
         obtain it again"
    );
    assert_eq!(labels(&good), "f: byte 3: number of dimensions is 3, expected 1 (labels); obtain it again");
}

/// Gives its bytes, and counts how large the buffers are that it is asked to fill.
struct Greedy<'a>(&'a [u8], usize);

impl Read for Greedy<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 = self.1.max(buffer.len());
        self.0.read(buffer)
    }
}

#[test]
fn a_header_that_lies_takes_no_memory() {
    // 1 GiB claimed, 3 bytes there.
    let mut reader = Greedy(&make::idx(&[1, 1 << 15, 1 << 15], &[1, 2, 3]), 0);
    let error = idx::images_from("f", &mut reader).unwrap_err();
    assert!(
        matches!(error.fault(), Fault::Truncated { offset: 19, missing, .. } if *missing == MAX_BYTES - 3)
    );
    assert!(reader.1 < 1 << 20, "asked for {} bytes at once", reader.1);
    // More than is ever read is refused before reading, products beyond 64 bits too.
    for dimensions in [[2, 1 << 15, 1 << 15], [u32::MAX; 3]] {
        let error = idx::images_from("f", &make::idx(&dimensions, &[])[..]).unwrap_err();
        assert!(matches!(error.fault(), Fault::TooLarge { limit: MAX_BYTES, .. }), "{error}");
    }
}

#[test]
fn compression_is_told_by_content_and_damage_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let file = make::idx(&[1, 2, 2], &[1, 2, 3, 4]);
    let zipped = make::gzip(&file);
    let read = |name: &str, bytes: &[u8]| {
        make::write(dir.path(), &[(name, bytes)]);
        idx::read_images(&dir.path().join(name))
    };
    let expected = Images { count: 1, rows: 2, columns: 2, pixels: vec![1, 2, 3, 4] };
    for (name, bytes) in [("plain", &file), ("plain.gz", &file), ("zipped.gz", &zipped), ("zipped", &zipped)]
    {
        assert_eq!(read(name, bytes).unwrap(), expected, "{name}");
    }
    for cut in 2..zipped.len() {
        let error = read("cut", &zipped[..cut]).unwrap_err();
        assert!(matches!(error.fault(), Fault::Compression { .. }), "cut at {cut}: {error}");
        assert_eq!(error.path(), dir.path().join("cut"));
    }
    let more = [&zipped[..], b"rubbish"].concat();
    assert!(matches!(read("more", &more).unwrap_err().fault(), Fault::Compression { offset: 20, .. }));
}

proptest! {
    #[test]
    fn what_was_written_is_read(count in 1u32..5, rows in 1u32..6, columns in 1u32..6, seed: u8) {
        let size = count * rows * columns;
        let pixels: Vec<u8> = (0..size).map(|i| (i as u8).wrapping_mul(31).wrapping_add(seed)).collect();
        let file = make::idx(&[count, rows, columns], &pixels);
        let images = idx::images_from("f", &file[..]).unwrap();
        prop_assert_eq!((images.count as u32, images.rows as u32, images.columns as u32), (count, rows, columns));
        prop_assert_eq!(images.pixels, pixels);
        for cut in 0..file.len() {
            let error: FileError = idx::images_from("f", &file[..cut]).unwrap_err();
            let truncated = matches!(error.fault(), Fault::Truncated { offset, .. } if *offset == cut as u64);
            prop_assert!(truncated, "cut at {}: {}", cut, error);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..64), dimensions in 0u8..5) {
        let _ = idx::images_from("f", &bytes[..]);
        // And behind a magic number that is right.
        bytes.splice(0..0, [0, 0, 8, dimensions]);
        let _ = (idx::images_from("f", &bytes[..]), idx::labels_from("f", &bytes[..], 10));
    }
}
