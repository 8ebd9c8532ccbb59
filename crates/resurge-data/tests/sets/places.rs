//! Where other loaders put files, other versions of a set, and other content under a file's name.

use crate::make::{event, gzip, images, labels, records, tar_gz, zip};
use resurge_data::nmnist::{Binning, Recordings};
use resurge_data::{Dataset, Fault, LoadError, Split, Status, Verify, check, cifar10, idx, mnist};
use std::path::Path;

fn put(dir: &Path, name: &str, bytes: &[u8]) {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn put_mnist(dir: &Path, folder: &str, label: u8) {
    for part in ["train", "t10k"] {
        put(dir, &format!("{folder}/{part}-images-idx3-ubyte"), &images(2));
        put(dir, &format!("{folder}/{part}-labels-idx1-ubyte.gz"), &gzip(&labels(&[label, label])));
    }
}

#[test]
fn the_folders_of_torchvision_are_found_each_for_its_set() {
    let dir = tempfile::tempdir().unwrap();
    put_mnist(dir.path(), "MNIST/raw", 1);
    put_mnist(dir.path(), "FashionMNIST/raw", 2);
    let of = |dir: &Path, load: fn(&Path, Split, Verify) -> Result<resurge_data::ImageDataset, LoadError>| {
        load(dir, Split::Test, Verify::Format).unwrap().labels()[0]
    };
    assert_eq!(of(dir.path(), mnist::load), 1);
    assert_eq!(of(dir.path(), mnist::load_fashion), 2);
    assert_eq!(of(&dir.path().join("MNIST"), mnist::load), 1);
    assert_eq!(of(&dir.path().join("MNIST/raw"), mnist::load), 1);
    // Files in the directory itself come first.
    put_mnist(dir.path(), ".", 3);
    assert_eq!(of(dir.path(), mnist::load), 3);
    let reports = check(Dataset::FashionMnist, dir.path());
    assert_eq!(reports.iter().filter(|r| r.status == Status::Missing).count(), 0);
}

#[test]
fn the_folders_of_tonic_and_spikingjelly_are_found() {
    let recording = event(1, 2, true, 3);
    for (file, split) in [
        ("NMNIST/Train/7/1.bin", Split::Train),
        ("extract/Test/7/1.bin", Split::Test),
        ("N-MNIST/Test/7/1.bin", Split::Test),
    ] {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), file, &recording);
        assert_eq!(Recordings::open(dir.path(), split, Verify::Format).unwrap().labels(), [7], "{file}");
    }
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "NMNIST/test.zip", &zip(&[("Test/4/1.bin", &recording)]));
    assert_eq!(Recordings::open(dir.path(), Split::Test, Verify::Format).unwrap().labels(), [4]);
}

#[test]
fn a_message_says_where_was_looked() {
    let dir = tempfile::tempdir().unwrap();
    let said = [
        mnist::load(dir.path(), Split::Train, Verify::Format).unwrap_err().to_string(),
        mnist::load_fashion(dir.path(), Split::Train, Verify::Format).unwrap_err().to_string(),
        cifar10::load(dir.path(), Split::Train, Verify::Format).unwrap_err().to_string(),
        Recordings::open(dir.path(), Split::Train, Verify::Format).unwrap_err().to_string(),
    ];
    for (said, place) in
        said.iter().zip(["MNIST/raw/", "FashionMNIST/raw/", "cifar-10-batches-bin/", "NMNIST/"])
    {
        assert!(said.contains("not there; nor in ") && said.contains(place), "{said}");
        assert!(said.contains("or fetch the data set"), "{said}");
    }
}

#[test]
fn other_versions_and_related_sets_are_named() {
    for (name, parts) in [
        ("cifar-10-batches-py/data_batch_1", ["Python version", "cifar-10-binary.tar.gz"]),
        ("cifar-10-python.tar.gz", ["Python version", "cifar-10-binary.tar.gz"]),
        ("data_batch_1", ["Python version", "cifar-10-binary.tar.gz"]),
        ("cifar-100-binary.tar.gz", ["CIFAR-100", "fetch CIFAR-10"]),
        ("cifar-100-python/train", ["CIFAR-100", "fetch CIFAR-10"]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), name, b"x");
        let said = cifar10::load(dir.path(), Split::Train, Verify::Format).unwrap_err().to_string();
        assert!(parts.iter().all(|part| said.contains(part)), "{said}");
        let [report] = &check(Dataset::Cifar10, dir.path())[..] else { panic!() };
        assert!(report.status == Status::Another && report.detail.contains(parts[0]), "{report:?}");
    }
    for folder in [".", "EMNIST/raw", "gzip"] {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), &format!("{folder}/emnist-letters-train-images-idx3-ubyte.gz"), &gzip(&images(1)));
        let said = mnist::load(dir.path(), Split::Train, Verify::Format).unwrap_err().to_string();
        assert!(said.contains("emnist-letters-train") && said.contains("EMNIST, another set"), "{said}");
    }
    let said = idx::labels_from("labels", &labels(&[3, 26])[..], 10).unwrap_err().to_string();
    assert!(said.contains("label is 26, expected 0 to 9") && said.contains("EMNIST"), "{said}");
}

/// Content of another kind under the name of each kind of file.
#[test]
fn other_content_is_named_with_what_to_do() {
    let page = b"\n<!DOCTYPE html><html><body>Moved</body></html>".repeat(9);
    let contents: [(&[u8], &str); 7] = [
        (&page, "a web page"),
        (b"<HTML><head>", "a web page"),
        (b"\xfd7zXZ\0\0\x04", "compressed by xz"),
        (b"BZh91AY", "compressed by bzip2"),
        (b"\x28\xb5\x2f\xfd\0\0", "compressed by zstd"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git-lfs"),
        (b"%PDF-1.4", "a PDF"),
    ];
    let dir = tempfile::tempdir().unwrap();
    let load = |name: &str, bytes: &[u8]| -> Result<(), LoadError> {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        match name {
            "Train.zip" => Recordings::open(dir.path(), Split::Train, Verify::Format).map(drop),
            "c.tar.gz" => cifar10::load(&path, Split::Train, Verify::Format).map(drop),
            "data_batch_1.bin" => cifar10::load(dir.path(), Split::Train, Verify::Format).map(drop),
            _ => Ok(idx::read_images(&path).map(drop)?),
        }
    };
    for name in ["Train.zip", "c.tar.gz", "data_batch_1.bin", "train-images-idx3-ubyte.gz"] {
        for (bytes, what) in contents {
            let error = load(name, bytes).unwrap_err();
            let said = error.to_string();
            assert!(said.contains(name) && said.contains("no data: it is") && said.contains(what), "{said}");
            // `xz -d FILE` refuses a name without the suffix; what is decompressed to standard output has any.
            assert!(!what.starts_with("compressed") || said.contains(" -dc OLD > NEW`"), "{said}");
            assert!(
                matches!(error, LoadError::File(error) if matches!(error.fault(), Fault::Foreign { .. }))
            );
        }
    }
    // A zip archive is what it should be in one place alone.
    let packed = zip(&[("Train/1/1.bin", &event(1, 2, true, 3))]);
    assert!(load("Train.zip", &packed).is_ok());
    let said = load("c.tar.gz", &packed).unwrap_err().to_string();
    assert!(said.contains("a zip archive; unpack it"), "{said}");
    let [train, ..] = &check(Dataset::NMnist, dir.path())[..] else { panic!() };
    assert_eq!(train.status, Status::WrongChecksum);
}

#[test]
fn zeros_behind_a_gzip_stream_are_passed_over_and_nothing_else_is() {
    let file = labels(&[1, 2, 3]);
    let read = |bytes: &[u8]| idx::labels_from("labels", bytes, 10);
    let with = |more: &[u8]| [&gzip(&file)[..], more].concat();
    for zeros in [0, 1, 512, 70_000] {
        assert_eq!(read(&with(&vec![0; zeros])).unwrap(), [1, 2, 3]);
    }
    // Two members are one file, as `cat a.gz b.gz` has it.
    let (a, b) = file.split_at(9);
    assert_eq!(read(&[gzip(a), gzip(b)].concat()).unwrap(), [1, 2, 3]);
    for more in [&b"x"[..], &[0, 0, 7], &[0, 0x1f, 0x8b], &gzip(b"more")] {
        assert!(read(&with(more)).is_err(), "{more:?}");
    }
    let cut = gzip(&file);
    assert!(read(&cut[..cut.len() - 1]).is_err());
    // Archives, too.
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.tar.gz");
    let archive = tar_gz(&[("cifar-10-batches-bin/test_batch.bin", &records(&[3]))]);
    std::fs::write(&path, [&archive[..], &[0; 1000]].concat()).unwrap();
    assert_eq!(cifar10::load(&path, Split::Test, Verify::Format).unwrap().labels(), [3]);
}

#[test]
fn companions_of_macos_are_passed_over_and_counted() {
    let recording = event(1, 2, true, 3);
    let dir = tempfile::tempdir().unwrap();
    for name in ["Test/7/1.bin", "Test/8/2.bin"] {
        put(dir.path(), name, &recording);
    }
    put(dir.path(), "Test/7/._1.bin", b"\0\x05\x16\x07 not an event");
    put(dir.path(), "Test/8/._2.bin", b"\0\x05\x16\x07");
    let test = Recordings::open(dir.path(), Split::Test, Verify::Format).unwrap();
    assert_eq!(test.labels(), [7, 8]);
    let notices = test.notices(Binning::equal_parts(3).unwrap()).unwrap();
    assert_eq!(notices, ["2 files of macOS (._*) beside the recordings passed over"]);
    let members = [("Train/7/1.bin", &recording[..]), ("__MACOSX/Train/7/._1.bin", &b"\0"[..])];
    put(dir.path(), "Train.zip", &zip(&members));
    assert_eq!(Recordings::open(dir.path(), Split::Train, Verify::Format).unwrap().len(), 1);
    let [_, report] = &check(Dataset::NMnist, dir.path())[..] else { panic!() };
    assert!(report.detail.contains("2 files of macOS"), "{report:?}");
}

#[test]
fn recordings_that_are_too_long_or_wrap_are_named_with_their_span() {
    let events = |times: &[u32]| -> Vec<u8> { times.iter().flat_map(|&t| event(1, 2, true, t)).collect() };
    let notices = |times: &[&[u32]]| {
        let dir = tempfile::tempdir().unwrap();
        for (i, times) in times.iter().enumerate() {
            put(dir.path(), &format!("Test/{i}/1.bin"), &events(times));
        }
        let test = Recordings::open(dir.path(), Split::Test, Verify::Format).unwrap();
        test.notices(Binning::windows(10_000, 30).unwrap()).unwrap()
    };
    // Of ordinary length, with times that jitter back a little.
    assert!(notices(&[&[0, 100, 90, 300_000], &[5]]).is_empty());
    let long = notices(&[&[0, 10], &[0, 5, 7_500_000], &[0, 1_000_001]]);
    assert_eq!(long.len(), 1);
    assert!(long[0].starts_with("2 recordings far longer") && long[0].contains("goes to 7.5 s"), "{long:?}");
    assert!(long[0].contains("Test/1/1.bin"), "{long:?}");
    let wrapped = notices(&[&[0, 65_000, 100, 60_000]]);
    assert!(wrapped[0].starts_with("1 recording with times that wrap"), "{wrapped:?}");
    assert!(wrapped[0].contains("Test/0/1.bin steps back from 65000 to 100 µs"), "{wrapped:?}");
    let late = notices(&[&[0, 400_000, 500_000]]);
    assert!(late[0].starts_with("2 of 3 events come after the last time step"), "{late:?}");
}
