use super::*;
use resurge_autodiff::{Tape, Var};
use resurge_snn::{Reset, Surrogate, trace_loss};

fn network(rule: ResetGradient) -> Network {
    let cell = Cell::lif(Surrogate::rectangle(4.0).unwrap()).with_decay(0.5).unwrap();
    Network::new(&[1, 1], cell.with_trace_decay(0.0).unwrap().with_reset_gradient(rule)).unwrap()
}

fn tensor(shape: &[usize], values: &[f64]) -> Tensor<f64> {
    Tensor::from_vec(shape, values.to_vec()).unwrap()
}

#[test]
fn a_spike_in_the_last_step_is_followed_by_no_reset() {
    // Two neurons over three steps.
    assert_eq!(followed(&[1.0, 0.0, 1.0, 1.0, 1.0, 1.0], 3), 3);
    assert_eq!(followed(&[1.0, 1.0], 1), 0);
}

/// One neuron, two steps, by hand: sigma' = 1/4, u = [2, 0.5], o = [1, 0], target [0, 0], so dL/da = [1, 0]
/// and delta[1] = 0, delta[0] = 1/4. With target [1, -1] instead, dL/da = [0, 1], delta[1] = 1/4 and
/// delta[0] = factor / 4, the factor being lambda (1 - o - alpha u g) = -alpha / 4.
#[test]
fn two_steps_by_hand() {
    let parameters = [tensor(&[1, 1], &[2.0]), tensor(&[1], &[0.0])];
    let input = tensor(&[2, 1, 1], &[1.0, 0.25]);
    let run = |rule, target: [f64; 2]| {
        closed_form(&network(rule), &parameters, &input, &tensor(&[2, 1, 1], &target)).unwrap()
    };
    let near = run(ResetGradient::Full, [0.0, 0.0]);
    assert_eq!((near.loss, near.firing_rate), (0.5, 0.5));
    assert_eq!(near.gradient, [0.25, 0.25]);
    for (rule, alpha) in [
        (ResetGradient::Full, 1.0),
        (ResetGradient::Detached, 0.0),
        (ResetGradient::Scaled(0.5), 0.5),
        (ResetGradient::SpatialOnly, 0.0),
    ] {
        let (first, second) = (-alpha / 4.0 * 0.25, 0.25);
        let far = run(rule, [1.0, -1.0]);
        assert_eq!(far.gradient, [first + 0.25 * second, first + second], "{rule:?}");
    }
}

#[test]
fn shapes_that_do_not_fit_are_named() {
    let good = [tensor(&[1, 1], &[2.0]), tensor(&[1], &[0.0])];
    let (input, target) = (tensor(&[2, 1, 1], &[1.0, 0.25]), tensor(&[2, 1, 1], &[0.0; 2]));
    let network = network(ResetGradient::Full);
    let error = |p: &[Tensor<f64>], x: &Tensor<f64>, y: &Tensor<f64>| {
        closed_form(&network, p, x, y).unwrap_err().to_string()
    };
    assert!(matches!(
        closed_form(&network, &good[..1], &input, &target),
        Err(GradcheckError::Snn(SnnError::ParameterCount { expected: 2, actual: 1 }))
    ));
    let flat = tensor(&[2], &[1.0; 2]);
    assert!(error(&[flat.clone(), good[1].clone()], &input, &target).contains("closed form weight"));
    assert!(error(&[good[0].clone(), flat.clone()], &input, &target).contains("closed form bias"));
    assert!(error(&good, &flat, &target).contains("closed form input"));
    assert!(error(&good, &flat, &target).contains("needs a tensor of 3 axes"));
    let two = Network::new(&[1, 1, 1], network.cell()).unwrap();
    let upper = [good[0].clone(), good[1].clone(), flat.clone(), good[1].clone()];
    let upper = closed_form(&two, &upper, &input, &target).unwrap_err().to_string();
    assert!(upper.contains("closed form weight"), "{upper}");
    assert!(error(&good, &tensor(&[1, 1, 2], &[0.0; 2]), &target).contains("closed form input"));
    assert!(error(&good, &input, &flat).contains("closed form target"));
}

/// Spikes beside the potential in the way of the gradient, in both layers, at every reset and reset gradient.
fn cells() -> Vec<Cell> {
    let kinds = [
        ResetKind::None,
        ResetKind::ToZero,
        ResetKind::ToValue(-0.3),
        ResetKind::Subtract,
        ResetKind::ToZeroThenAdd(0.15),
    ];
    let timings = [ResetTiming::BeforeDecay, ResetTiming::AfterDecay, ResetTiming::AfterInput];
    let rules = [
        ResetGradient::Full,
        ResetGradient::Detached,
        ResetGradient::Scaled(0.4),
        ResetGradient::SpatialOnly,
    ];
    let mut cells = Vec::new();
    for (kind, timing) in kinds.into_iter().flat_map(|kind| timings.map(|timing| (kind, timing))) {
        for rule in rules {
            let cell = Cell::lif(Surrogate::sigmoid(0.4).unwrap()).with_reset_gradient(rule);
            let cell = cell.with_reset(Reset { kind, timing }).unwrap().with_decay(0.7).unwrap();
            let cell = cell.with_threshold(0.9).unwrap().with_trace_decay(0.35).unwrap();
            // One constant at a time, and all of them.
            let [gain, drive, initial] = [1.3, 0.1, 0.6];
            cells.extend([
                cell,
                cell.with_input_gain(gain).unwrap(),
                cell.with_drive(drive).unwrap(),
                cell.with_initial_potential(initial).unwrap(),
                cell.with_input_gain(gain)
                    .and_then(|cell| cell.with_drive(drive)?.with_initial_potential(initial))
                    .unwrap()
                    .with_threshold_in_spike(ThresholdInSpike::Detached),
            ]);
        }
    }
    cells
}

/// The same loss, gradient and firing rate by the tape.
fn by_tape(
    network: &Network,
    parameters: &[Tensor<f64>],
    input: &Tensor<f64>,
    target: &Tensor<f64>,
) -> ClosedForm {
    let mut tape = Tape::new();
    let vars: Vec<Var> = parameters.iter().map(|p| tape.leaf(p.clone())).collect();
    let input = tape.constant(input.clone());
    let run = network.run(&mut tape, &vars, input).unwrap();
    let loss = trace_loss(&mut tape, run.output, target).unwrap();
    let gradients = tape.backward(loss).unwrap();
    let gradient = vars.iter().flat_map(|&var| gradients.wrt(var).unwrap().as_slice().to_vec()).collect();
    let spikes: Vec<f64> = run
        .layers
        .iter()
        .flat_map(|layer| &layer.spikes)
        .flat_map(|&o| tape.value(o).unwrap().as_slice().to_vec())
        .collect();
    let firing_rate = spikes.iter().sum::<f64>() / spikes.len() as f64;
    // How many resets there were is not what is compared.
    ClosedForm { loss: tape.value(loss).unwrap().item().unwrap(), gradient, firing_rate, resets: 0 }
}

/// All numbers are of order 1 and a gradient's entry sums some hundred products: 1e-12 is ten thousand roundings.
#[test]
fn every_reset_and_constant_agrees_with_the_tape() {
    let mut rates = Vec::new();
    for (index, cell) in cells().into_iter().enumerate() {
        // Each third has a layer between two others of its size.
        let sizes: &[usize] = if index % 3 == 0 { &[3, 4, 4, 2] } else { &[3, 4, 2] };
        let network = Network::new(sizes, cell).unwrap();
        let mut parameters = network.init(0.9, 1.0, index as u64).unwrap();
        // Currents into the upper layer in its first step, too.
        for bias in (1..parameters.len()).step_by(2) {
            parameters[bias] = parameters[bias].map(|x: f64| x + 0.2);
        }
        let input = Tensor::from_fn([7, 2, 3], |i| f64::from(u8::from((i * 5 + index) % 3 > 0))).unwrap();
        let target = Tensor::from_fn([7, 2, 2], |i| ((i * 3 + index) % 7) as f64 / 7.0).unwrap();
        let made = closed_form(&network, &parameters, &input, &target).unwrap();
        let expected = by_tape(&network, &parameters, &input, &target);
        assert!((made.loss - expected.loss).abs() <= 1e-12 * expected.loss, "{cell:?}");
        assert!((made.firing_rate - expected.firing_rate).abs() <= 1e-12, "{cell:?}");
        assert_eq!(made.gradient.len(), expected.gradient.len());
        for (at, (x, y)) in made.gradient.iter().zip(&expected.gradient).enumerate() {
            assert!((x - y).abs() <= 1e-12, "{cell:?}: {at}: {x} for {y}");
        }
        rates.push(made.firing_rate);
    }
    // Most fire, and not always: some constants drive a neuron in every step.
    let mixed = rates.iter().filter(|rate| (0.05..0.95).contains(*rate)).count();
    assert!(mixed * 5 >= rates.len() * 4, "{mixed} of {}: {rates:?}", rates.len());
}

/// Equation (2): a potential exactly at the threshold does not fire.
#[test]
fn a_potential_at_the_threshold_does_not_fire() {
    let parameters = [tensor(&[1, 1], &[1.0]), tensor(&[1], &[0.0])];
    for (current, rate) in [(1.0, 0.0), (1.0 + f64::EPSILON, 1.0)] {
        let input = tensor(&[1, 1, 1], &[current]);
        let run =
            closed_form(&network(ResetGradient::Full), &parameters, &input, &tensor(&[1, 1, 1], &[0.0]));
        assert_eq!(run.unwrap().firing_rate, rate);
    }
}

#[test]
fn each_option_without_a_closed_form_is_refused() {
    let lif = Cell::lif(Surrogate::sigmoid(0.4).unwrap());
    let then_decay = lif.with_reset(Reset::SUBTRACT_THEN_DECAY).unwrap();
    let cells = [
        lif.with_synapse(0.5, 1.0).unwrap(),
        lif.with_adaptation(0.5, 1.0).unwrap(),
        lif.with_refractory_steps(1),
        lif.with_output_delay(true),
        then_decay.with_residual_reset(true),
        lif.with_firing(Firing::AtOrAbove),
        lif.with_firing(Firing::Repeatedly),
        lif.with_threshold_in_spike(ThresholdInSpike::Relative),
    ];
    let parameters = [tensor(&[1, 1], &[2.0]), tensor(&[1], &[0.0])];
    let run = |cell| {
        let one = tensor(&[1, 1, 1], &[1.0]);
        closed_form(&Network::new(&[1, 1], cell).unwrap(), &parameters, &one, &one)
    };
    for cell in cells {
        assert!(matches!(run(cell), Err(GradcheckError::NoClosedForm)), "{cell:?}");
    }
    for cell in [lif, then_decay, lif.with_threshold_in_spike(ThresholdInSpike::Detached)] {
        assert!(run(cell).is_ok(), "{cell:?}");
    }
}

#[test]
fn a_sequence_without_steps_or_samples_is_refused() {
    let parameters = [tensor(&[1, 1], &[2.0]), tensor(&[1], &[0.0])];
    for shape in [[0, 1, 1], [1, 0, 1]] {
        let none = tensor(&shape, &[]);
        let refused = closed_form(&network(ResetGradient::Full), &parameters, &none, &none);
        let expected = SnnError::Sequence { what: "closed form", shape: shape.into() };
        assert!(matches!(refused, Err(GradcheckError::Snn(error)) if error == expected));
    }
}
