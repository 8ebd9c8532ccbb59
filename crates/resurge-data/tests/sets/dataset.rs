//! Sets in memory and their batches.

use proptest::prelude::*;
use resurge_data::{Batches, DataError, Dataset, ImageDataset, balanced};

#[test]
fn limited_sets_are_balanced_and_keep_their_order() {
    let labels = [2, 2, 2, 2, 0, 1, 1, 0];
    for (n, expected) in [
        (0, &[][..]),
        (1, &[4]),
        (3, &[0, 4, 5]),
        (4, &[0, 4, 5, 7]),
        (6, &[0, 1, 4, 5, 6, 7]),
        // Classes 0 and 1 have no third.
        (7, &[0, 1, 2, 4, 5, 6, 7]),
        (99, &[0, 1, 2, 3, 4, 5, 6, 7]),
    ] {
        assert_eq!(balanced(&labels, n), expected, "{n}");
    }
    let set = ImageDataset::new((0..16).collect(), &[1, 1, 2], labels.into(), 3).unwrap();
    let three = set.limit(3).unwrap();
    assert_eq!((three.images(), three.labels()), (&[0, 1, 8, 9, 10, 11][..], &[2, 0, 1][..]));
    assert_eq!(set.first(2).unwrap().labels(), [2, 2]);
    assert_eq!((set.first(99).unwrap(), set.limit(99).unwrap()), (set.clone(), set.clone()));
    assert!(matches!(set.limit(0), Err(DataError::Empty)));
    assert!(matches!(set.first(0), Err(DataError::Empty)));
}

#[test]
fn what_does_not_fit_is_refused() {
    let new = |bytes: usize, shape: &[usize], labels: &[u8]| {
        ImageDataset::new(vec![0; bytes], shape, labels.to_vec(), 3).unwrap_err()
    };
    assert!(matches!(new(0, &[2], &[]), DataError::Empty));
    assert!(matches!(new(3, &[2], &[0, 1]), DataError::Size { expected: Some(4), found: 3 }));
    assert!(matches!(new(3, &[usize::MAX], &[0, 1]), DataError::Size { expected: None, found: 3 }));
    assert!(matches!(new(2, &[1], &[0, 3]), DataError::Class { index: 1, label: 3, classes: 3 }));
    let set = ImageDataset::new(vec![0; 2], &[1], vec![0, 1], 3).unwrap();
    assert!(matches!(set.select(&[0, 2]), Err(DataError::Index { index: 2, len: 2 })));
    assert_eq!((set.image(usize::MAX), set.label(2)), (None, None));
    assert!(matches!(Batches::new(2, 0, 1, 1), Err(DataError::Setting { setting: "batch size", .. })));
    let error = "imagenet".parse::<Dataset>().unwrap_err().to_string();
    assert_eq!(
        error,
        r#"no data set is called "imagenet"; choose one of mnist, fashion-mnist, nmnist, cifar10"#
    );
}

/// So that a training can be repeated years later: an order does not change with a version of anything. The numbers
/// are of an implementation of ChaCha8 and of the shuffle in another language.
#[test]
fn an_order_is_for_ever() {
    let order = |seed, epoch| Batches::new(8, 8, seed, epoch).unwrap().next().unwrap();
    assert_eq!(order(0, 0), [3, 2, 7, 5, 0, 1, 4, 6]);
    assert_eq!(order(0, 1), [7, 4, 0, 2, 3, 1, 5, 6]);
    assert_eq!(order(1, 0), [6, 1, 0, 7, 5, 4, 2, 3]);
}

proptest! {
    #[test]
    fn every_index_comes_once(len in 0usize..200, batch in 1usize..50, seed: u64, epoch: u64) {
        let batches = Batches::new(len, batch, seed, epoch).unwrap();
        prop_assert_eq!(batches.len(), len.div_ceil(batch));
        let batches: Vec<Vec<usize>> = batches.collect();
        let (last, full) = batches.split_last().map_or((&[][..], &[][..]), |(last, full)| (&last[..], full));
        prop_assert!(full.iter().all(|b| b.len() == batch) && last.len() <= batch);
        let mut all = batches.concat();
        all.sort_unstable();
        prop_assert_eq!(all, (0..len).collect::<Vec<_>>());
    }

    #[test]
    fn epochs_and_seeds_differ(seed: u64, epoch in 0u64..1000) {
        let order = |seed, epoch| Batches::new(100, 100, seed, epoch).unwrap().next();
        prop_assert_ne!(order(seed, epoch), order(seed, epoch + 1));
        prop_assert_ne!(order(seed, epoch), order(seed.wrapping_add(1), epoch));
    }

    /// Of two classes, neither has more than one image above its share while the other has any left.
    #[test]
    fn a_limit_is_fair(labels in proptest::collection::vec(0u8..5, 1..60), n in 1usize..60) {
        let chosen = balanced(&labels, n);
        prop_assert_eq!(chosen.len(), n.min(labels.len()));
        prop_assert!(chosen.is_sorted());
        let count = |class: u8, of: &[usize]| of.iter().filter(|&&i| labels[i] == class).count();
        let all: Vec<usize> = (0..labels.len()).collect();
        for a in 0..5 {
            for b in 0..5 {
                let left = count(b, &all) > count(b, &chosen);
                prop_assert!(!left || count(a, &chosen) <= count(b, &chosen) + 1);
            }
        }
    }
}
