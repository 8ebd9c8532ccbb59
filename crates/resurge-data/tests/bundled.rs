//! The bundled set is the one that its README names: whole, unchanged and read correctly.
//!
//! The checksums were computed with Python's `gzip` and `zlib`, not with this crate.

use flate2::Crc;
use resurge_data::Digits;
use resurge_data::digits::{CLASSES, MAX_PIXEL, PIXELS};

fn bundled() -> Digits {
    Digits::bundled().expect("the bundled set is valid")
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[test]
fn holds_1797_images() {
    let digits = bundled();
    assert_eq!(digits.len(), 1_797);
    assert!(!digits.is_empty());
    assert_eq!(digits.images().len(), 1_797 * PIXELS);
    assert_eq!(digits.labels().len(), 1_797);
}

#[test]
fn the_file_is_byte_identical_to_the_origin() {
    assert_eq!(crc32(include_bytes!("../data/optdigits.csv.gz")), 0xc1ae_8ff8);
}

#[test]
fn pixels_and_labels_match_an_independent_reading() {
    let digits = bundled();
    assert_eq!(crc32(digits.images()), 0xf3a2_533c);
    assert_eq!(crc32(digits.labels()), 0xf86f_c929);
    assert_eq!(digits.images().iter().map(|&pixel| u32::from(pixel)).sum::<u32>(), 561_718);
}

#[test]
fn first_and_last_image_are_the_known_ones() {
    #[rustfmt::skip]
    let first = [
        0, 0, 5, 13, 9, 1, 0, 0,
        0, 0, 13, 15, 10, 15, 5, 0,
        0, 3, 15, 2, 0, 11, 8, 0,
        0, 4, 12, 0, 0, 8, 8, 0,
        0, 5, 8, 0, 0, 9, 8, 0,
        0, 4, 11, 0, 1, 12, 7, 0,
        0, 2, 14, 5, 10, 12, 0, 0,
        0, 0, 6, 13, 10, 0, 0, 0,
    ];
    let digits = bundled();
    assert_eq!(digits.image(0), Some(&first[..]));
    assert_eq!(digits.label(0), Some(0));
    assert_eq!(digits.image(1_796).map(|image| image[56..].to_vec()), Some(vec![0, 1, 8, 12, 14, 12, 1, 0]));
    assert_eq!(digits.label(1_796), Some(8));
    assert_eq!(digits.image(1_797), None);
    assert_eq!(digits.label(1_797), None);
    assert_eq!(digits.image(usize::MAX), None);
}

#[test]
fn classes_are_nearly_balanced() {
    let digits = bundled();
    let mut images = [0; CLASSES];
    let mut ink = [0_u32; CLASSES];
    for index in 0..digits.len() {
        let class = usize::from(digits.label(index).expect("in range"));
        images[class] += 1;
        ink[class] +=
            digits.image(index).expect("in range").iter().map(|&pixel| u32::from(pixel)).sum::<u32>();
    }
    assert_eq!(images, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    // Images and labels stay paired: the ink of each class, not of the whole set alone.
    assert_eq!(ink, [56_415, 57_007, 55_566, 56_151, 56_239, 55_915, 56_336, 54_289, 57_408, 56_392]);
}

#[test]
fn intensities_are_sixteenths_in_the_order_asked() {
    let digits = bundled();
    let indices = [1_796, 0, 0];
    let batch = digits.intensities(&indices).expect("in range");
    assert_eq!(batch.len(), indices.len() * PIXELS);
    for (&index, image) in indices.iter().zip(batch.chunks_exact(PIXELS)) {
        let pixels = digits.image(index).expect("in range");
        for (&pixel, &intensity) in pixels.iter().zip(image) {
            assert!((0.0..=1.0).contains(&intensity));
            assert_eq!((intensity * f64::from(MAX_PIXEL)).to_bits(), f64::from(pixel).to_bits());
        }
    }
    assert!(digits.intensities(&[]).expect("nothing asked, nothing wrong").is_empty());
}
