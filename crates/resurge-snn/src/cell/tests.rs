//! Cells against numbers worked by hand.

use super::*;
use crate::{CellRun, ResetKind, ResetTiming, Result, SnnError};
use resurge_autodiff::{Tape, Var};
use resurge_tensor::Tensor;

/// sigma' = 1/4 everywhere in reach, and constants that are dyadic, so that the equalities below are exact.
fn cell() -> Cell {
    let cell = Cell::lif(Surrogate::rectangle(4.0).unwrap());
    cell.with_decay(0.5).and_then(|c| c.with_trace_decay(0.25)).unwrap()
}

fn run(cell: Cell, currents: &[f64]) -> (Tape<f64>, Var, CellRun) {
    let mut tape = Tape::new();
    let current = tape.leaf(Tensor::from_vec([currents.len(), 1], currents.to_vec()).unwrap());
    let run = cell.run(&mut tape, current).unwrap();
    (tape, current, run)
}

fn values(tape: &Tape<f64>, vars: &[Var]) -> Vec<f64> {
    vars.iter().map(|&v| tape.value(v).unwrap().item().unwrap()).collect()
}

fn potentials(cell: Cell, currents: &[f64]) -> Vec<f64> {
    let (tape, _, run) = run(cell, currents);
    values(&tape, &run.potentials)
}

#[test]
fn spikes_and_traces() {
    let (tape, _, run) = run(cell(), &[0.75, 1.0, 0.25, 1.0]);
    assert_eq!(values(&tape, &run.potentials), [0.75, 1.375, 0.25, 1.125]);
    assert_eq!(values(&tape, &run.spikes), [0.0, 1.0, 0.0, 1.0]);
    assert_eq!(values(&tape, &run.outputs), [0.0, 1.0, 0.0, 1.0]);
    assert_eq!(values(&tape, &run.traces), [0.0, 0.75, 0.1875, 0.796875]);
}

#[test]
fn each_reset_follows_its_equation() {
    let at = |kind, timing| Reset { kind, timing };
    use crate::ResetTiming::*;
    use ResetKind::*;
    // u[1] = 1.375 fires; u[2] by hand for the input 0.25, and u[3] for the input 1.
    for (reset, u2, u3) in [
        (Reset::TO_ZERO, 0.25, 1.125),
        (at(ToZero, AfterDecay), 0.25, 1.125),
        (Reset::GATED_INPUT, 0.0, 1.0),
        (Reset::SUBTRACT, -0.0625, 0.96875),
        (Reset::SUBTRACT_THEN_DECAY, 0.4375, 1.21875),
        (at(Subtract, AfterInput), -0.0625, 0.96875),
        (Reset::to_value(0.5), 0.5, 1.25),
        (at(ToValue(0.5), AfterDecay), 0.75, 1.375),
        (at(ToValue(0.5), AfterInput), 0.5, 1.25),
        (Reset::NONE, 0.9375, 1.46875),
    ] {
        let u = potentials(cell().with_reset(reset).unwrap(), &[0.75, 1.0, 0.25, 1.0]);
        assert_eq!(u, [0.75, 1.375, u2, u3], "{reset:?}");
    }
    // The added value comes at every step: 0.5 (0.75 + 0.5) + 1 = 1.625 fires, then 0.5 * 0.5 + 0.25 = 0.5.
    let u = potentials(cell().with_reset(at(ToZeroThenAdd(0.5), BeforeDecay)).unwrap(), &[0.75, 1.0, 0.25]);
    assert_eq!(u, [0.75, 1.625, 0.5]);
}

#[test]
fn a_potential_at_the_threshold_fires_by_the_rule() {
    let spikes = |firing| {
        let (tape, _, run) = run(cell().with_firing(firing), &[1.0, 0.5 + f64::EPSILON, 4.0]);
        values(&tape, &run.spikes)
    };
    assert_eq!(spikes(Firing::Above), [0.0, 1.0, 1.0]);
    assert_eq!(spikes(Firing::AtOrAbove), [1.0, 0.0, 1.0]);
    assert_eq!(spikes(Firing::Repeatedly), [1.0, 0.0, 4.0]);
}

/// Two steps by hand: loss u[1], so d loss / d I[0] is the factor in (5), (6).
#[test]
fn each_gradient_has_its_factor() {
    let half = ResetGradient::scaled(0.5).unwrap();
    let rules = [ResetGradient::Full, ResetGradient::Detached, half, ResetGradient::SpatialOnly];
    let at = |reset, current: f64| {
        rules.map(|rule| {
            let cell = cell().with_reset(reset).unwrap().with_reset_gradient(rule);
            let (tape, input, run) = run(cell, &[current, 0.0]);
            tape.backward(run.potentials[1]).unwrap().wrt(input).unwrap().as_slice()[0]
        })
    };
    // lambda = 0.5, g = 0.25, theta = 1; u[0] = 0.5 is silent, u[0] = 2 fires.
    assert_eq!(at(Reset::TO_ZERO, 0.5), [0.5 * (1.0 - 0.125), 0.5, 0.5 * (1.0 - 0.0625), 0.0]);
    assert_eq!(at(Reset::TO_ZERO, 2.0), [0.5 * -0.5, 0.0, 0.5 * -0.25, 0.0]);
    assert_eq!(at(Reset::SUBTRACT, 2.0), [0.5 - 0.25, 0.5, 0.5 - 0.125, 0.0]);
    assert_eq!(at(Reset::SUBTRACT_THEN_DECAY, 2.0), [0.5 * 0.75, 0.5, 0.5 * 0.875, 0.0]);
    assert_eq!(at(Reset::to_value(-1.0), 2.0), [0.5 * -0.75, 0.0, 0.5 * -0.375, 0.0]);
    assert_eq!(at(Reset::GATED_INPUT, 2.0), [-0.25, 0.0, -0.125, 0.0]);
    assert_eq!(at(Reset::NONE, 2.0), [0.5, 0.5, 0.5, 0.0]);
}

#[test]
fn synapse_gain_drive_and_initial_potential() {
    let second_order = cell().with_synapse(0.5, 2.0).unwrap().with_reset(Reset::NONE).unwrap();
    // i = 0.5, 0.25, 0.125; u = 0.5, 0.5, 0.375.
    assert_eq!(potentials(second_order, &[0.25, 0.0, 0.0]), [0.5, 0.5, 0.375]);
    let driven = cell().with_input_gain(0.25).and_then(|c| c.with_drive(0.125)).unwrap();
    let driven = driven.with_initial_potential(0.5).unwrap();
    assert_eq!(potentials(driven, &[1.0, 0.0]), [0.625, 0.4375]);
    assert_eq!(
        potentials(Cell::integrate_and_fire(cell().surrogate()), &[0.5, 0.25, 0.25]),
        [0.5, 0.75, 1.0]
    );
}

#[test]
fn an_adaptive_threshold_rises_with_each_spike_and_decays() {
    // A = 0, then 0.5 (1 - 0.5) = 0.25, then 0.125 + 0.25 o.
    let adaptive = cell().with_adaptation(0.5, 0.5).unwrap();
    let (tape, _, run) = run(adaptive, &[1.125, 1.1875, 1.1875]);
    // Thresholds 1, 1.25, 1.125: the second input does not reach, the third does after decay.
    assert_eq!(values(&tape, &run.spikes), [1.0, 0.0, 1.0]);
}

#[test]
fn refractory_cells_are_silent_for_as_many_steps() {
    let spikes = |steps| {
        let (tape, _, run) = run(cell().with_refractory_steps(steps), &[2.0; 6]);
        values(&tape, &run.spikes)
    };
    assert_eq!(spikes(0), [1.0; 6]);
    assert_eq!(spikes(1), [1.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
    assert_eq!(spikes(2), [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
}

#[test]
fn a_delayed_output_is_the_spike_of_the_step_before() {
    let (tape, _, run) = run(cell().with_output_delay(true), &[2.0, 0.0, 2.0]);
    assert_eq!(values(&tape, &run.spikes), [1.0, 0.0, 1.0]);
    assert_eq!(values(&tape, &run.outputs), [0.0, 1.0, 0.0]);
    assert_eq!(values(&tape, &run.traces), [0.0, 0.75, 0.1875]);
}

#[test]
fn a_residual_reset_takes_off_what_one_spike_left() {
    // u = 4 fires, m = 3 is still above: R = 1, u = 0.5 * 3 - 1 = 0.5, m = 0.5 - (0 - 1) = 1.5, R = 1, ...
    let cell = cell().with_reset(Reset::SUBTRACT_THEN_DECAY).unwrap().with_residual_reset(true);
    assert_eq!(potentials(cell, &[4.0, 0.0, 0.0]), [4.0, 0.5, -0.25]);
}

#[test]
fn a_residual_reset_goes_with_subtract_then_decay_alone() {
    let others = [
        (Reset::SUBTRACT, "subtract"),
        (Reset { kind: ResetKind::Subtract, timing: ResetTiming::AfterInput }, "subtract"),
        (Reset::TO_ZERO, "zero"),
        (Reset::GATED_INPUT, "gated"),
        (Reset::to_value(-0.5), "value"),
        (Reset::NONE, "none"),
    ];
    for (reset, name) in others {
        let mut tape = Tape::new();
        let current = tape.leaf(Tensor::from_vec([2, 1], vec![4.0, 0.0]).unwrap());
        // In either order, as the last word is the run's.
        let late = cell().with_residual_reset(true).with_reset(reset).unwrap();
        let early = cell().with_reset(reset).unwrap().with_residual_reset(true);
        for cell in [late, early] {
            let error = cell.run(&mut tape, current).unwrap_err();
            assert_eq!(error, SnnError::ResidualReset { reset: name });
            let text = error.to_string();
            assert!(text.contains(name) && text.contains("Reset::SUBTRACT_THEN_DECAY"), "{text}");
        }
        assert!(cell().with_reset(reset).unwrap().run(&mut tape, current).is_ok());
    }
}

#[test]
fn recurrent_weights_feed_back_the_spikes_of_the_step_before() {
    let mut tape = Tape::new();
    let current = tape.constant(Tensor::from_vec([2, 1, 2], vec![2.0, 0.0, 0.0, 0.0]).unwrap());
    let weight = tape.leaf(Tensor::from_vec([2, 2], vec![0.0, 0.5, 0.75, 0.0]).unwrap());
    let mut parameters = cell().parameters(&mut tape);
    parameters.recurrent = Some(weight);
    let run = cell().run_with(&mut tape, current, &parameters).unwrap();
    assert_eq!(tape.value(run.potentials[1]).unwrap().as_slice(), &[0.0, 0.75]);
}

#[test]
fn every_constant_can_be_learned() {
    // u[1] = lambda (u[0] (1 - o[0]) + v_r o[0]) + gain I[1] + drive with u[0] = gain I[0] + drive, silent.
    let cell = cell().with_reset(Reset::to_value(0.25)).unwrap();
    let mut tape = Tape::new();
    let current = tape.constant(Tensor::from_vec([2, 1], vec![0.5, 0.25]).unwrap());
    let mut parameters = cell.parameters(&mut tape);
    let mut leaf = |x: f64| tape.leaf(Tensor::scalar(x));
    let (decay, gain, drive, v_reset) = (leaf(0.5), leaf(1.0), leaf(0.0), leaf(0.25));
    let threshold = leaf(1.0);
    parameters.decay = decay;
    parameters.threshold = threshold;
    parameters.input_gain = Some(gain);
    parameters.drive = Some(drive);
    parameters.v_reset = Some(v_reset);
    let run = cell.run_with(&mut tape, current, &parameters).unwrap();
    let gradients = tape.backward(run.potentials[1]).unwrap();
    let at = |var| gradients.wrt(var).unwrap().item().unwrap();
    // factor = lambda [(1 - o) + (v_r - u) g] = 0.5 (1 - 0.25 / 4).
    let factor = 0.5 * (1.0 - 0.0625);
    assert_eq!(at(decay), 0.5);
    assert_eq!(at(gain), 0.25 + factor * 0.5);
    assert_eq!(at(drive), 1.0 + factor);
    assert_eq!(at(v_reset), 0.0);
    // d u[1] / d theta = -lambda (v_r - u) g.
    assert_eq!(at(threshold), -0.5 * -0.25 * 0.25);
}

#[test]
fn a_threshold_can_be_kept_out_of_the_spike() {
    let slope = |mode| {
        let cell = cell().with_threshold(0.5).unwrap().with_threshold_in_spike(mode);
        let mut tape = Tape::new();
        let current = tape.leaf(Tensor::from_vec([1, 1], vec![0.75]).unwrap());
        let mut parameters = cell.parameters(&mut tape);
        parameters.threshold = tape.leaf(Tensor::scalar(0.5));
        let run = cell.run_with(&mut tape, current, &parameters).unwrap();
        let gradients = tape.backward(run.spikes[0]).unwrap();
        [current, parameters.threshold].map(|v| gradients.wrt(v).unwrap().as_slice()[0])
    };
    assert_eq!(slope(ThresholdInSpike::Attached), [0.25, -0.25]);
    assert_eq!(slope(ThresholdInSpike::Detached), [0.25, 0.0]);
    // (u - theta) / theta: the slope is that of a surrogate 1/theta times as steep.
    assert_eq!(slope(ThresholdInSpike::Relative), [0.5, 0.0]);
}

#[test]
fn a_detached_reset_can_be_seen_on_the_drawing() {
    let drawing = |rule| {
        let mut tape = Tape::<f64>::new();
        let input = tape.leaf(Tensor::full([2, 1, 1], 0.7).unwrap());
        cell().with_reset_gradient(rule).run(&mut tape, input).unwrap();
        tape.to_dot()
    };
    let detached = drawing(ResetGradient::Detached);
    assert!(detached.contains("reset\\ndetach") && detached.contains("color=red"), "{detached}");
    assert!(drawing(ResetGradient::Scaled(0.5)).contains("reset\\nscale_grad x 0.5"));
    let full = drawing(ResetGradient::Full);
    assert!(!full.contains("detach") && full.contains("u[1]\\nadd"), "{full}");
}

#[test]
fn bad_parameters_and_inputs_are_named() {
    let named = |result: Result<Cell>| match result {
        Err(SnnError::Parameter { parameter, .. }) => parameter,
        other => panic!("{other:?}"),
    };
    for (result, parameter) in [
        (cell().with_decay(1.1), "membrane decay"),
        (cell().with_decay(f64::NAN), "membrane decay"),
        (cell().with_trace_decay(1.0), "trace decay"),
        (cell().with_threshold(0.0), "threshold"),
        (cell().with_input_gain(f64::INFINITY), "input gain"),
        (cell().with_drive(f64::NAN), "drive"),
        (cell().with_initial_potential(f64::NAN), "initial potential"),
        (cell().with_synapse(1.0, 1.0), "synapse decay"),
        (cell().with_synapse(0.5, f64::NAN), "synapse gain"),
        (cell().with_adaptation(-0.1, 1.0), "adaptation decay"),
        (cell().with_adaptation(0.1, f64::NAN), "adaptation scale"),
        (cell().with_reset(Reset::to_value(f64::NAN)), "reset value"),
    ] {
        assert_eq!(named(result), parameter);
    }
    for shape in [&[][..], &[3], &[0, 2]] {
        let mut tape = Tape::<f64>::new();
        let input = tape.leaf(Tensor::zeros(shape).unwrap());
        assert!(matches!(cell().run(&mut tape, input), Err(SnnError::Sequence { what: "spiking cell", .. })));
    }
}

#[test]
fn a_plain_cell_has_the_constants_of_the_paper() {
    let surrogate = Surrogate::rectangle(4.0).unwrap();
    let numbers = |c: Cell| {
        [c.decay(), c.trace_decay(), c.threshold(), c.input_gain(), c.drive(), c.initial_potential()]
    };
    let lif = Cell::lif(surrogate);
    assert_eq!(numbers(lif), [0.8, 0.5, 1.0, 1.0, 0.0, 0.0]);
    assert_eq!(numbers(Cell::integrate_and_fire(surrogate)), [1.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    for cell in [lif, Cell::integrate_and_fire(surrogate)] {
        assert_eq!((cell.synapse(), cell.adaptation(), cell.refractory_steps()), (None, None, 0));
        assert_eq!((cell.reset(), cell.reset_gradient()), (Reset::TO_ZERO, ResetGradient::Full));
        assert_eq!((cell.firing(), cell.threshold_in_spike()), (Firing::Above, ThresholdInSpike::Attached));
        assert_eq!((cell.surrogate(), cell.output_delay(), cell.residual_reset()), (surrogate, false, false));
    }
}

#[test]
fn each_option_is_what_was_set() {
    let other = Surrogate::sigmoid(0.5).unwrap();
    let plain = cell()
        .with_surrogate(other)
        .with_reset_gradient(ResetGradient::Detached)
        .with_firing(Firing::AtOrAbove)
        .with_threshold_in_spike(ThresholdInSpike::Relative)
        .with_refractory_steps(3)
        .with_output_delay(true)
        .with_residual_reset(true);
    assert_eq!((plain.surrogate(), plain.reset_gradient()), (other, ResetGradient::Detached));
    assert_eq!((plain.firing(), plain.threshold_in_spike()), (Firing::AtOrAbove, ThresholdInSpike::Relative));
    assert_eq!((plain.refractory_steps(), plain.output_delay(), plain.residual_reset()), (3, true, true));

    let numbers = plain.with_decay(1.0).and_then(|c| c.with_trace_decay(0.0)).and_then(|c| {
        c.with_threshold(2.0)?.with_input_gain(-0.5)?.with_drive(0.25)?.with_initial_potential(-1.0)
    });
    let numbers = numbers.unwrap();
    assert_eq!((numbers.decay(), numbers.trace_decay(), numbers.threshold()), (1.0, 0.0, 2.0));
    assert_eq!((numbers.input_gain(), numbers.drive(), numbers.initial_potential()), (-0.5, 0.25, -1.0));

    let built = plain.with_synapse(0.0, 3.0).and_then(|c| c.with_adaptation(0.0, 4.0)).unwrap();
    assert_eq!(built.synapse(), Some(Synapse { decay: 0.0, gain: 3.0 }));
    assert_eq!(built.adaptation(), Some(Adaptation { decay: 0.0, scale: 4.0 }));
    assert_eq!(built.with_reset(Reset::to_value(0.5)).unwrap().reset(), Reset::to_value(0.5));
}

/// Nothing is recorded for a factor of 1 and a constant of 0: the tape of a plain cell stays short.
#[test]
fn constants_without_effect_are_left_out() {
    let present = |cell: Cell| {
        let p = cell.parameters(&mut Tape::<f64>::new());
        [p.input_gain, p.drive, p.trace_decay, p.synapse_decay, p.synapse_gain, p.v_reset]
            .map(|v| v.is_some())
    };
    assert_eq!(present(Cell::integrate_and_fire(cell().surrogate())), [false; 6]);
    assert_eq!(present(cell()), [false, false, true, false, false, false]);
    assert_eq!(present(cell().with_synapse(0.5, 1.0).unwrap()), [false, false, true, true, false, false]);
    let full = cell().with_synapse(0.5, 2.0).and_then(|c| c.with_input_gain(0.5)).unwrap();
    let full = full.with_drive(0.5).and_then(|c| c.with_reset(Reset::to_value(0.0))).unwrap();
    assert_eq!(present(full), [true; 6]);

    // A gain of 1 and an initial potential of 0 add no node: input, constants, silence, select, spike.
    let (tape, _, _) = run(Cell::integrate_and_fire(cell().surrogate()), &[0.5]);
    let names: Vec<&str> = tape.nodes().iter().map(|node| node.name()).collect();
    assert_eq!(names, ["leaf", "constant", "constant", "constant", "select", "sub", "spike"]);
}
