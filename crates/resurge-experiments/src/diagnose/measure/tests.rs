use super::super::synthetic;
use super::*;
use crate::train::{Batch, Preset};
use resurge_snn::{Surrogate, linear, trace_filter};

const IMAGE: [usize; 3] = [1, 3, 3];

fn config(set: &[&str]) -> Config {
    let base =
        Config::preset(Preset::Small).with(&["layers=[\"linear 5\", \"linear 3\"]", "steps=7", "gain=3"]);
    base.unwrap().with(set).unwrap()
}

fn subject(set: &[&str]) -> Subject {
    let config = config(set);
    let batch = synthetic(&config, IMAGE, 3, 6, 0.5, 3).unwrap();
    Subject::fresh(config, batch, false, 3).unwrap()
}

fn flat(tensors: &[Tensor<f64>]) -> Vec<f64> {
    tensors.iter().flat_map(|tensor| tensor.as_slice().iter().copied()).collect()
}

#[test]
fn injections_add_up_to_the_gradient() {
    for set in [&["reset=zero"][..], &["reset=subtract", "loss=count 4 1"], &["reset=gated"]] {
        let subject = subject(set);
        for rule in [ResetGradient::Full, ResetGradient::Detached] {
            let recorded = Recorded::new(&subject, rule, subject.part(0, 6).unwrap()).unwrap();
            let of: Vec<Var> = recorded.weights.iter().copied().chain(recorded.potentials(7)).collect();
            let one = || Tensor::scalar(1.0);
            let whole = flat(&recorded.tape.adjoints(recorded.loss, one(), &of).unwrap());
            let cotangent =
                recorded.tape.adjoints(recorded.loss, one(), &[recorded.output]).unwrap().remove(0);
            let mut sum = vec![0.0; whole.len()];
            for s in 0..7 {
                let injected = only_step(&cotangent, s).unwrap();
                let part = flat(&recorded.tape.adjoints(recorded.output, injected, &of).unwrap());
                sum.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
            }
            let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
            let error: Vec<f64> = sum.iter().zip(&whole).map(|(a, b)| a - b).collect();
            assert!(norm(&whole) > 0.01 && norm(&error) < 1e-12 * norm(&whole), "{set:?} {rule:?}");
        }
    }
}

#[test]
fn the_gradient_is_that_of_a_training_and_a_part_is_any_samples() {
    let subject = subject(&[]);
    let diagnosis = diagnose(&subject).unwrap();
    // The fused form of the network, all samples at once, as `resurge train` has it.
    let gradients = |rule: &str| {
        let config = config(&[&format!("reset_gradient={rule}")]);
        let network = Network::new(&config, IMAGE, 3).unwrap().of_traces();
        let mut tape = Tape::new();
        let weights: Vec<Var> = subject.weights().iter().map(|w| tape.leaf(w.clone())).collect();
        let input = tape.constant(subject.batch.input.cast());
        let pass = network.forward(&mut tape, &weights, input, None).unwrap();
        let loss = network.loss(&mut tape, pass.output, &subject.batch.classes).unwrap();
        let all = tape.backward(loss).unwrap();
        weights.iter().map(|&w| all.wrt(w).unwrap().clone()).collect::<Vec<_>>()
    };
    let (full, detached) = (gradients("full"), gradients("detached"));
    let close = |a: Comparison, b: Comparison| {
        let pairs = [(a.full, b.full), (a.detached, b.detached), (a.missing.unwrap(), b.missing.unwrap())];
        // Sums in another order.
        assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() <= 1e-12 * b.abs()), "{a:?} {b:?}");
        assert!((a.cosine.unwrap() - b.cosine.unwrap()).abs() < 1e-12);
    };
    close(diagnosis.gradient, Comparison::of(&flat(&full), &flat(&detached)));
    for (index, layer) in diagnosis.layers.iter().enumerate() {
        close(layer.gradient, Comparison::of(full[index].as_slice(), detached[index].as_slice()));
        assert!(layer.gradient.missing.unwrap() > 0.05, "{layer:?}");
    }
    assert_eq!(diagnosis.layers.iter().map(|layer| layer.neurons).collect::<Vec<_>>(), [5, 3]);
    // Six samples make two parts; here they are one.
    let whole = measure(&subject, 0, 6).unwrap().diagnosis(&subject).unwrap();
    for (layer, whole) in diagnosis.layers.iter().zip(&whole.layers) {
        close(layer.adjoint, whole.adjoint);
        assert_eq!(layer.lags.len(), 7);
        layer.lags.iter().zip(&whole.lags).for_each(|(lag, whole)| close(lag.adjoint, whole.adjoint));
        assert_eq!((layer.firing_rate, layer.full.quantiles), (whole.firing_rate, whole.full.quantiles));
        assert_eq!((layer.detached.cut, layer.full.cut_steps), (whole.detached.cut, whole.full.cut_steps));
    }
}

/// One layer of one sample against plain loops over equations (1), (2), (5) and (6), the loss counting spikes.
#[test]
fn lags_and_growth_of_one_layer_by_hand() {
    let set = ["layers=[\"linear 3\"]", "loss=count 4 1", "gain=4", "tau_s=1", "surrogate=sigmoid 0.3"];
    let config = config(&set);
    let batch = synthetic(&config, IMAGE, 3, 1, 0.5, 5).unwrap();
    let subject = Subject::fresh(config, batch, false, 3).unwrap();
    let diagnosis = diagnose(&subject).unwrap();
    let layer = &diagnosis.layers[0];

    let (steps, neurons, decay) = (7, 3, 0.8);
    let surrogate = Surrogate::sigmoid(0.3).unwrap();
    let mut tape = Tape::<f64>::new();
    let input = tape.constant(subject.batch.input.cast::<f64>().reshape([7, 1, 9]).unwrap());
    let weight = tape.constant(subject.weights()[0].clone());
    let current = linear(&mut tape, input, weight, None).unwrap();
    let current = tape.value(current).unwrap().as_slice().to_vec();
    let mut u = vec![vec![0.0; neurons]; steps];
    for t in 0..steps {
        for n in 0..neurons {
            let before: f64 = if t > 0 { u[t - 1][n] } else { 0.0 };
            u[t][n] = decay * if before > 1.0 { 0.0 } else { before } + current[t * neurons + n];
        }
    }
    let spike = |t: usize, n: usize| f64::from(u8::from(u[t][n] > 1.0));
    let slope = |t: usize, n: usize| surrogate.derivative(u[t][n] - 1.0);
    let jacobian =
        |alpha: f64, t: usize, n: usize| decay * ((1.0 - spike(t, n)) - alpha * u[t][n] * slope(t, n));
    let total: f64 =
        (0..steps).flat_map(|t| (0..neurons).map(move |n| (t, n))).map(|(t, n)| spike(t, n)).sum();
    assert!(total > 2.0, "only {total} spikes");
    assert!((layer.firing_rate - total / 21.0).abs() < 1e-15);

    // The cotangent of the spikes, from the loss alone.
    let network = Network::new(&subject.config, IMAGE, 3).unwrap();
    let spikes = tape.leaf(Tensor::from_fn([7, 1, 3], |i| spike(i / 3, i % 3)).unwrap());
    let loss = network.loss(&mut tape, spikes, &subject.batch.classes).unwrap();
    let cotangent = tape.backward(loss).unwrap().wrt(spikes).unwrap().to_vec();

    let carried = |alpha: f64, s: usize, k: usize, n: usize| {
        (s - k..s).map(|t| jacobian(alpha, t, n)).product::<f64>() * cotangent[s * neurons + n] * slope(s, n)
    };
    for lag in &layer.lags {
        let at = |alpha: f64| -> Vec<f64> {
            let pairs = (lag.lag..steps).flat_map(|s| (0..neurons).map(move |n| (s, n)));
            pairs.map(|(s, n)| carried(alpha, s, lag.lag, n)).collect()
        };
        let expected = Comparison::of(&at(1.0), &at(0.0));
        let close = |a: f64, b: f64| (a - b).abs() < 1e-12 * (1.0 + b.abs());
        assert!(
            close(lag.adjoint.full, expected.full) && close(lag.adjoint.detached, expected.detached),
            "{lag:?} {expected:?}"
        );
        assert!(close(lag.adjoint.missing.unwrap(), expected.missing.unwrap()), "{lag:?} {expected:?}");
        assert_eq!(diagnosis.lags[lag.lag], *lag, "the only layer is the network");
    }
    assert_eq!(layer.lags[0].adjoint.missing, Some(0.0));
    for (growth, alpha) in [(&layer.full, 1.0), (&layer.detached, 0.0)] {
        let jacobians = Tensor::from_fn([6, 3], |i| jacobian(alpha, i / 3, i % 3)).unwrap();
        let expected = Growth::of(&jacobians);
        assert_eq!((growth.cut, growth.cut_steps), (expected.cut, expected.cut_steps));
        let pairs = growth.along.iter().zip(&expected.along);
        assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-12 * (1.0 + b)), "{growth:?} {expected:?}");
    }
}

#[test]
fn without_a_reset_and_without_potentials_there_is_no_term() {
    let none = diagnose(&subject(&["reset=none"])).unwrap();
    // Weights of 0: every potential is 0, so no neuron fires and - u sigma' is 0.
    let silent = subject(&["layers=[\"linear 3\"]", "surrogate=rectangle 4"]);
    let zeros = Tensor::zeros([3, 9]).unwrap();
    let silent = diagnose(&silent.with_weights([("linear1", &zeros)]).unwrap()).unwrap();
    for (diagnosis, fires) in [(none, true), (silent, false)] {
        let gradient = diagnosis.gradient;
        assert!(gradient.full > 0.0);
        assert_eq!((gradient.missing, gradient.detached), (Some(0.0), gradient.full));
        // A product over a product of roots, each rounded.
        assert!(gradient.cosine.unwrap() > 1.0 - 1e-15, "{gradient:?}");
        for layer in &diagnosis.layers {
            assert_eq!(layer.firing_rate > 0.0, fires);
            assert_eq!(layer.full, layer.detached);
            assert!(layer.lags.iter().all(|lag| lag.adjoint.missing == Some(0.0)), "{:?}", layer.lags);
            for quantile in layer.full.quantiles {
                assert!((quantile.unwrap() - 0.8_f64.ln()).abs() < 1e-12, "{quantile:?}");
            }
        }
    }
}

#[test]
fn the_same_bits_on_any_number_of_threads() {
    let subject = subject(&["reset=subtract"]);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| diagnose(&subject)).unwrap()
    };
    assert_eq!(run(1), run(2));
    assert_eq!(run(1), run(3));
}

#[test]
fn still_images_are_traces_that_rise() {
    // A still image passes the filter in the network; here it passes it before.
    let config = config(&[]);
    let image = Tensor::from_fn([1, 2, 1, 3, 3], |i| (i % 5) as f32 * 0.25).unwrap();
    let still = Batch { input: image.clone(), classes: vec![0, 2] };
    let every = Tensor::from_fn([7, 2, 1, 3, 3], |i| image.as_slice()[i % 18]).unwrap();
    let traces = Batch { input: trace_filter(&every, 0.5).unwrap(), classes: vec![0, 2] };
    let [still, traces] = [(still, true), (traces, false)].map(|(batch, still)| {
        diagnose(&Subject::fresh(config.clone(), batch, still, 3).unwrap()).unwrap().gradient
    });
    assert!(still.full > 0.01 && (still.full - traces.full).abs() < 1e-12 * still.full);
    assert!((still.missing.unwrap() - traces.missing.unwrap()).abs() < 1e-12);
}

#[test]
fn what_does_not_fit_is_named() {
    let config = config(&[]);
    let batch = synthetic(&config, IMAGE, 3, 2, 0.5, 1).unwrap();
    let wrong = Batch { classes: vec![0], ..batch.clone() };
    for (batch, still) in [(wrong, false), (batch.clone(), true)] {
        let error = Subject::fresh(config.clone(), batch, still, 3).unwrap_err().to_string();
        assert!(error.starts_with("samples have shape [7, 2, 1, 3, 3]"), "{error}");
    }
    assert!(synthetic(&config, IMAGE, 3, 2, 1.5, 1).is_err());
    let weight = Tensor::zeros([5, 9]).unwrap();
    let subject = || Subject::fresh(config.clone(), batch.clone(), false, 3).unwrap();
    for (weights, problem) in [
        (vec![("a", &weight)], "weight of layer 2 has shape nothing, but the settings ask for [3, 5]"),
        (vec![("a", &weight), ("b", &weight)], "weight b has shape [5, 9], but the settings ask for [3, 5]"),
    ] {
        let error = subject().with_weights(weights).unwrap_err().to_string();
        assert!(error.starts_with(problem), "{error}");
    }
}
