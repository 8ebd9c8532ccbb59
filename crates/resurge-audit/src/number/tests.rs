use super::*;
use crate::description::{Linear, Norm};

fn near(is: f64, expected: f64) -> bool {
    (is - expected).abs() <= 1e-12 * expected.abs()
}

#[test]
fn a_constant_is_off_by_four_units() {
    assert_eq!(f64::constant(-0.5), -0.5);
    let bounded = Bounded::constant(-0.5);
    assert_eq!(bounded.value, -0.5);
    assert!(near(bounded.error(), 2.0));
}

/// `1 - |x|`, on which all is exact.
#[test]
fn a_slope_is_off_by_its_change_and_by_its_height() {
    let triangle = Surrogate::triangle(1.0).unwrap();
    let roundoff = 2.0_f64.powi(-10);
    assert_eq!(0.25.slope(&triangle, 0.5, roundoff), 0.5);
    for x in [0.25, -0.25] {
        // The potential is off by 3 units and by 4 of its size, twice that in units of the width; the height is 1.
        let slope = Bounded::new(x, 3.0).slope(&triangle, 0.5, roundoff);
        assert_eq!(slope.value, 0.5);
        assert!(near(slope.error(), 2.0 * (3.0 + 4.0 * 0.25) + 12.0), "{slope:?}");
    }
    // Across the kink at the edge, on whichever side of it.
    for x in [1.0, -1.0] {
        let slope = Bounded::new(x, 3.0).slope(&triangle, 1.0, roundoff);
        assert_eq!(slope.value, 0.0);
        assert!(near(slope.error(), 3.0 + 4.0 + 12.0), "{slope:?}");
    }
}

#[test]
fn of_what_underflows_all_may_be_lost() {
    assert_eq!(1e-300.flushed(1.0, 1e-3), 1e-300);
    let [below, at] = [-0.25, -0.5].map(|x| Bounded::new(x, 3.0).flushed(0.5, 0.125));
    assert_eq!((below.value, at.value), (-0.25, -0.5));
    assert!(near(below.error(), 3.0 + 0.25 / 0.125) && near(at.error(), 3.0));
}

/// Errors of cotangents are added up over the inputs' sizes, on top of what is independent.
#[test]
fn a_weights_gradient_has_an_error_in_common() {
    let layer = Layer::Linear(Linear { bias: false, class: None });
    let input = Tensor::from_vec([1, 1, 2], vec![-2.0, 3.0]).unwrap();
    let weight = Tensor::from_vec([1, 2], vec![0.5, -1.0]).unwrap();
    let run =
        |needed: bool| Stage::<Bounded>::run(&layer, input.cast(), Given::weight(&weight), needed).unwrap();
    let cotangent = Tensor::from_vec([1, 1, 1], vec![Bounded::new(-4.0, 5.0)]).unwrap();
    let independent = run(true).back(cotangent.clone()).unwrap().weight.unwrap();
    let found = Bounded::back(&layer, &run(true), cotangent.clone()).unwrap();
    let weight = found.weight.unwrap();
    assert_eq!(weight.shape()[..], [1, 2]);
    for (i, size) in [2.0, 3.0].into_iter().enumerate() {
        let (is, alone) = (weight.as_slice()[i], independent.as_slice()[i]);
        assert_eq!(is.value, [8.0, -12.0][i]);
        assert!(near(is.error(), alone.error() + 5.0 * size), "{is:?} {alone:?}");
    }
    assert!(found.input.is_some());
    assert!(Bounded::back(&layer, &run(false), cotangent).unwrap().input.is_none());
}

#[test]
fn what_vanishes_is_rounding_of_all_its_size() {
    assert_eq!(0.5.vanished(), 0.0);
    for x in [-2.0, 2.0] {
        let nothing = Bounded::new(x, 3.0).vanished();
        assert_eq!(nothing.value, 0.0);
        assert!(near(nothing.error(), 5.0), "{nothing:?}");
    }
}

fn norm(over: Over) -> Layer {
    Layer::BatchNorm(Norm { bias: false, over, epsilon: 1e-5, class: None })
}

/// Two steps of three samples, two channels of images of 2 x 2; no two numbers alike, of either sign.
const IMAGES: [usize; 5] = [2, 3, 2, 2, 2];

/// The number at `i` of a tensor, and its error: of places that go round, so that no regularity helps.
fn at(i: usize) -> Bounded {
    Bounded::new((i * 7 % 48) as f64 / 8.0 - 2.5, 1.0 + (i * 5 % 9) as f64)
}

fn images() -> Tensor<Bounded> {
    Tensor::from_vec(IMAGES, (0..48).map(at).collect()).unwrap()
}

/// The step and the channel of the number at `i`.
fn place(i: usize) -> (usize, usize) {
    let [_, batch, channels, rows, columns] = IMAGES;
    let of_a_step = batch * channels * rows * columns;
    (i / of_a_step, i % of_a_step / (rows * columns) % channels)
}

/// Of `n` values, the mean is off by 12 roots of n units of their mean size, and each number's deviation from it by 4.
#[test]
fn what_is_normalised_is_off_by_what_its_statistics_are() {
    for over in [Over::Run, Over::Step] {
        let found = Bounded::before_norm(images(), over).unwrap();
        assert_eq!(found.shape()[..], IMAGES);
        for (i, is) in found.as_slice().iter().enumerate() {
            let same =
                |&j: &usize| place(j).1 == place(i).1 && (over == Over::Run || place(j).0 == place(i).0);
            let group: Vec<f64> = (0..48).filter(same).map(|j| at(j).value).collect();
            let n = group.len() as f64;
            assert_eq!(n, if over == Over::Run { 24.0 } else { 12.0 });
            let (mean, size) =
                (group.iter().sum::<f64>() / n, group.iter().map(|x| x.abs()).sum::<f64>() / n);
            let lost = n.sqrt() * (12.0 * size + 4.0 * (at(i).value - mean).abs());
            assert_eq!(is.value, at(i).value);
            assert!(near(is.error(), at(i).error() + lost), "{over:?} {i}: {is:?}");
        }
    }
    // By hand: the first channel has 1 and 3, of mean and mean size 2; the second -1 and 5, of mean 2 and size 3.
    let input = Tensor::from_vec([1, 2, 2], vec![1.0, -1.0, 3.0, 5.0]).unwrap();
    let found = Bounded::before_norm(input.cast(), Over::Step).unwrap();
    for (is, units) in found.as_slice().iter().zip([24.0 + 4.0, 36.0 + 12.0, 24.0 + 4.0, 36.0 + 12.0]) {
        assert!(near(is.error(), 2.0_f64.sqrt() * units), "{is:?}");
    }
    assert_eq!(f64::before_norm(input.clone(), Over::Step).unwrap(), input);
}

/// The gradient of a channel's weight sums what is normalised times the cotangents: the errors of either, times the
/// other's size, are added as they are, whatever the weight.
#[test]
fn the_weight_of_a_norm_has_an_error_in_common() {
    let cotangent = |i: usize| Bounded::new((i * 11 % 48) as f64 / 16.0 - 1.25, 0.5 + (i * 13 % 7) as f64);
    let cotangents = Tensor::from_vec(IMAGES, (0..48).map(cotangent).collect()).unwrap();
    for over in [Over::Run, Over::Step] {
        let input = Bounded::before_norm(images(), over).unwrap();
        let run = |weight: [f64; 2]| {
            let weight = Tensor::from_vec([2], weight.to_vec()).unwrap();
            Stage::<Bounded>::run(&norm(over), input.clone(), Given::weight(&weight), true).unwrap()
        };
        // With weights of one, what is normalised is what comes out.
        let ones = run([1.0, 1.0]);
        let normal = ones.output().unwrap().as_slice();
        let mut common = [0.0; 2];
        for (i, x) in normal.iter().enumerate() {
            let y = cotangent(i);
            common[place(i).1] += x.value.abs() * y.error() + y.value.abs() * x.error();
        }
        for weight in [[1.0, 1.0], [3.0, -0.25]] {
            let alone = run(weight).back(cotangents.clone()).unwrap();
            let found = Bounded::back(&norm(over), &run(weight), cotangents.clone()).unwrap();
            assert_eq!(found.input, alone.input);
            let (found, alone) = (found.weight.unwrap(), alone.weight.unwrap());
            for (k, (is, alone)) in found.as_slice().iter().zip(alone.as_slice()).enumerate() {
                assert_eq!(is.value, alone.value);
                assert!(near(is.error(), alone.error() + common[k]), "{over:?} {k}: {is:?} {alone:?}");
            }
        }
    }
}

/// At the network's input, the errors of all neurons above are added over the sizes of their weights; behind batch
/// normalisation, and without a weight, the gradient stays what it is.
#[test]
fn the_gradient_at_the_input_has_an_error_in_common() {
    let layer = Layer::Linear(Linear { bias: false, class: None });
    let input = Tensor::from_vec([1, 1, 2], vec![-2.0, 3.0]).unwrap();
    let weight = Tensor::from_vec([2, 2], vec![0.5, -1.0, -0.25, 2.0]).unwrap();
    let stage = Stage::<Bounded>::run(&layer, input.cast(), Given::weight(&weight), true).unwrap();
    let cotangent =
        Tensor::from_vec([1, 1, 2], vec![Bounded::new(-4.0, 5.0), Bounded::new(1.0, 7.0)]).unwrap();
    let gradient = stage.back(cotangent.clone()).unwrap().input.unwrap();
    let of = |weight: Option<&Tensor<f64>>| {
        Bounded::at_input(&layer, &stage, weight, &cotangent, gradient.clone()).unwrap()
    };
    let common = [0.5 * 5.0 + 0.25 * 7.0, 5.0 + 2.0 * 7.0];
    for ((is, before), common) in of(Some(&weight)).as_slice().iter().zip(gradient.as_slice()).zip(common) {
        assert_eq!(is.value, before.value);
        assert!(near(is.error(), before.error() + common), "{is:?} {before:?}");
    }
    assert_eq!(of(None), gradient);

    let (layer, weight) = (norm(Over::Run), Tensor::from_vec([2], vec![1.0, -3.0]).unwrap());
    let stage = Stage::<Bounded>::run(&layer, images(), Given::weight(&weight), true).unwrap();
    let gradient = stage.back(images()).unwrap().input.unwrap();
    let found = Bounded::at_input(&layer, &stage, Some(&weight), &images(), gradient.clone()).unwrap();
    assert_eq!(found, gradient);
}
