//! The real files, where they are: `RESURGE_DATA=DIR cargo test -p resurge-data`. In DIR are looked for `mnist/` as
//! published, `nmnist-subset.tar.gz` and `cifar-10-subset.tar.gz`, parts of these sets in their own formats.

use resurge_data::nmnist::{Binning, Recordings, Spikes};
use resurge_data::{Dataset, Split, Status, Verify, check, cifar10, mnist};
use std::path::PathBuf;

/// The place, if it is there; otherwise a word on the standard output.
fn real(name: &str) -> Option<PathBuf> {
    let place = std::env::var_os("RESURGE_DATA").map(|dir| PathBuf::from(dir).join(name));
    let place = place.filter(|place| place.exists());
    if place.is_none() {
        println!(
            "skipped: no data {name}; get it with `resurge data fetch` and set RESURGE_DATA to its directory"
        );
    }
    place
}

#[test]
fn the_official_mnist() {
    let Some(dir) = real("mnist") else { return };
    for (split, len, first, sevens) in [(Split::Train, 60_000, 5, 6_265), (Split::Test, 10_000, 7, 1_028)] {
        let set = mnist::load(&dir, split, Verify::Official).unwrap();
        assert_eq!((set.len(), set.label(0)), (len, Some(first)));
        assert_eq!(set.labels().iter().filter(|&&label| label == 7).count(), sevens);
    }
    assert!(check(Dataset::Mnist, &dir).iter().all(|report| report.status == Status::Ok));
}

#[test]
fn a_part_of_nmnist() {
    let Some(archive) = real("nmnist-subset.tar.gz") else { return };
    for (split, len) in [(Split::Train, 1_000), (Split::Test, 100)] {
        let recordings = Recordings::open(&archive, split, Verify::Format).unwrap();
        assert_eq!(recordings.len(), len);
        for index in 0..len {
            let recording = recordings.recording(index).unwrap();
            let times: Vec<u32> = recording.events().iter().map(|event| event.microseconds).collect();
            // As the documentation of `Recording` says.
            assert!(times.is_sorted() && (250_000..350_000).contains(times.last().unwrap()), "{index}");
            // Nothing is lost in equal parts.
            let frames = recording.frames(Binning::equal_parts(10).unwrap(), Spikes::Counts);
            assert_eq!(frames.iter().map(|&count| usize::from(count)).sum::<usize>(), times.len());
        }
    }
}

#[test]
fn a_part_of_cifar10() {
    let Some(archive) = real("cifar-10-subset.tar.gz") else { return };
    let [train, test] =
        [Split::Train, Split::Test].map(|split| cifar10::load(&archive, split, Verify::Format).unwrap());
    assert_eq!((train.len(), test.len(), train.shape()), (4_000, 1_000, &[3, 32, 32][..]));
    // The pictures themselves show a frog and a cat.
    let name = |label: Option<u8>| cifar10::CLASS_NAMES[usize::from(label.unwrap())];
    assert_eq!((name(train.label(0)), name(test.label(0))), ("frog", "cat"));
}
