//! What is read is what was written, and what was damaged is refused.

use super::*;
use crate::train::Preset;

fn small() -> Checkpoint {
    let tensor = |x: f32| Tensor::from_vec([1, 2], vec![x, 0.1 * x]).unwrap();
    Checkpoint {
        origin: Origin {
            dataset: "mnist".into(),
            limit: Some(2),
            verified: true,
            train_samples: 2,
            test_samples: 2,
        },
        config: Config::preset(Preset::Small),
        progress: Progress { updates: 3, ..Progress::default() },
        weights: vec![("linear1".into(), tensor(0.3))],
        moments: [vec![tensor(1e-30)], vec![tensor(-7.0)]],
        samples_sha256: Some(["ab".into(), "cd".into()]),
    }
}

#[test]
fn what_is_written_is_read_and_equal_trainings_have_equal_bytes() {
    let bytes = small().to_bytes().unwrap();
    assert_eq!(Checkpoint::from_bytes(&bytes).unwrap(), small());
    assert_eq!(small().to_bytes().unwrap(), bytes);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.safetensors");
    small().write(&path).unwrap();
    assert_eq!(Checkpoint::read(&path).unwrap(), small());
    // Any other reader of the format sees the weights, too.
    let file = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(file.tensor("linear1.weight").unwrap().shape(), [1, 2]);
}

#[test]
fn any_flipped_bit_and_any_cut_is_noticed() {
    let bytes = small().to_bytes().unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(Checkpoint::from_bytes(&damaged).is_err(), "bit {bit}");
    }
    for length in 0..bytes.len() {
        assert!(Checkpoint::from_bytes(&bytes[..length]).is_err(), "{length} bytes");
    }
    assert!(Checkpoint::from_bytes(&[&bytes[..], b"x"].concat()).is_err());
}

/// As a file of before the digests of samples were kept.
#[test]
fn a_file_without_digests_of_the_samples_is_read_and_written_as_it_was() {
    let old = Checkpoint { samples_sha256: None, ..small() };
    let bytes = old.to_bytes().unwrap();
    assert!(!String::from_utf8_lossy(&bytes).contains("samples_sha256"));
    assert_eq!(Checkpoint::from_bytes(&bytes).unwrap(), old);
}

#[test]
fn numbers_that_are_not_finite_are_neither_written_nor_read() {
    let bytes = Checkpoint { moments: [vec![], vec![]], progress: Progress::default(), ..small() };
    let mut bytes = bytes.to_bytes().unwrap();
    // The last four bytes are the second entry of the only tensor.
    for (value, shown) in [(f32::NAN, "NaN"), (f32::NEG_INFINITY, "-inf")] {
        let last = bytes.len() - 4;
        bytes[last..].copy_from_slice(&value.to_le_bytes());
        let error = Checkpoint::from_bytes(&sealed(bytes.clone()).unwrap()).unwrap_err();
        assert!(error.starts_with(&format!("linear1.weight, entry [0, 1], is {shown}, ")), "{error}");
    }
    for (which, name) in [(0, "linear1.first"), (1, "linear1.second")] {
        let mut bad = small();
        bad.moments[which][0].as_mut_slice()[0] = f32::INFINITY;
        let error = bad.to_bytes().unwrap_err();
        assert!(error.starts_with(&format!("{name}, entry [0, 0], is inf, ")), "{error}");
    }
}

#[test]
fn another_format_is_named() {
    let bytes = small().to_bytes().unwrap();
    let format = b"format\\\":1";
    let at = bytes.windows(format.len()).position(|window| window == format).unwrap();
    let mut other = bytes.clone();
    other[at + format.len() - 1] = b'7';
    let error = Checkpoint::from_bytes(&sealed(other).unwrap()).unwrap_err();
    assert!(error.contains("of format 7, but 1 is read"), "{error}");
}

/// Found by the fuzz target `checkpoint`: such a file was read, but what was read could not be
/// written.
#[test]
fn two_weights_of_one_name_are_neither_written_nor_read() {
    let mut twice = small();
    twice.weights.push(("linear2".into(), twice.weights[0].1.clone()));
    for moments in &mut twice.moments {
        moments.push(moments[0].clone());
    }
    let mut bytes = twice.to_bytes().unwrap();
    assert_eq!(Checkpoint::from_bytes(&bytes).unwrap(), twice);
    // The list of names is in the state; the tensors of "linear2" stay in the file, unread.
    let text = String::from_utf8_lossy(&bytes).find("\\\"linear2\\\"").unwrap();
    bytes[text + 8] = b'1';
    let error = Checkpoint::from_bytes(&sealed(bytes).unwrap()).unwrap_err();
    assert_eq!(error, "two weights are named linear1; give each its own name");

    twice.weights[1].0 = "linear1".into();
    assert_eq!(twice.to_bytes().unwrap_err(), error);
}
