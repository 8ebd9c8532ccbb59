//! The targets over their seeds, and what must hold for a campaign to say something.

use resurge_fuzz::{TARGETS, Verdict, program, seeds};
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn the_committed_seeds_are_those_that_are_generated() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let mut expected = BTreeSet::new();
    for (target, name, bytes) in seeds() {
        let path = root.join(target).join(name);
        assert!(
            std::fs::read(&path).is_ok_and(|found| found == bytes),
            "{}: write the seeds anew with `cargo run --example seeds` in fuzz/",
            path.display()
        );
        expected.insert(path);
    }
    let directories = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let found =
        directories.flat_map(|path| std::fs::read_dir(path).unwrap()).map(|entry| entry.unwrap().path());
    assert_eq!(found.collect::<BTreeSet<_>>(), expected);
}

#[test]
fn every_target_has_seeds_and_holds_on_them_and_on_their_parts() {
    let seeds = seeds();
    for &(name, target) in TARGETS {
        let mut count = 0;
        for (_, _, bytes) in seeds.iter().filter(|(of, ..)| *of == name) {
            target(bytes);
            (0..bytes.len()).step_by(bytes.len() / 16 + 1).for_each(|length| target(&bytes[..length]));
            count += 1;
        }
        assert!(count > 1, "{name}");
    }
}

/// Inputs that a campaign found, each mended since.
#[test]
fn what_was_found_holds_now() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let mut count = 0;
    for &(name, target) in TARGETS {
        let Ok(inputs) = std::fs::read_dir(root.join(name)) else { continue };
        for input in inputs {
            target(&std::fs::read(input.unwrap().path()).unwrap());
            count += 1;
        }
    }
    assert!(count >= 6, "{count} inputs");
}

/// Most random programs are judged, by many operations each.
#[test]
fn programs_are_judged() {
    let mut state = 3_u64;
    let mut byte = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 56) as u8
    };
    let (mut judged, mut operations, mut nonzero) = (0, 0, 0);
    const PROGRAMS: usize = 2000;
    for _ in 0..PROGRAMS {
        let bytes: Vec<u8> = (0..160).map(|_| byte()).collect();
        if let Verdict::Agrees { derivative, operations: count } = program(&bytes) {
            judged += 1;
            operations += count;
            nonzero += usize::from(derivative != 0.0);
        }
    }
    assert!(judged > PROGRAMS / 2, "{judged} of {PROGRAMS} programs");
    assert!(nonzero > judged * 9 / 10, "{nonzero} of {judged} derivatives");
    assert!(operations > judged * 5, "{operations} operations in {judged} programs");
}
