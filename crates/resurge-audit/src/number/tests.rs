use super::*;
use crate::description::Linear;

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
    let run = |needed: bool| {
        Stage::<Bounded>::run(&layer, input.cast(), crate::stage::Given::weight(&weight), needed).unwrap()
    };
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
