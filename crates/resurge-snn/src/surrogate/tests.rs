//! Surrogates against their own primitives, tables and conventions.

use super::*;
use crate::SnnError;
use approx::assert_relative_eq;
use resurge_tensor::Dual;
use std::f64::consts::PI;

fn all() -> Vec<Surrogate> {
    let plain = [
        Surrogate::sigmoid(0.2),
        Surrogate::atan(2.0),
        Surrogate::fast_sigmoid(5.0),
        Surrogate::triangle(0.8),
        Surrogate::rectangle(1.5),
        Surrogate::gaussian(0.4),
        Surrogate::erf(1.7),
        Surrogate::tanh(1.5),
        Surrogate::exponential(0.3),
        Surrogate::algebraic(0.6),
        Surrogate::asymptotic_superspike(4.0),
        Surrogate::multi_gaussian(0.5, 0.15, 6.0),
    ]
    .map(|s| s.unwrap());
    let scales = [SurrogateScale::UnitArea, SurrogateScale::PeakOne];
    plain.iter().flat_map(|s| scales.map(|scale| s.with_scale(scale))).collect()
}

/// Points on every piece, on no kink.
fn points() -> impl Iterator<Item = f64> {
    (-40..40).map(|i| f64::from(i) * 0.0937 + 0.0123)
}

#[test]
fn the_derivative_is_that_of_the_primitive() {
    for s in all() {
        for x in points() {
            let slope = s.primitive(Dual::variable(x)).eps;
            assert_relative_eq!(s.derivative(x), slope, max_relative = 1e-13, epsilon = 1e-15);
        }
    }
}

#[test]
fn formulas_at_hand_picked_points() {
    let at = |s: Result<Surrogate>, x: f64| s.unwrap().derivative(x);
    assert_relative_eq!(at(Surrogate::sigmoid(0.5), 0.5), 2.0 * 0.196_611_933_241_481_85);
    assert_relative_eq!(at(Surrogate::atan(2.0), 1.0 / PI), 0.5);
    assert_relative_eq!(at(Surrogate::fast_sigmoid(10.0), -0.1), 0.25);
    assert_relative_eq!(at(Surrogate::triangle(0.5), 0.25), 1.0);
    assert_relative_eq!(at(Surrogate::rectangle(0.5), 0.2), 2.0);
    assert_eq!(at(Surrogate::rectangle(0.5), 0.3), 0.0);
    assert_eq!(at(Surrogate::triangle(0.5), -0.6), 0.0);
    assert_relative_eq!(at(Surrogate::gaussian(0.5), 0.5), 0.483_941_449_038_286_7, max_relative = 1e-15);
}

#[test]
fn scales_are_what_they_are_called() {
    for s in all() {
        match s.scale() {
            SurrogateScale::PeakOne => assert_relative_eq!(s.derivative(0.0), 1.0),
            SurrogateScale::Peak(_) => unreachable!("not in the list"),
            SurrogateScale::UnitArea => {
                // Heavy tails: atan and the fast sigmoid approach 1 like 1/x.
                assert_relative_eq!(s.primitive(1e9) - s.primitive(-1e9), 1.0, max_relative = 1e-8);
                assert_relative_eq!(s.primitive(0.0), 0.5);
            }
        }
    }
}

#[test]
fn derivatives_are_even_and_pieces_change_only_at_kinks() {
    for s in all() {
        for x in points() {
            assert_relative_eq!(s.derivative(x), s.derivative(-x));
            assert_eq!(s.piece(x), s.piece(x + 1e-9));
        }
    }
    let piece = |s: Result<Surrogate>, x| s.unwrap().piece(x);
    assert_eq!([-2.0, -0.5, 0.5, 2.0].map(|x| piece(Surrogate::triangle(1.0), x).unwrap()), [0, 1, 2, 3]);
    assert_eq!([-0.6, 0.4, 0.6].map(|x| piece(Surrogate::rectangle(1.0), x).unwrap()), [0, 1, 2]);
    assert_eq!([-0.1, 0.1].map(|x| piece(Surrogate::fast_sigmoid(1.0), x).unwrap()), [0, 1]);
    assert_eq!(piece(Surrogate::gaussian(1.0), 0.1), None);
}

#[test]
fn the_width_is_area_over_peak_under_either_scale() {
    for s in all() {
        let area = s.primitive(1e9) - s.primitive(-1e9);
        assert_relative_eq!(s.width(), area / s.derivative(0.0), max_relative = 1e-8);
    }
    assert_relative_eq!(Surrogate::sigmoid(0.2).unwrap().width(), 0.8);
    assert_relative_eq!(Surrogate::rectangle(0.7).unwrap().width(), 0.7);
}

#[test]
fn parameters_outside_their_domain_are_named() {
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        for (result, parameter) in [
            (Surrogate::sigmoid(bad), "sigmoid width"),
            (Surrogate::atan(bad), "atan slope"),
            (Surrogate::fast_sigmoid(bad), "fast sigmoid slope"),
            (Surrogate::triangle(bad), "triangle width"),
            (Surrogate::rectangle(bad), "rectangle width"),
            (Surrogate::gaussian(bad), "Gaussian width"),
        ] {
            let Err(SnnError::Parameter { parameter: named, expected, .. }) = result else {
                panic!("{parameter} = {bad} was accepted");
            };
            assert_eq!((named, expected), (parameter, "positive and finite"));
        }
    }
}
