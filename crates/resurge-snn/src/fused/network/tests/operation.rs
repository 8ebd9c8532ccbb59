//! The operation on the tape: what it refuses, and what it says of itself.

use super::*;

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let input = SpikeTrain::from_tensor(&Tensor::<f64>::zeros([3, 2, 4]).unwrap()).unwrap();
    let network = FusedNetwork::new([cell(), cell()]).unwrap();
    let mut tape = Tape::<f64>::new();
    let mut leaf = |shape: &[usize]| tape.leaf(Tensor::zeros(shape).unwrap());
    let (good, bad, last, bias, scalar) =
        (leaf(&[5, 4]), leaf(&[5, 3]), leaf(&[2, 5]), leaf(&[4]), leaf(&[]));
    let error = |layers: &[FusedLayer], tape: &mut Tape<f64>| network.run(tape, &input, layers).unwrap_err();
    assert_eq!(
        error(&[bad.into(), last.into()], &mut tape).to_string(),
        "layer 0 of a fused network: the weight has shape [5, 3], but [5, 4] is needed"
    );
    let biased = FusedLayer { weight: last, bias: Some(bias) };
    assert!(matches!(
        error(&[good.into(), biased], &mut tape),
        SnnError::Layer { layer: 1, what: "the bias", .. }
    ));
    assert_eq!(error(&[good.into()], &mut tape), SnnError::LayerCount { expected: 2, actual: 1 });
    let no_matrix = error(&[scalar.into(), last.into()], &mut tape);
    let (actual, expected) = (Shape::from([0_usize; 0]), [0, 4].into());
    assert_eq!(no_matrix, SnnError::Layer { layer: 0, what: "the weight", actual, expected });
    let refused = [
        (FusedNetwork::new([]), "no layer at all"),
        (FusedNetwork::new([cell().with_reset(Reset::GATED_INPUT).unwrap()]), "a reset that gates the input"),
        (FusedNetwork::new([cell().with_firing(Firing::Repeatedly)]), "several spikes in a step"),
        (FusedNetwork::new([cell().with_synapse(0.5, 1.0).unwrap()]), "a synapse"),
        // Wherever it stands.
        (FusedNetwork::new([cell(), cell().with_firing(Firing::Repeatedly)]), "several spikes in a step"),
    ];
    for (network, option) in refused {
        assert_eq!(network.unwrap_err(), SnnError::NotFused { option });
    }
    for decay in [-0.1, 1.0, f64::NAN] {
        assert!(network.clone().with_input_trace_decay(decay).is_err());
    }
    assert!(network.with_input_trace_decay(0.0).is_ok());
}

/// Used by itself, without a tape: with what `run` would have refused, and without what a forward pass has kept.
#[test]
fn the_operation_stands_by_itself() {
    let network = FusedNetwork::new([cell(), cell()]).unwrap();
    let sample = Sample::draw(network.clone(), &[6, 18, 5, 4, 3], 0.4, true, 21);
    let op = NetworkOp { network: Arc::new(network), input: sample.input.clone(), biased: vec![true, true] };
    let inputs: Vec<&Tensor<f64>> = sample.parameters.iter().collect();
    let expected = sample.outcome::<f64>(Program::Real);
    let value = Op::forward(&op, &inputs).unwrap();
    assert_eq!(value, expected[0]);
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let cotangent = value.map(|_: f64| rng.random::<f64>() - 0.3);
    let contributions = op.vjp(&Vjp::new(&inputs, &value, &cotangent)).unwrap();
    assert_eq!(contributions.len(), 4);
    for (made, expected) in contributions.iter().zip(&expected[1..]) {
        assert_eq!(made, &Some(expected.clone().into()));
    }

    // The run is kept for the reverse pass, and the programs are those of a tape.
    let (kept, saved) = op.evaluate(&inputs, OpMode::Real).unwrap();
    assert!(kept == value && saved.state.is_some_and(|state| state.is::<Run<f64>>()));
    assert_eq!(Op::smooth(&op, &inputs).unwrap(), sample.outcome::<f64>(Program::Smooth)[0]);
    let recorded = inputs.iter().map(|&input| input.clone()).collect();
    let anchor = Anchor { op: "fused_network", inputs: recorded, output: value.clone() };
    let moved: Vec<Tensor<f64>> = sample.parameters.iter().map(nearby).collect();
    let anchored = op.anchored(&moved.iter().collect::<Vec<_>>(), &anchor).unwrap();
    assert_eq!(anchored, sample.outcome::<f64>(Program::Anchored)[0]);
    assert_ne!(anchored, Op::smooth(&op, &moved.iter().collect::<Vec<_>>()).unwrap());

    let count = |actual| AutodiffError::InputCount { op: "fused_network", expected: 4, actual };
    let surplus = [&inputs[..], &inputs[..1]].concat();
    for given in [&inputs[..0], &inputs[..1], &inputs[..2], &inputs[..3], &surplus] {
        assert_eq!(Op::forward(&op, given).unwrap_err(), count(given.len()));
    }
    for (place, shape) in [(0, [4, 5]), (2, [3, 4])] {
        let mut wrong = inputs.clone();
        let short = Tensor::zeros([shape[0], shape[1] - 1]).unwrap();
        wrong[place] = &short;
        let refused = Op::forward(&op, &wrong).unwrap_err();
        let actual = short.shape().clone();
        let expected = TensorError::Shape { op: "fused_network", expected: shape.into(), actual };
        assert_eq!(refused, expected.into());
    }
    let mut wrong = inputs.clone();
    let scalar = Tensor::scalar(0.5);
    wrong[0] = &scalar;
    let (actual, expected) = (Shape::from([0_usize; 0]), [0, 5].into());
    let refused = TensorError::Shape { op: "fused_network", expected, actual };
    assert_eq!(Op::forward(&op, &wrong).unwrap_err(), refused.into());
    let mut wrong = inputs;
    let long = Tensor::zeros([5]).unwrap();
    wrong[1] = &long;
    assert!(Op::forward(&op, &wrong).unwrap_err().to_string().contains("fused_network"));
}

#[test]
fn an_operation_says_what_it_is() {
    let sample = Sample::draw(FusedNetwork::new([cell(), cell()]).unwrap(), &[6, 1, 5, 4, 3], 0.4, true, 22);
    let mut tape = Tape::<f64>::new();
    let vars: Vec<Var> = sample.parameters.iter().map(|p| tape.leaf(p.clone())).collect();
    sample.fused(&mut tape, &vars);
    let last = "%4 = fused_network(%0, %1, %2, %3) [6, 1, 3] 2 layers, 6 steps\n";
    assert!(tape.to_string().ends_with(last), "{tape}");
}

/// What a run has left in the buffers is no part of what a network is, nor of what it prints.
#[test]
fn a_network_that_has_run_is_the_same_network() {
    let network = FusedNetwork::new([cell()]).unwrap();
    let printed = format!("{network:?}");
    Sample::draw(network.clone(), &[6, 1, 5, 3], 0.4, true, 22).outcome::<f64>(Program::Real);
    assert_eq!(network, FusedNetwork::new([cell()]).unwrap());
    assert_eq!(format!("{network:?}"), printed);
    assert!(printed.ends_with("pool: Pool }"), "{printed}");
}

#[test]
fn a_run_keeps_its_history_or_where_segments_start() {
    let sample =
        Sample::draw(FusedNetwork::new([cell(), cell()]).unwrap(), &[7, 18, 5, 4, 3], 0.4, false, 23);
    let parameters: Vec<Parameters<'_, f64>> =
        sample.parameters.iter().map(|weight| Parameters { weight, bias: None }).collect();
    for (segment, starts) in
        [(None, None), (Some(0), Some(7)), (Some(3), Some(3)), (Some(7), None), (Some(9), None)]
    {
        let network = sample.network.clone();
        let network = match segment {
            Some(steps) => network.with_checkpoints(steps),
            None => network,
        };
        let network = FusedNetwork { pool: Pool::default(), ..network };
        let run = Run::forward(&network, &sample.input, &parameters).unwrap();
        assert_eq!(run.starts(), vec![starts; 2], "{segment:?}");
        // The histories of segments that are run again are free.
        assert_eq!(network.pool.len() > 0, starts.is_some(), "{segment:?}");
    }
}

/// Against the composed network, whose spikes come layer by layer and step by step, too.
#[test]
fn pieces_are_those_of_the_composed_network() {
    let kinked = Cell::lif(Surrogate::triangle(0.9).unwrap()).with_trace_decay(0.0).unwrap();
    let sample = Sample::draw(FusedNetwork::new([kinked, kinked]).unwrap(), &[6, 3, 5, 4, 3], 0.4, true, 24);
    for program in [Program::Smooth, Program::Anchored] {
        let pieces = |run: &dyn Fn(&mut Tape<WorstCase>, &[Var]) -> Var| {
            let pieces = std::cell::RefCell::new(Vec::new());
            sample.outcome_of(program, |tape, vars| {
                let output = run(tape, vars);
                pieces.replace(tape.pieces());
                output
            });
            pieces.into_inner()
        };
        let fused = pieces(&|tape, vars| sample.fused(tape, vars));
        assert_eq!(fused.len(), 6 * 3 * (4 + 3));
        assert_eq!(fused, pieces(&|tape, vars| sample.composed(tape, vars).0), "{program:?}");
        assert!(fused.iter().any(|&piece| piece != fused[0]), "{program:?}");
    }
}

/// One spike into one neuron that forgets nothing and never resets.
#[test]
fn options_are_those_that_were_asked_for() {
    let cell = Cell::integrate_and_fire(Surrogate::atan(2.0).unwrap()).with_reset(Reset::NONE).unwrap();
    let cell = cell.with_trace_decay(0.5).unwrap();
    let network = FusedNetwork::new([cell]).unwrap();
    assert_eq!(network.cells(), [cell]);
    let input = Tensor::from_vec([3, 1, 1], vec![1.0, 0.0, 0.0]).unwrap();
    let input = SpikeTrain::from_tensor(&input).unwrap();
    let run = |network: &FusedNetwork| {
        let mut tape = Tape::<f64>::new();
        let weight = tape.leaf(Tensor::full([1, 1], 1.5).unwrap());
        let output = network.run(&mut tape, &input, &[weight.into()]).unwrap();
        tape.value(output).unwrap().as_slice().to_vec()
    };
    // The potential is 1.5 from the first step on; filtered, it is 0.75, 1.125, 1.3125.
    let filtered = network.clone().with_input_trace_decay(0.5).unwrap();
    let expected: [(_, &[f64], &[f64]); 4] = [
        (OUTPUTS[0], &[1.0, 1.0, 1.0], &[0.0, 1.0, 1.0]),
        (OUTPUTS[1], &[0.5, 0.75, 0.875], &[0.0, 0.5, 0.75]),
        (OUTPUTS[2], &[3.0], &[2.0]),
        (OUTPUTS[3], &[2.125], &[1.25]),
    ];
    assert_eq!(run(&network), expected[1].1, "traces, by default");
    for (output, plain, traced) in expected {
        assert_eq!(run(&network.clone().with_output(output)), plain, "{output:?}");
        assert_eq!(run(&filtered.clone().with_output(output)), traced, "{output:?}");
    }
    // What hands on its spikes is not filtered.
    let cells = [cell, cell.with_trace_decay(0.0).unwrap(), cell];
    let network = FusedNetwork::new(cells).unwrap();
    let filters = |network: &FusedNetwork| {
        let stages = network.recurrences::<f64>().unwrap();
        stages.into_iter().map(|(_, filter)| filter.map(|f| (f.beta, f.gain))).collect::<Vec<_>>()
    };
    assert_eq!(filters(&network), [None, Some((0.5, 0.5)), None]);
    let traced = network.with_input_trace_decay(0.25).unwrap();
    assert_eq!(filters(&traced), [Some((0.25, 0.75)), Some((0.5, 0.5)), None]);
}
