//! The readers of data sets.

use resurge::data::nmnist::{Binning, Recording, SIDE, Spikes};
use resurge::data::{cifar10 as cifar, idx as format};

/// Images, and labels of as many classes as the last byte says: what is read must be what is there.
pub fn idx(bytes: &[u8]) {
    let compressed = bytes.starts_with(&[0x1f, 0x8b]);
    match format::images_from("fuzz", bytes) {
        Ok(images) => {
            let format::Images { count, rows, columns, pixels } = images;
            assert!(count > 0 && rows > 0 && columns > 0);
            assert_eq!(pixels.len(), count * rows * columns);
            assert!(compressed || bytes[16..] == pixels);
        }
        Err(error) => assert!(error.to_string().starts_with("fuzz: ")),
    }
    let classes = usize::from(bytes.last().copied().unwrap_or(0));
    match format::labels_from("fuzz", bytes, classes) {
        Ok(labels) => {
            assert!(!labels.is_empty() && labels.iter().all(|&label| usize::from(label) < classes));
            assert!(compressed || bytes[8..] == labels);
        }
        Err(error) => assert!(error.to_string().starts_with("fuzz: ")),
    }
}

/// Records, of which the first byte is a label and the others are pixels.
pub fn cifar10(bytes: &[u8]) {
    let compressed = bytes.starts_with(&[0x1f, 0x8b]);
    match cifar::batch_from("fuzz", bytes) {
        Ok((pixels, labels)) => {
            assert!(!labels.is_empty() && labels.iter().all(|&label| usize::from(label) < cifar::CLASSES));
            assert_eq!(pixels.len(), labels.len() * (cifar::RECORD - 1));
            if !compressed {
                let records = labels.iter().zip(pixels.chunks(cifar::RECORD - 1));
                let written: Vec<u8> =
                    records.flat_map(|(&label, pixels)| [&[label], pixels].concat()).collect();
                assert_eq!(written, bytes);
            }
        }
        Err(error) => assert!(error.to_string().starts_with("fuzz: ")),
    }
}

/// A recording and its frames; the first five bytes say how time is divided.
pub fn nmnist(bytes: &[u8]) {
    let Some((&[kind, a, b, c, d], bytes)) = bytes.split_first_chunk() else { return };
    let recording = match Recording::from_bytes("fuzz", bytes) {
        Ok(recording) => recording,
        Err(error) => return assert!(error.to_string().starts_with("fuzz: ")),
    };
    let events = recording.events();
    assert!(!events.is_empty());
    assert!(events.iter().all(|event| usize::from(event.x) < SIDE && usize::from(event.y) < SIDE));
    // Few steps, which are fast.
    let steps = usize::from(a % 16);
    let parts = kind & 1 == 0;
    let binning = match parts {
        true => Binning::equal_parts(steps),
        false => Binning::windows(u32::from_le_bytes([b, c, d, 0]), steps),
    };
    let Ok(binning) = binning else { return assert!(steps == 0 || [b, c, d] == [0; 3]) };
    let counts = recording.frames(binning, Spikes::Counts);
    assert_eq!(counts.len(), steps * 2 * SIDE * SIDE);
    let counted: usize = counts.iter().map(|&count| usize::from(count)).sum();
    assert!(counted <= events.len());
    if parts && counts.iter().all(|&count| count < u8::MAX) {
        assert_eq!(counted, events.len(), "equal parts leave no event out");
    }
    let clipped = recording.frames(binning, Spikes::Clipped);
    assert!(clipped.iter().zip(&counts).all(|(&clipped, &count)| clipped == count.min(1)));
}
