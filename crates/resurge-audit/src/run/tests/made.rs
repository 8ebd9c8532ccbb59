//! Networks that are made here, small enough for their losses and gradients to be computed by hand.

use super::*;
use crate::file::Precision;
use crate::reader::tests::{Draft, chain, linear, normed, sum_times};
use serde_json::json;

fn near(is: f64, expected: f64) -> bool {
    (is - expected).abs() <= 1e-12 * expected.abs()
}

fn at_rest(numbers: &Tensor<f64>) -> Tensor<f64> {
    Tensor::zeros(numbers.shape().clone()).unwrap()
}

/// A cotangent of the output has none of the loss's parts of other layers.
#[test]
fn a_loss_has_parts_of_layers_between() {
    let file = chain().read().unwrap();
    let run = NetworkRun::<f64>::new(&file).unwrap();
    assert_eq!(run.loss(), 0.5 * (7.0 * 30.0 + 11.0 * 6.0));
    let weights = |found: NetworkGradients<f64>| -> Vec<f64> {
        found.layers.iter().map(|layer| layer.weight.as_ref().unwrap().as_slice()[0]).collect()
    };
    let rule = Rule::default();
    assert_eq!(weights(run.gradients(&rule).unwrap()), [0.5 * (7.0 * 5.0 + 11.0) * 2.0, 0.5 * 7.0 * 6.0]);
    let (output, potentials) = run.at_output();
    assert_eq!((output.as_slice(), potentials.is_none()), (&[3.5][..], true));
    let found = run.gradients_from(&rule, output, None).unwrap();
    assert_eq!(weights(found), [0.5 * 7.0 * 5.0 * 2.0, 0.5 * 7.0 * 6.0]);
}

/// Nothing is computed at the input that nobody asks for.
#[test]
fn there_is_a_gradient_at_the_input_where_the_file_has_it() {
    let draft = chain().filled("gradients.input", &[1, 1, 1]);
    let at_input = |file: &AuditFile| {
        let found = NetworkRun::<f64>::new(file).unwrap().gradients(&Rule::default()).unwrap();
        found.input.map(|g| g.as_slice()[0])
    };
    assert_eq!(at_input(&chain().read().unwrap()), None);
    let expected = Some(0.5 * (7.0 * 5.0 + 11.0) * 3.0);
    let mut file = draft.read().unwrap();
    assert_eq!((file.gradients.len(), at_input(&file)), (3, expected));
    file.gradients.retain(|gradient| gradient.of == Of::Input);
    assert_eq!((file.gradients.len(), at_input(&file)), (1, expected));
}

/// A layer's bias before batch normalisation has no gradient but rounding, and the bound has what statistics lose.
#[test]
fn a_norm_takes_the_bias_before_it_away() {
    let file = normed(true).read().unwrap();
    let bias =
        NetworkRun::<f64>::new(&file).unwrap().gradients(&Rule::default()).unwrap().layers[0].bias.clone();
    assert_eq!(bias.unwrap().as_slice(), [0.0, 0.0]);
    let run = NetworkRun::<Bounded>::new(&file).unwrap();
    let bias = run.gradients(&Rule::default()).unwrap().layers[0].bias.clone().unwrap();
    assert!(bias.as_slice().iter().all(|x| x.value == 0.0 && x.error() > 0.0), "{bias:?}");

    let layer = |k: usize| (&file.description.layers[k], Given::of(&file.layers[k]));
    let ((linear, of_linear), (norm, of_norm)) = (layer(0), layer(1));
    let first = Stage::<Bounded>::run(linear, file.input.cast(), of_linear, false).unwrap();
    let loss = |input: &Tensor<Bounded>| {
        let last = Stage::run(norm, input.clone(), of_norm, false).unwrap();
        let output = last.output().unwrap().clone();
        LossRun::run(&file.description.loss, &file.target, output, None).unwrap().value
    };
    let x = first.output().unwrap();
    let with_its_loss = Bounded::before_norm(x.clone(), crate::description::Over::Run).unwrap();
    assert_eq!(run.loss(), loss(&with_its_loss));
    assert!(run.loss().error() > loss(x).error());
}

/// Of what is smaller than the smallest normal number, nothing may be left: of the loss's slopes at the output, at the
/// potentials, and at layers between.
#[test]
fn slopes_of_the_loss_may_underflow() {
    let leak = json!({"kind": "integrator", "decay": 0.5});
    let shape = [1, 1, 1];
    let mut file = Draft::new(&json!([linear(false), leak]), &sum_times(1.0))
        .with("input", &shape, &[2.0])
        .with("layers.0.weight", &[1, 1], &[3.0])
        .with("loss.weight", &shape, &[1e-40])
        .with("loss.potential_weight", &shape, &[-3e-40])
        .with("loss.weight.0", &shape, &[5e-41])
        .filled("gradients.layers.0.weight", &[1, 1])
        .read()
        .unwrap();
    for (precision, roundoff) in [(Precision::F64, None), (Precision::F32, Some(0.5_f64.powi(24)))] {
        file.precision = precision;
        let run = NetworkRun::<Bounded>::new(&file).unwrap();
        let (output, potentials) = run.at_output();
        let inner = run.with_inner(0, at_rest(&file.input).cast()).unwrap();
        for (found, size) in [(&output, 1e-40), (&potentials.unwrap(), -3e-40), (&inner, 5e-41)] {
            let found = found.as_slice()[0];
            let lost = roundoff.map_or(0.0, |roundoff| f64::abs(size) / roundoff);
            assert!(found.value == size && near(found.error(), lost), "{precision:?}: {found:?}");
        }
    }
}

/// An integrator that is held at its least potential, whatever resets of neurons are tried.
#[test]
fn an_integrator_has_no_reset_to_be_changed() {
    let leak = json!({
        "kind": "integrator", "decay": 0.5, "min_potential": -0.25, "learned": {"tau": {"decay": 1.0}}
    });
    let shape = [4, 1, 1];
    let file = Draft::new(&json!([leak]), &sum_times(1.0))
        .with("input", &shape, &[1.0, -3.0, 0.5, 0.25])
        .with("loss.weight", &shape, &[1.0, -2.0, 3.0, 5.0])
        .filled("gradients.layers.0.tau", &[])
        .read()
        .unwrap();
    let run = NetworkRun::<f64>::new(&file).unwrap();
    let tau = |reset: Option<Reset>| {
        run.recorded(&run.gradients(&Rule { reset, ..Rule::default() }).unwrap())[0].clone()
    };
    // u = 1, -2.5, 0.375, 0.4375: the third step begins at the least potential, and the fourth at 0.375.
    let expected = vec![-2.0 + (3.0 + 0.5 * 5.0) * -0.25 + 5.0 * 0.375];
    assert_eq!(tau(None), expected);
    for timing in [resurge_snn::ResetTiming::AfterDecay, resurge_snn::ResetTiming::AfterInput] {
        for kind in [resurge_snn::ResetKind::ToZero, resurge_snn::ResetKind::Subtract] {
            assert_eq!(tau(Some(Reset { kind, timing })), expected, "{kind:?} {timing:?}");
        }
    }
}

/// Of each neuron, of each channel, of all: sums of the neurons' own, each by the derivative of its channel.
#[test]
fn the_gradient_of_a_learned_constant_is_of_its_neurons() {
    let leak = json!({"kind": "integrator", "decay": 0.5, "learned": {"tau": {"decay": [1.0, 2.0]}}});
    let shape = [2, 1, 2, 2, 1];
    // The decay acts on the first potential alone, which is the first input.
    let input = [1.0, -3.0, 0.5, 0.25, 7.0, 7.0, 7.0, 7.0];
    let weight = [9.0, 9.0, 9.0, 9.0, 2.0, 3.0, 5.0, -4.0];
    let draft = Draft::new(&json!([leak]), &sum_times(1.0)).with("input", &shape, &input).with(
        "loss.weight",
        &shape,
        &weight,
    );
    let of = |shape: &[usize]| {
        let file = draft.clone().filled("gradients.layers.0.tau", shape).read().unwrap();
        let run = NetworkRun::<f64>::new(&file).unwrap();
        run.recorded(&run.gradients(&Rule::default()).unwrap()).remove(0)
    };
    let each = [2.0 * 1.0, 3.0 * -3.0, 2.0 * (5.0 * 0.5), 2.0 * (-4.0 * 0.25)];
    assert_eq!(of(&[4]), each);
    assert_eq!(of(&[2, 2, 1]), each);
    assert_eq!(of(&[2]), [each[0] + each[1], each[2] + each[3]]);
    assert_eq!(of(&[]), [each.iter().sum::<f64>()]);
}

/// One of them is enough.
#[test]
fn what_is_not_finite_is_refused() {
    assert!(finite(2, "output", &[1.0, -1e300]).is_ok());
    for bad in [f64::INFINITY, f64::NAN] {
        let said = finite(2, "output", &[1.0, bad, 3.0]).unwrap_err().to_string();
        let start = "the network cannot be run: the output of layer 2, or the bound of its rounding errors";
        assert!(said.starts_with(start), "{said}");
    }
}
