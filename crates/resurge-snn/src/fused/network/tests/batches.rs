//! Blocks of samples, lanes of blocks, chunks of steps, and the buffers that all of them use again.

use super::*;
use crate::fused::network::sweep::{BLOCK, LANES};

fn on_threads<R: Send>(threads: usize, run: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run)
}

fn two_layers(segment: Option<usize>) -> FusedNetwork {
    let network = FusedNetwork::new([cell(), cell()]).unwrap();
    match segment {
        Some(steps) => network.with_checkpoints(steps),
        None => network,
    }
}

#[test]
fn chunks_and_blocks_join_without_a_seam() {
    // 3 blocks of samples; chunks of 16 steps, segments of 9.
    for segment in [None, Some(9), Some(1000)] {
        let sample = Sample::draw(two_layers(segment), &[40, 37, 30, 70, 3], 0.2, false, 5);
        assert!(sample.compare(&format!("{segment:?}"), &[Program::Real]).is_some_and(|share| share > 0.9));
    }
}

/// Three rounds of the lanes, the last one not full, with blocks that multiply by events, by dense products, or the
/// one after the other on the same lane; the lane that all others are added to begins with either.
#[test]
fn lanes_of_several_blocks_add_up_on_both_paths() {
    let sizes = [3, BLOCK * 2 * LANES + 5, 9, 17, 2];
    for dense_first in [false, true] {
        for biased in [false, true] {
            let mut sample = Sample::draw(two_layers(None), &sizes, 0.5, biased, 3);
            let mut rng = ChaCha8Rng::seed_from_u64(4);
            let spikes = Tensor::from_fn(&sizes[..3], |i| {
                let block = i / sizes[2] % sizes[1] / BLOCK;
                let (lane, round) = (block % LANES, block / LANES);
                // Lanes 3 and 4 are given buffers in which the sum on the path that is not theirs is left.
                let dense = match lane {
                    0 | 2 | 4 => false,
                    1 | 3 => true,
                    _ => (lane + round) % 2 == 0,
                };
                let density = if dense != dense_first { 0.9 } else { 0.2 };
                f64::from(u8::from(rng.random::<f64>() < density))
            });
            sample.input = SpikeTrain::from_tensor(&spikes.unwrap()).unwrap();
            // On one thread each lane works in the buffers of the one before it.
            let share = on_threads(1, || sample.compare("lanes", &[Program::Real]));
            assert!(share.is_some_and(|share| share > 0.9), "{share:?}");
        }
    }
}

#[test]
fn a_network_without_outputs_has_gradients_of_none() {
    for output in OUTPUTS {
        let network = two_layers(None).with_output(output);
        let sample = Sample::draw(network, &[5, 18, 4, 3, 0], 0.4, true, 8);
        // All gradients are zeros, and so are their bounds.
        assert_eq!(sample.compare(&format!("{output:?}"), &PROGRAMS), Some(0.0));
    }
}

#[test]
fn checkpoints_change_no_bit() {
    let outcome = |segment| {
        Sample::draw(two_layers(segment), &[36, 32, 30, 12, 3], 0.2, true, 6).outcome::<f32>(Program::Real)
    };
    // Segments of whole chunks, so that sums run over the same rows.
    assert!(outcome(None) == outcome(Some(12)));
}

#[test]
fn the_bits_do_not_depend_on_threads() {
    let sample = Sample::draw(two_layers(None), &[20, 150, 30, 12, 3], 0.2, true, 7);
    let with = |threads| on_threads(threads, || sample.outcome::<f32>(Program::Real));
    let one = with(1);
    for threads in [2, 3, 7] {
        assert!(with(threads) == one, "{threads} threads");
    }
}

/// Buffers come back with whatever a larger or a smaller run has left in them: spikes of neurons that always fire, and
/// potentials that are not a number.
#[test]
fn what_a_buffer_held_changes_no_bit() {
    let sizes = [[12, 40, 70, 33, 3], [5, 17, 65, 12, 2]];
    for (segment, path) in
        [None, Some(3)].into_iter().flat_map(|s| [EventPath::Events, EventPath::Dense].map(|path| (s, path)))
    {
        for (used, own) in [(0, 1), (1, 0)] {
            let network = two_layers(segment).with_path(path);
            let mut before = Sample::draw(network.clone(), &sizes[used], 0.9, true, 1);
            for parameter in &mut before.parameters {
                let row = parameter.len() / parameter.shape()[0];
                let values = parameter.as_mut_slice().iter_mut().enumerate();
                values.for_each(|(i, x)| *x = if i / row % 2 == 0 { f64::NAN } else { 10.0 });
            }
            let after = Sample::draw(network, &sizes[own], 0.3, true, 2);
            let made = on_threads(1, || {
                before.outcome::<f64>(Program::Real);
                after.outcome::<f64>(Program::Real)
            });
            let fresh = Sample::draw(two_layers(segment).with_path(path), &sizes[own], 0.3, true, 2);
            assert!(made == fresh.outcome::<f64>(Program::Real), "{segment:?} {path:?} {used}");
        }
    }
}

#[test]
fn passes_leave_the_buffers_that_they_use_at_once() {
    // On one thread: the histories of all 4 blocks, or of one segment, and a lane beside the one that sums all.
    for (segment, expected) in [(None, 4 + 2), (Some(3), 1 + 2)] {
        let sample = Sample::draw(two_layers(segment), &[12, 64, 30, 12, 3], 0.2, true, 6);
        on_threads(1, || (0..8).for_each(|_| drop(sample.outcome::<f32>(Program::Real))));
        assert_eq!(sample.network.pool.len(), expected, "{segment:?}");
    }
    // One block is one history and one lane.
    let sample = Sample::draw(two_layers(None), &[12, BLOCK, 30, 12, 3], 0.2, true, 6);
    on_threads(1, || drop(sample.outcome::<f32>(Program::Real)));
    assert_eq!(sample.network.pool.len(), 2);
    // On several, no more than one of each for each block.
    for segment in [None, Some(3)] {
        let sample = Sample::draw(two_layers(segment), &[12, 64, 30, 12, 3], 0.2, true, 6);
        on_threads(4, || (0..8).for_each(|_| drop(sample.outcome::<f32>(Program::Real))));
        assert!(sample.network.pool.len() <= 8, "{segment:?}");
    }
}
