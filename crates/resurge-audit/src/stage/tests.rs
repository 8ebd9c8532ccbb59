use super::*;
use crate::description::Plain;

/// Two steps of three samples, two channels; no regularity.
const SHAPE: [usize; 3] = [2, 3, 2];

fn numbers(times: usize) -> Tensor<f64> {
    Tensor::from_fn(SHAPE, |i| (i * times % 12) as f64 - 4.5).unwrap()
}

/// Its own numbers are not learned.
#[test]
fn a_mask_multiplies() {
    let (x, mask, cotangent) = (numbers(5), numbers(7), numbers(11));
    let product = |a: &Tensor<f64>, b: &Tensor<f64>| -> Vec<f64> {
        a.as_slice().iter().zip(b.as_slice()).map(|(a, b)| a * b).collect()
    };
    let given = Given { mask: Some(&mask), ..Given::default() };
    let stage = Stage::run(&Layer::Mask(Plain { class: None }), x.clone(), given, true).unwrap();
    assert_eq!(stage.output().unwrap().as_slice(), product(&x, &mask));
    let found = stage.back(cotangent.clone()).unwrap();
    assert_eq!(found.input.unwrap().as_slice(), product(&cotangent, &mask));
    assert!(found.weight.is_none() && found.bias.is_none());
}

/// `w (x - mean) / sqrt(variance + epsilon) + b` of each channel, by loops: over all steps, or over each.
#[test]
fn a_norm_is_over_a_run_or_over_each_step() {
    let x = numbers(5);
    let (weight, bias) = ([2.0, -0.5], [0.25, 1.0]);
    let [weights, biases] = [weight, bias].map(|two| Tensor::from_vec([2], two.to_vec()).unwrap());
    for (over, with_bias) in [(Over::Run, true), (Over::Step, true), (Over::Run, false), (Over::Step, false)]
    {
        let layer = Layer::BatchNorm(Norm { bias: with_bias, over, epsilon: 0.5, class: None });
        let given = Given { bias: with_bias.then_some(&biases), ..Given::weight(&weights) };
        let stage = Stage::run(&layer, x.clone(), given, false).unwrap();
        let found = stage.output().unwrap();
        assert_eq!(found.shape()[..], SHAPE);
        for (i, (&x_i, &is)) in x.as_slice().iter().zip(found.as_slice()).enumerate() {
            let same = |&j: &usize| j % 2 == i % 2 && (over == Over::Run || j / 6 == i / 6);
            let group: Vec<f64> = (0..12).filter(same).map(|j| x.as_slice()[j]).collect();
            let n = group.len() as f64;
            let mean = group.iter().sum::<f64>() / n;
            let variance = group.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
            let b = if with_bias { bias[i % 2] } else { 0.0 };
            let expected = weight[i % 2] * (x_i - mean) / (variance + 0.5).sqrt() + b;
            // A few roundings of numbers of about 1.
            assert!((is - expected).abs() < 1e-14, "{over:?} {i}: {is} and not {expected}");
        }
    }
}
