use super::*;
use std::cell::RefCell;

/// Fits `of(x) = target`, in units of 1 and from one start; returns the value and the points that were tried.
fn fitted(
    starts: &[f64],
    passes: usize,
    target: &[f64],
    of: impl Fn(f64) -> Vec<f64>,
) -> (Option<f64>, Vec<f64>) {
    let tried = RefCell::new(Vec::new());
    let gradients = |x: f64| {
        tried.borrow_mut().push(x);
        Ok(vec![of(x)])
    };
    let value = fit(&[target.to_vec()], &[1.0], starts, passes, gradients).unwrap();
    (value, tried.into_inner())
}

#[test]
fn of_a_line_one_step_is_enough() {
    let (value, tried) = fitted(&[1.0], 100, &[6.0, -3.0], |x| vec![2.0 * x, -x]);
    assert!((value.unwrap() - 3.0).abs() < 1e-9);
    // The start; then, with each step, a point beside it for the slope, and the next.
    assert_eq!(tried[..2], [1.0, 1.0 + 1e-5]);
    assert!((tried[2] - 3.0).abs() < 1e-9, "{tried:?}");
    assert!(tried.len() < 40, "{tried:?}");
}

#[test]
fn the_step_of_the_slope_follows_the_value() {
    let (_, tried) = fitted(&[-50.0], 100, &[1.0], |x| vec![x]);
    assert_eq!(tried[1], -50.0 + 50.0 * 1e-5);
    let (_, tried) = fitted(&[0.0], 100, &[1.0], |x| vec![x]);
    assert_eq!(tried[1], 0.1 * 1e-5);
}

#[test]
fn the_best_start_that_is_finite_is_taken() {
    // Two valleys; the deeper is at 2.
    let of = |x: f64| vec![(x - 2.0) * (x + 2.0), 0.1 * (x - 2.0)];
    let (value, tried) = fitted(&[-1.5, 1.5, -3.0], 200, &[0.0, 0.0], of);
    assert!((value.unwrap() - 2.0).abs() < 1e-9);
    assert_eq!(tried[..3], [-1.5, 1.5, -3.0]);
    let one_is_not = |x: f64| vec![if x < 0.0 { f64::NAN } else { x }];
    assert!((fitted(&[-1.0, 4.0], 100, &[1.0], one_is_not).0.unwrap() - 1.0).abs() < 1e-9);
    assert_eq!(fitted(&[-1.0, -4.0], 100, &[1.0], one_is_not).0, None);
}

#[test]
fn a_step_that_goes_too_far_is_halved() {
    // Newton's step for atan from 2 leads to -3.5, where the residual is larger: half of it leads to -0.77.
    let (value, tried) = fitted(&[2.0], 200, &[0.0], |x| vec![x.atan()]);
    assert!(value.unwrap().abs() < 1e-9);
    let step = -2.0_f64.atan() * 5.0;
    assert!((tried[2] - (2.0 + step)).abs() < 1e-3, "{tried:?}");
    assert!((tried[3] - (2.0 + step / 2.0)).abs() < 1e-3, "{tried:?}");
}

#[test]
fn each_step_has_ten_passes() {
    let line = |x: f64| vec![x];
    // The starts are counted before.
    assert_eq!(fitted(&[1.0, 2.0], 11, &[0.0], line), (None, vec![]));
    assert!(fitted(&[1.0, 2.0], 12, &[0.0], line).0.is_some());
    assert_eq!(fitted(&[1.0, 2.0], 1, &[0.0], line), (None, vec![]));
    // With cubes each step leaves some, so that the number of steps can be counted by the slopes.
    let cube = |x: f64| vec![x * x * x];
    let slopes = |passes: usize| {
        let (_, tried) = fitted(&[80.0], passes, &[0.0], cube);
        tried.windows(2).filter(|pair| (pair[1] - pair[0] * (1.0 + STEP)).abs() < 1e-9 * pair[0]).count()
    };
    assert_eq!(slopes(31), 3);
    assert_eq!(slopes(10_000), STEPS);
}

#[test]
fn where_nothing_falls_it_ends() {
    // A constant has no slope.
    let (value, tried) = fitted(&[3.0], 100, &[1.0], |_| vec![2.0]);
    assert_eq!((value, tried), (Some(3.0), vec![3.0, 3.0 + 3.0 * STEP]));
    // A minimum that leaves something is left where it is, up to rounding, after one step at the most.
    let (value, tried) = fitted(&[0.0], 1000, &[1.0, 1.0], |x| vec![x, -x]);
    assert!(value.unwrap().abs() < 1e-9);
    assert!(tried.len() <= 10, "{tried:?}");
}

#[test]
fn each_tensor_is_in_its_own_units() {
    let gradients = |x: f64| Ok(vec![vec![x], vec![1e6 * x]]);
    // 1 by the first and 3 by the second, which is of the same weight in its units.
    let recorded = [vec![1.0], vec![3e6]];
    let value = fit(&recorded, &[1.0, 1e6], &[1.0], 100, gradients).unwrap().unwrap();
    assert!((value - 2.0).abs() < 1e-9, "{value}");
}

#[test]
fn of_starts_and_steps_that_are_as_good_the_first_is_kept() {
    let square = |x: f64| vec![x * x];
    assert!(fitted(&[-1.0, 1.0], 200, &[0.0], square).0.unwrap() < 0.0);
    // From 0 the step leads to 1, where it is as bad as at 0: half of it is better.
    let cliff = |x: f64| vec![if x > 0.75 { 1.0 } else { 1.0 - x }];
    let (value, tried) = fitted(&[0.0], 200, &[0.0], cliff);
    assert!((0.5..0.8).contains(&value.unwrap()), "{tried:?}");
}

#[test]
fn a_step_is_halved_seven_times() {
    let valley = |x: f64| vec![1.0 + (x - 3.0).abs()];
    let (value, tried) = fitted(&[3.0], 100, &[0.0], valley);
    assert_eq!(value, Some(3.0));
    // The start, the point beside it, and eight that are no better.
    assert_eq!(tried.len(), 10, "{tried:?}");
}
