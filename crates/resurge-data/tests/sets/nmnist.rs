//! N-MNIST: events, frames, and every place where recordings are found.

use crate::make::{self, event, file_error};
use proptest::prelude::*;
use resurge_data::nmnist::{Binning, Event, Recording, Recordings, Spikes};
use resurge_data::{DataError, Fault, Split, Verify};
use std::path::Path;

fn recording(events: &[[u8; 5]]) -> Recording {
    Recording::from_bytes("f", &events.concat()[..]).unwrap()
}

/// Position of `[step, polarity, row, column]`.
fn at(step: usize, on: usize, y: usize, x: usize) -> usize {
    ((step * 2 + on) * 34 + y) * 34 + x
}

/// The positions of what is not 0, with its value.
fn set(frames: &[u8]) -> Vec<(usize, u8)> {
    frames.iter().copied().enumerate().filter(|&(_, count)| count > 0).collect()
}

#[test]
fn frames_are_time_major_and_polarity_is_a_channel() {
    let recording = recording(&[
        event(3, 4, false, 0),
        event(33, 0, true, 99),
        event(33, 0, true, 99),
        event(0, 33, true, 100),
        event(3, 4, false, 299),
    ]);
    let windows = Binning::windows(100, 3).unwrap();
    let counts = [(at(0, 0, 4, 3), 1), (at(0, 1, 0, 33), 2), (at(1, 1, 33, 0), 1), (at(2, 0, 4, 3), 1)];
    assert_eq!(set(&recording.frames(windows, Spikes::Counts)), counts);
    assert_eq!(set(&recording.frames(windows, Spikes::Clipped)), counts.map(|(at, _)| (at, 1)));
    // Parts of 300 / 3 are the same; two parts have 150 each.
    assert_eq!(set(&recording.frames(Binning::equal_parts(3).unwrap(), Spikes::Counts)), counts);
    let two = recording.frames(Binning::equal_parts(2).unwrap(), Spikes::Counts);
    let halves = [(at(0, 0, 4, 3), 1), (at(0, 1, 0, 33), 2), (at(0, 1, 33, 0), 1), (at(1, 0, 4, 3), 1)];
    assert_eq!((two.len(), set(&two)), (2 * 2 * 34 * 34, halves.into()));
    // What comes after the last window is left out.
    assert_eq!(set(&recording.frames(Binning::windows(100, 1).unwrap(), Spikes::Counts)), counts[..2]);
}

#[test]
fn an_overflow_is_no_event_and_moves_what_follows() {
    let recording = recording(&[
        event(1, 1, true, 7),
        event(0, 240, false, 0),
        event(2, 2, false, 5),
        event(200, 240, true, 9),
        event(3, 3, true, (1 << 23) - 1),
    ]);
    let times: Vec<(u8, u32)> = recording.events().iter().map(|e| (e.x, e.microseconds)).collect();
    assert_eq!(times, [(1, 7), (2, 5 + (1 << 13)), (3, (1 << 23) - 1 + (1 << 14))]);
}

#[test]
fn times_need_not_ascend() {
    let back = recording(&[event(1, 1, true, 9), event(2, 2, true, 3)]);
    let forth = recording(&[event(2, 2, true, 3), event(1, 1, true, 9)]);
    let parts = Binning::equal_parts(4).unwrap();
    assert_eq!(back.frames(parts, Spikes::Counts), forth.frames(parts, Spikes::Counts));
}

#[test]
fn counts_stop_at_255() {
    let recording = recording(&[event(1, 1, true, 0); 300]);
    let frames = recording.frames(Binning::equal_parts(1).unwrap(), Spikes::Counts);
    assert_eq!(set(&frames), [(at(0, 1, 1, 1), 255)]);
}

#[test]
fn damage_is_named_with_its_offset() {
    let good = event(1, 1, true, 0);
    for (bytes, expected) in [
        (vec![], "f: ends at byte 0, 5 bytes before the end of an event"),
        (good[..4].to_vec(), "f: ends at byte 4, 1 byte before the end of an event"),
        ([&good[..], &[1]].concat(), "f: ends at byte 6, 4 bytes before the end of an event"),
        (event(0, 240, true, 0).to_vec(), "f: ends at byte 5, 5 bytes before the end of an event"),
        ([good, event(34, 0, true, 0)].concat(), "f: byte 5: column is 34, expected 0 to 33"),
        ([good, event(0, 34, true, 0)].concat(), "f: byte 6: row is 34, expected 0 to 33, or 240"),
        (good.repeat(1 << 18), "f: 1048577 bytes of content or more, where at most 1048576 are read"),
    ] {
        let error = Recording::from_bytes("f", &bytes[..]).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    let refused = |binning: Result<Binning, DataError>, name: &str| {
        assert!(matches!(binning, Err(DataError::Setting { setting, .. }) if setting == name));
    };
    for steps in [0, Binning::MAX_STEPS + 1, usize::MAX] {
        refused(Binning::equal_parts(steps), "number of time steps");
        refused(Binning::windows(1000, steps), "number of time steps");
    }
    refused(Binning::windows(0, 10), "time window");
    assert_eq!(Binning::windows(u32::MAX, Binning::MAX_STEPS).unwrap().steps(), 4096);
}

/// Two digits of one and a 7, in other than their order, and what is no recording.
fn members<'a>(one: &'a [u8; 5], seven: &'a [u8; 5]) -> Vec<(&'a str, &'a [u8])> {
    vec![
        ("Train/7/00001.bin", seven),
        ("Train/1/00009.bin", one),
        ("Train/1/00003.bin", seven),
        ("Test/2/60001.bin", one),
        ("Train/1/readme.txt", b"x"),
        ("Train/10/00003.bin", b"x"),
        ("Train/00004.bin", b"x"),
    ]
}

#[test]
fn every_place_is_found_and_recordings_are_in_the_order_of_their_names() {
    let (one, seven) = (event(1, 1, true, 1), event(7, 7, false, 7));
    let members = members(&one, &seven);
    let [flat, nested, zip, tar] = [(); 4].map(|()| tempfile::tempdir().unwrap());
    make::write(flat.path(), &members);
    make::write(&nested.path().join("N-MNIST"), &members);
    make::write(zip.path(), &[("Train.zip", &make::zip(&members))]);
    let prefixed: Vec<(String, &[u8])> =
        members.iter().map(|(name, bytes)| (format!("N-MNIST/{name}"), *bytes)).collect();
    let prefixed: Vec<(&str, &[u8])> = prefixed.iter().map(|(name, bytes)| (&name[..], *bytes)).collect();
    make::write(tar.path(), &[("subset.tar.gz", &make::tar_gz(&prefixed))]);
    let archive = tar.path().join("subset.tar.gz");
    for place in [flat.path(), nested.path(), zip.path(), &archive] {
        let train = Recordings::open(place, Split::Train, Verify::Format).unwrap();
        assert_eq!(train.labels(), [1, 1, 7], "{}", place.display());
        let x = |index: usize| train.recording(index).unwrap().events()[0].x;
        assert_eq!([x(0), x(1), x(2), x(0)], [7, 1, 7, 7], "{}", place.display());
        assert!(matches!(
            train.recording(3),
            Err(resurge_data::LoadError::Data(DataError::Index { index: 3, len: 3 }))
        ));
        let frames =
            train.limit(2).unwrap().frames(Binning::equal_parts(2).unwrap(), Spikes::Clipped).unwrap();
        assert_eq!((frames.shape(), frames.labels()), (&[2, 2, 34, 34][..], &[1, 7][..]));
        // The only event of a recording is its last.
        assert_eq!(set(frames.image(1).unwrap()), [(at(1, 0, 7, 7), 1)]);

        let error = file_error(Recordings::open(place, Split::Train, Verify::Official));
        let is_zip = place == zip.path();
        let count = matches!(error.fault(), Fault::Count { found: 3, expected: 60_000, .. });
        assert!(if is_zip { matches!(error.fault(), Fault::Checksum { .. }) } else { count }, "{error}");
    }
    let test = Recordings::open(flat.path(), Split::Test, Verify::Format).unwrap();
    assert_eq!(test.labels(), [2]);
}

#[test]
fn a_damaged_recording_is_named_by_its_place() {
    let (good, bad) = (event(1, 1, true, 1), event(99, 1, true, 1));
    let dir = tempfile::tempdir().unwrap();
    let members: [(&str, &[u8]); 2] = [("Train/1/00001.bin", &good), ("Train/2/00002.bin", &bad)];
    make::write(dir.path(), &[("Train.zip", &make::zip(&members)), ("x.tar.gz", &make::tar_gz(&members))]);
    make::write(&dir.path().join("d"), &members);
    for (place, named) in [
        ("", "Train.zip/Train/2/00002.bin"),
        ("x.tar.gz", "x.tar.gz/Train/2/00002.bin"),
        ("d", "d/Train/2/00002.bin"),
    ] {
        let recordings = Recordings::open(&dir.path().join(place), Split::Train, Verify::Format).unwrap();
        assert_eq!(recordings.recording(0).unwrap().events().len(), 1);
        let error = file_error(recordings.frames(Binning::equal_parts(1).unwrap(), Spikes::Counts));
        assert_eq!(error.path(), dir.path().join(named));
        assert!(matches!(error.fault(), Fault::Field { offset: 0, found: 99, .. }));
    }
}

#[test]
fn places_without_recordings_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let open = |place: &Path| file_error(Recordings::open(place, Split::Train, Verify::Format));
    assert_eq!(open(dir.path()).path(), dir.path().join("Train.zip"));
    make::write(dir.path(), &[("Train/readme", b"x")]);
    let error = open(dir.path());
    assert_eq!(error.path(), dir.path().join("Train"));
    assert!(error.to_string().contains("no recordings Train/<digit>/*.bin"), "{error}");
}

#[test]
fn an_archive_cut_short_anywhere_is_an_error() {
    let good = event(1, 1, true, 1);
    let members: [(&str, &[u8]); 1] = [("Train/1/00001.bin", &good)];
    let dir = tempfile::tempdir().unwrap();
    for (name, archive) in [("Train.zip", make::zip(&members)), ("x.tar.gz", make::tar_gz(&members))] {
        let path = dir.path().join(name);
        let place = if name == "Train.zip" { dir.path() } else { &path };
        for cut in 0..archive.len() {
            std::fs::write(&path, &archive[..cut]).unwrap();
            let error = file_error(Recordings::open(place, Split::Train, Verify::Format));
            let damaged = matches!(error.fault(), Fault::Compression { .. } | Fault::Archive(_));
            assert!(damaged, "{name} cut at {cut}: {error}");
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        if let Ok(recording) = Recording::from_bytes("f", &bytes[..]) {
            prop_assert!(!recording.events().is_empty());
        }
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("Train.zip"), &bytes).unwrap();
        prop_assert!(Recordings::open(dir.path(), Split::Train, Verify::Format).is_err());
    }

    #[test]
    fn what_was_written_is_read_and_every_event_is_in_a_part(
        events in proptest::collection::vec((0u8..34, 0u8..34, any::<bool>(), 0u32..1 << 23), 1..50),
        steps in 1usize..20,
    ) {
        let bytes: Vec<[u8; 5]> = events.iter().map(|&(x, y, on, t)| event(x, y, on, t)).collect();
        let recording = recording(&bytes);
        let expected: Vec<Event> =
            events.iter().map(|&(x, y, on, microseconds)| Event { x, y, on, microseconds }).collect();
        prop_assert_eq!(recording.events(), &expected[..]);
        let frames = recording.frames(Binning::equal_parts(steps).unwrap(), Spikes::Counts);
        prop_assert_eq!(frames.iter().map(|&count| usize::from(count)).sum::<usize>(), events.len());
        // The last event is in the last part.
        prop_assert!(frames[(steps - 1) * 2 * 34 * 34..].iter().any(|&count| count > 0));
        let bytes = bytes.concat();
        for cut in (0..bytes.len()).filter(|cut| cut % 5 > 0 || *cut == 0) {
            prop_assert!(Recording::from_bytes("f", &bytes[..cut]).is_err());
        }
    }
}
