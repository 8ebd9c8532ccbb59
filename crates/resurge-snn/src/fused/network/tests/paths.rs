//! Events or dense products: which of them is taken, and that the spikes are the same.

use super::*;

fn norm(t: &Tensor<f64>) -> f64 {
    t.as_slice().iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// The fast path is as accurate as f32 allows: 24 bits, some hundred terms.
#[test]
fn single_precision_is_within_1e_5_of_the_composed_network_in_double() {
    for (seed, path) in [(11, EventPath::Events), (12, EventPath::Dense), (13, EventPath::Auto)] {
        let network = FusedNetwork::new([cell(), cell()]).unwrap().with_path(path);
        let sample = Sample::draw(network, &[50, 16, 100, 64, 10], 0.1, false, seed);
        let fast = sample.outcome::<f32>(Program::Real);
        let exact: Outcome<f64> = sample.expected(Program::Real).unwrap().iter().map(Tensor::cast).collect();
        assert_eq!(fast[0].cast::<f64>(), exact[0], "the same spikes");
        for (fast, exact) in fast.iter().zip(&exact).skip(1) {
            let error = norm(&fast.cast::<f64>().sub(exact).unwrap()) / norm(exact);
            assert!(error < 1e-5, "{path:?}: {error:e}");
        }
    }
}

#[test]
fn a_product_is_dense_above_the_crossover_alone() {
    for (density, auto) in [(0.0, false), (0.3, false), (0.65, false), (0.651, true), (1.0, true)] {
        let dense = [EventPath::Auto, EventPath::Events, EventPath::Dense].map(|path| path.is_dense(density));
        assert_eq!(dense, [auto, false, true], "{density}");
    }
}

/// In single precision the two paths differ in the last bits, which tell the one that was taken. The density is that
/// of a chunk: spikes over rows and inputs.
#[test]
fn the_path_is_that_of_the_density() {
    for (density, same) in [(0.1, EventPath::Events), (0.5, EventPath::Events), (0.8, EventPath::Dense)] {
        let network = FusedNetwork::new([cell()]).unwrap();
        let outcome = |path| {
            let network = network.clone().with_path(path);
            Sample::draw(network, &[30, 3, 300, 20], density, false, 8).outcome::<f32>(Program::Real)
        };
        let other = if same == EventPath::Events { EventPath::Dense } else { EventPath::Events };
        let auto = outcome(EventPath::Auto);
        assert!(auto == outcome(same), "{density}");
        assert!(auto != outcome(other), "{density}");
    }
}

/// Weights of quarters and a decay of a half: potentials are exact on any path, and often exactly at the threshold.
#[test]
fn ties_fire_by_the_rule_on_every_path() {
    let quarters = |sample: &mut Sample| {
        for parameter in &mut sample.parameters {
            let values = parameter.as_mut_slice().iter_mut().enumerate();
            values.for_each(|(i, x)| *x = (*x * 4.0).round() / 4.0 - [0.0, 0.25][i % 2]);
        }
    };
    for (reset, output) in [(Reset::TO_ZERO, OUTPUTS[0]), (Reset::SUBTRACT, OUTPUTS[2])] {
        let mut spikes = Vec::new();
        for firing in [Firing::Above, Firing::AtOrAbove] {
            for (path, segment) in [
                (EventPath::Events, 10),
                (EventPath::Dense, 10),
                (EventPath::Events, 2),
                (EventPath::Dense, 3),
            ] {
                let cell = cell().with_decay(0.5).unwrap().with_reset(reset).unwrap().with_firing(firing);
                let network = FusedNetwork::new([cell, cell]).unwrap().with_checkpoints(segment);
                let network = network.with_path(path).with_output(output);
                let mut sample = Sample::draw(network, &[6, 19, 20, 17, 3], 0.3, true, 12);
                quarters(&mut sample);
                let expected = sample.outcome_of(Program::Real, |tape, vars| sample.composed(tape, vars).0);
                let what = format!("{firing:?} {path:?} {segment} {reset:?}");
                let (fast, fused) =
                    (sample.outcome::<f32>(Program::Real), sample.outcome::<WorstCase>(Program::Real));
                assert_eq!(fast[0].cast::<f64>(), expected[0].cast(), "{what}");
                for (x, y) in fused.iter().zip(&expected) {
                    let agree = x.as_slice().iter().zip(y.as_slice()).all(|(x, y)| x.agrees(*y));
                    assert!(agree, "{what}");
                }
                spikes.push(fast.into_iter().next());
            }
        }
        assert!(spikes[0] != spikes[4], "no potential at the threshold");
    }
}
