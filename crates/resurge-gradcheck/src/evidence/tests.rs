//! Errors over directions, by each means and by input.

use super::*;

/// Evidence on a gradient (3, 4) along the axes.
/// Along the axes of a plane. `means` are the values by finite differences, complex step and dual numbers.
fn evidence(means: [[f64; 2]; 3]) -> Evidence {
    let estimate = |value| Some(Estimate { value, error: 1e-12, step: 0.1, extrapolations: 2 });
    let row = |i: usize| Row {
        direction: [vec![1.0, 0.0], vec![0.0, 1.0]][i].clone(),
        norm: 5.0,
        input: None,
        number: i,
        complex_step: means[1][i],
        dual: means[2][i],
        rounding: 0.0,
        skipped: None,
    };
    Evidence {
        rows: vec![row(0), row(1)],
        finite_difference: means[0].map(estimate).to_vec(),
        dimension: 2,
        norm: 5.0,
    }
}

fn errors(evidence: &Evidence, gradient: &[f64]) -> [f64; 3] {
    let errors = evidence.compare(gradient).unwrap();
    [errors.finite_difference, errors.complex_step, errors.dual]
}

#[test]
fn each_means_speaks_for_itself_and_every_direction_counts() {
    let right = evidence([[3.0, 4.0]; 3]);
    assert_eq!(errors(&right, &[3.0, 4.0]), [0.0; 3]);
    // Wrong in the second direction only.
    assert_eq!(errors(&right, &[3.0, 5.0]), [0.2; 3]);
    let one = evidence([[3.0, 4.0], [3.0, 5.0], [3.0, 4.0]]);
    assert_eq!(errors(&one, &[3.0, 4.0]), [0.0, 0.2, 0.0]);
}

#[test]
fn directions_that_see_nothing_prove_nothing() {
    let mut blind = evidence([[0.0; 2]; 3]);
    blind.finite_difference[0] = None;
    // The gradient that the blind directions agree with, and another.
    for gradient in [[0.0, 0.0], [0.0, 1e-14]] {
        let [finite_difference, complex_step, dual] = errors(&blind, &gradient);
        assert!(finite_difference.is_infinite() && dual.is_nan() && complex_step.is_nan());
    }
    let none = Evidence { rows: vec![], finite_difference: vec![], ..blind };
    let [finite_difference, _, dual] = errors(&none, &[]);
    assert!(finite_difference.is_infinite() && dual.is_nan());
}

#[test]
fn one_input_alone_is_in_its_own_norm_less_what_rounding_excuses() {
    let mut apart = evidence([[3.0, 4.0]; 3]);
    (apart.rows[1].input, apart.rows[1].norm) = (Some(1), 0.01);
    assert_eq!(errors(&apart, &[3.0, 4.5]), [50.0; 3]);
    apart.rows[1].rounding = 0.25;
    assert_eq!(errors(&apart, &[3.0, 4.5]), [25.0; 3]);
    assert_eq!(errors(&apart, &[3.0, 4.25]), [0.0; 3]);
    assert!(errors(&apart, &[3.0, f64::NAN]).iter().all(|e| e.is_nan()));
    // Without a gradient: in the norm of all; and its difference is none that was left out.
    apart.rows[1].norm = 0.0;
    assert_eq!(errors(&apart, &[3.0, 4.5])[1..], [0.05; 2]);
    apart.finite_difference[1] = None;
    let found = apart.compare(&[3.0, 4.0]).unwrap();
    assert_eq!((found.conclusive, found.skipped), (1, 0));
}

#[test]
fn the_largest_value_does_not_swallow_nan() {
    assert_eq!(largest([1.0, 3.0, 2.0].into_iter()), 3.0);
    assert!(largest([1.0, f64::NAN, 2.0].into_iter()).is_nan());
    assert!(largest([f64::NAN, 2.0].into_iter()).is_nan());
    assert_eq!(largest(std::iter::empty()), 0.0);
}
