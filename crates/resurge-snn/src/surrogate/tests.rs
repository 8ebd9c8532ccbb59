//! Surrogates against their own primitives, tables and conventions.

use super::*;
use crate::{Result, SnnError};
use approx::assert_relative_eq;
use resurge_tensor::{Complex, Dual};
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
            (Surrogate::erf(bad), "erf slope"),
            (Surrogate::tanh(bad), "tanh slope"),
            (Surrogate::asymptotic_superspike(bad), "asymptotic SuperSpike slope"),
            (Surrogate::exponential(bad), "exponential width"),
            (Surrogate::algebraic(bad), "algebraic width"),
            (Surrogate::multi_gaussian(bad, 0.15, 6.0), "multi-Gaussian width"),
            (Surrogate::multi_gaussian(0.5, 0.15, bad), "multi-Gaussian ratio"),
            (Surrogate::heaviside(bad), "Heaviside width"),
            (Surrogate::periodic_exponential(bad, 1.0), "periodic exponential width"),
            (Surrogate::periodic_exponential(0.5, bad), "periodic exponential period"),
            (Surrogate::custom(bad, |_, x| x), "custom surrogate width"),
        ] {
            let Err(SnnError::Parameter { parameter: named, expected, .. }) = result else {
                panic!("{parameter} = {bad} was accepted");
            };
            assert_eq!((named, expected), (parameter, "positive and finite"));
        }
    }
    for wings in [-0.1, 0.5, f64::NAN] {
        let Err(SnnError::Parameter { parameter, .. }) = Surrogate::multi_gaussian(0.5, wings, 6.0) else {
            panic!("wings {wings} were accepted");
        };
        assert_eq!(parameter, "multi-Gaussian wings");
    }
}

/// An edge belongs to the outside: nothing rises there, not even a derivative of the derivative.
#[test]
fn at_an_edge_the_outside_begins() {
    for (surrogate, edge) in [(Surrogate::triangle(0.5), 0.5), (Surrogate::rectangle(0.5), 0.25)] {
        let surrogate = surrogate.unwrap();
        for x in [-edge, edge] {
            assert_eq!(surrogate.derivative(Dual::variable(x)), Dual::new(0.0, 0.0), "{surrogate:?} at {x}");
        }
        for (x, outside) in [(-edge, 0.0), (edge, 1.0)] {
            let value = surrogate.primitive(Complex::new(x, 0.125));
            assert_eq!(value, Complex::new(outside, 0.0), "{surrogate:?} at {x}");
        }
    }
}

#[test]
fn a_surrogate_is_smooth_unless_it_has_a_kink() {
    for s in all() {
        let kinked = ["fast-sigmoid", "triangle", "rectangle", "exponential"].contains(&s.name());
        assert_eq!((s.is_smooth(), s.kind().kinks().is_empty()), (!kinked, !kinked), "{s:?}");
    }
}

#[test]
fn many_derivatives_at_once_are_those_one_by_one() {
    for s in all() {
        let mut at_once: Vec<f64> = points().collect();
        s.derivatives(&mut at_once);
        assert_eq!(at_once, points().map(|x| s.derivative(x)).collect::<Vec<_>>(), "{s:?}");
    }
}

#[test]
fn the_primitive_has_the_derivative_at_every_kink_too() {
    for s in all() {
        for kink in s.kind().kinks() {
            assert_relative_eq!(s.primitive(Dual::variable(kink)).eps, s.derivative(kink), epsilon = 1e-15);
        }
    }
}

#[test]
fn a_straight_line_has_half_its_rise_below_zero() {
    let s = Surrogate::straight_through();
    assert_eq!([-0.5, 0.0, 0.5].map(|x| s.primitive(x)), [0.0, 0.5, 1.0]);
}

#[test]
fn each_has_its_name_peak_and_area() {
    let custom = |order: usize, x: f64| if order == 0 { 0.75 * x } else { 0.75 };
    // Name, value at 0, primitive at 1 less that at -1.
    for (surrogate, name, peak, rise) in [
        (Surrogate::sigmoid(0.5), "sigmoid", 0.5, 1f64.tanh()),
        (Surrogate::atan(2.0), "atan", 1.0, PI.atan() * 2.0 / PI),
        (Surrogate::fast_sigmoid(4.0), "fast-sigmoid", 1.0, 0.4),
        (Surrogate::triangle(2.0), "triangle", 0.5, 0.75),
        (Surrogate::rectangle(4.0), "rectangle", 0.25, 0.5),
        (Surrogate::gaussian(1.0), "gaussian", 0.398_942_280_401_432_7, 0.682_689_492_137_085_9),
        (Surrogate::erf(2.0), "gaussian", 2.0 / PI.sqrt(), 0.995_322_265_018_952_7),
        (Surrogate::tanh(1.0), "sigmoid", 1.0, 2.0 * 1f64.tanh()),
        (Surrogate::exponential(0.5), "exponential", 1.0, 1.0 - (-2f64).exp()),
        (Surrogate::algebraic(0.75), "algebraic", 1.0, 2.0 * 0.6),
        (Surrogate::asymptotic_superspike(4.0), "fast-sigmoid", 4.0, 1.6),
        (
            Surrogate::multi_gaussian(1.0, 0.0, 6.0),
            "multi-gaussian",
            0.398_942_280_401_432_7,
            0.682_689_492_137_085_9,
        ),
        (Surrogate::heaviside(0.25), "heaviside", 1.0, 1.25),
        (
            Surrogate::periodic_exponential(1.0, 4.0),
            "periodic-exponential",
            1.0,
            1.0 - (-1f64).exp() + 0.5 * (1.0 - (-2f64).exp()),
        ),
        (Ok(Surrogate::straight_through()), "straight-through", 1.0, 2.0),
        (Surrogate::custom(1.0, custom), "custom", 0.75, 1.5),
    ] {
        let s = surrogate.unwrap();
        assert_eq!(s.name(), name);
        assert_relative_eq!(s.derivative(0.0), peak, max_relative = 1e-15);
        assert_relative_eq!(s.primitive(1.0) - s.primitive(-1.0), rise, max_relative = 1e-14);
    }
}

/// The formula at `SurrogateKind::MultiGaussian`, less its denominator, term by term.
#[test]
fn a_multi_gaussian_is_the_sum_of_its_three_bells() {
    let normal = |x: f64, s: f64| (-0.5 * (x / s).powi(2)).exp() / (s * (2.0 * PI).sqrt());
    let (width, wings, ratio) = (0.5, 0.25, 3.0);
    let s = Surrogate::multi_gaussian(width, wings, ratio).unwrap();
    for x in [-2.0, -0.5, 0.0, 0.3, 0.5, 1.7] {
        let sides = normal(x - width, ratio * width) + normal(x + width, ratio * width);
        let expected = (1.0 + wings) * normal(x, width) - wings * sides;
        assert_relative_eq!(s.derivative(x), expected, max_relative = 1e-13);
    }
    assert_relative_eq!(s.primitive(40.0) - s.primitive(-40.0), 1.0 - wings, max_relative = 1e-15);
}

#[test]
fn a_custom_surrogate_equals_its_copies_alone_and_prints_its_width() {
    let with = |width| Surrogate::custom(width, move |order, x| width + order as f64 * x).unwrap();
    let one = with(0.5);
    let copy = one;
    assert_eq!(one, copy);
    assert_ne!(one, with(0.5), "another closure");
    let SurrogateKind::Custom(inner) = one.kind() else { panic!("{one:?}") };
    assert_ne!(inner, CustomSurrogate { width: 0.25, ..inner });
    assert_eq!(format!("{inner:?}"), "CustomSurrogate { width: 0.5, .. }");
    assert_eq!((one.primitive(3.0), one.derivative(3.0), one.width()), (0.5, 3.5, 0.5));
}

/// Those that rise for ever: they are not even, and have no area that a scale could make one.
fn unbounded() -> Vec<Surrogate> {
    let all = [
        Surrogate::heaviside(0.6),
        Surrogate::periodic_exponential(0.4, 0.9),
        Surrogate::periodic_exponential(3.0, 0.5),
    ];
    let all = all.map(|s| s.unwrap());
    [all, all.map(|s| s.with_scale(SurrogateScale::Peak(2.5)))].concat()
}

#[test]
fn the_derivative_of_one_that_rises_for_ever_is_that_of_its_primitive() {
    for s in unbounded() {
        let kinks = s.kind().kinks().into_iter().filter(|&x| x <= 0.0);
        for x in points().chain(kinks) {
            let slope = s.primitive(Dual::variable(x)).eps;
            assert_relative_eq!(s.derivative(x), slope, max_relative = 1e-13, epsilon = 1e-15);
            // A primitive has no jump, so that differences of it are integrals of the derivative.
            let mean = 0.5 * (s.derivative(x - 1e-7) + s.derivative(x + 1e-7));
            let rise = s.primitive(x + 1e-7) - s.primitive(x - 1e-7);
            assert_relative_eq!(rise, 2e-7 * mean, max_relative = 1e-5, epsilon = 1e-14);
        }
        let unit = s.with_scale(SurrogateScale::UnitArea);
        assert_eq!(unit.derivative(0.0), 1.0, "{s:?} has no area");
    }
}

/// Sinabs 3.1.3: `exp(-|v|/w)` with `v = u - theta` below the threshold and `theta (2 frac(u/theta - 1/2) - 1)` above.
#[test]
fn a_periodic_exponential_is_that_of_its_definition() {
    let (width, theta) = (0.4, 0.9);
    let s = Surrogate::periodic_exponential(width, theta).unwrap();
    for x in points() {
        let u: f64 = x + theta;
        let fraction = (u / theta - 0.5) - (u / theta - 0.5).floor();
        let v = if u < theta { u - theta } else { theta * (2.0 * fraction - 1.0) };
        assert_relative_eq!(s.derivative(x), (-v.abs() / width).exp(), max_relative = 1e-13);
    }
}

#[test]
fn pieces_of_those_that_rise_for_ever_change_at_their_kinks_alone() {
    for s in unbounded() {
        assert!(!s.is_smooth());
        for x in points() {
            assert_eq!(s.piece(x), s.piece(x + 1e-9));
        }
        for kink in s.kind().kinks() {
            assert_ne!(s.piece(kink - 1e-9), s.piece(kink + 1e-9), "{s:?} at {kink}");
        }
    }
    let periodic = Surrogate::periodic_exponential(0.4, 1.0).unwrap();
    let pieces = [-3.0, 0.2, 0.7, 1.2, 31.7, 32.2].map(|x| periodic.piece(x).unwrap());
    assert_eq!(pieces, [0, 1, 2, 3, 0, 1]);
    assert_eq!([periodic.width(), Surrogate::heaviside(0.6).unwrap().width()], [0.4, 0.6]);
}
