//! Reports on directories.

use crate::make;
use resurge_data::{Dataset, FileReport, Status, check};
use std::path::Path;

/// File name, status and the beginning of the detail of each report.
fn found(dataset: Dataset, dir: &Path) -> Vec<(String, Status, String)> {
    let reports = check(dataset, dir);
    let name = |report: &FileReport| report.path.strip_prefix(dir).unwrap().display().to_string();
    let start = |report: &FileReport| report.detail.chars().take(24).collect();
    reports.iter().map(|report| (name(report), report.status, start(report))).collect()
}

fn rows(rows: &[(&str, Status, &str)]) -> Vec<(String, Status, String)> {
    rows.iter().map(|&(name, status, detail)| (name.into(), status, detail.into())).collect()
}

#[test]
fn mnist() {
    let dir = tempfile::tempdir().unwrap();
    let files = [
        ("train-images-idx3-ubyte", &make::images(1)[..]),
        ("t10k-images.idx3-ubyte.gz", &make::gzip(&make::images(1)[..99])),
        ("t10k-labels-idx1-ubyte.gz", b"<html>not found</html>"),
    ];
    make::write(dir.path(), &files);
    let expected = [
        ("train-images-idx3-ubyte", Status::WrongChecksum, ""),
        ("train-labels-idx1-ubyte.gz", Status::Missing, "not there; nor in MNIST/"),
        ("t10k-images.idx3-ubyte.gz", Status::Malformed, "ends at byte 99, 701 byt"),
        ("t10k-labels-idx1-ubyte.gz", Status::Malformed, "no data: it is a web pag"),
    ];
    let mut reports = found(Dataset::Mnist, dir.path());
    assert!(reports[0].2.starts_with("sha256 "));
    reports[0].2.clear();
    assert_eq!(reports, rows(&expected));
    // The same files are none of Fashion-MNIST's either: of the uncompressed one nothing is known.
    let reports = found(Dataset::FashionMnist, dir.path());
    assert_eq!((reports[0].1, &reports[0].2[..]), (Status::WrongChecksum, "no checksum is known for"));
}

#[test]
fn cifar10() {
    let dir = tempfile::tempdir().unwrap();
    let missing = ("cifar-10-binary.tar.gz", Status::Missing, "not there; nor in cifar-");
    assert_eq!(found(Dataset::Cifar10, dir.path()), rows(&[missing]));
    let archive = make::tar_gz(&[("data_batch_1.bin", &make::records(&[1])), ("test_batch.bin", b"")]);
    make::write(dir.path(), &[("cifar-10-binary.tar.gz", &archive)]);
    let [(_, status, detail)] = &found(Dataset::Cifar10, dir.path())[..] else { panic!() };
    // The member is named in full.
    assert_eq!((*status, detail.starts_with(dir.path().to_str().unwrap())), (Status::Malformed, true));
    let archive =
        make::tar_gz(&[("data_batch_1.bin", &make::records(&[1])), ("test_batch.bin", &make::records(&[2]))]);
    make::write(dir.path(), &[("cifar-10-binary.tar.gz", &archive)]);
    assert_eq!(found(Dataset::Cifar10, dir.path())[0].1, Status::WrongChecksum);

    let all = make::records(&[5; 10_000]);
    make::write(dir.path(), &[("data_batch_1.bin", &all), ("test_batch.bin", &make::records(&[2]))]);
    let statuses: Vec<Status> = found(Dataset::Cifar10, dir.path()).iter().map(|report| report.1).collect();
    let missing = Status::Missing;
    assert_eq!(statuses, [Status::Ok, missing, missing, missing, missing, Status::WrongCount]);
    assert_eq!(found(Dataset::Cifar10, dir.path())[0].2, "by format and number; on");
}

#[test]
fn nmnist() {
    let dir = tempfile::tempdir().unwrap();
    let good = make::event(1, 1, true, 0);
    make::write(
        dir.path(),
        &[("Train/1/00001.bin", &good), ("Test.zip", &make::zip(&[("Test/1/1.bin", b"bad")]))],
    );
    let reports = found(Dataset::NMnist, dir.path());
    let expected =
        [("Train", Status::WrongCount, "1 found, but there must "), ("Test.zip", Status::Malformed, "")];
    assert!(reports[1].2.starts_with(&dir.path().display().to_string()[..10]), "{reports:?}");
    assert_eq!(reports[0], rows(&expected)[0]);
    assert_eq!(reports[1].1, Status::Malformed);
    make::write(dir.path(), &[("Test.zip", &make::zip(&[("Test/1/1.bin", &good)]))]);
    assert_eq!(found(Dataset::NMnist, dir.path())[1].1, Status::WrongChecksum);
}
