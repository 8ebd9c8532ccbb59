use super::*;
use crate::file::Of;
use resurge_tensor::Tensor;

fn recorded(shape: &[usize], values: &[f64]) -> Recorded {
    let value = Tensor::from_vec(shape, values.to_vec()).unwrap();
    Recorded { name: "weight".into(), of: Of::Input, value, precision: Precision::F64 }
}

fn compared(shape: &[usize], found: &[f64], expected: &[f64], slack: &[f64]) -> Compared {
    let expected = Expected { values: expected.to_vec(), slack: slack.to_vec() };
    Compared::new(&recorded(shape, found), &expected)
}

fn comparison(tensors: &[(bool, f64)]) -> Comparison {
    let one = compared(&[1], &[1.0], &[1.0], &[0.0]);
    let tensors = tensors.iter().map(|&(vanishes, error)| Compared { vanishes, error, ..one.clone() });
    Comparison { tensors: tensors.collect() }
}

#[test]
fn the_residual_is_the_root_of_the_mean_square() {
    assert_eq!(comparison(&[(false, 0.3)]).residual(), 0.3);
    let several = comparison(&[(false, 0.0), (false, 0.0), (false, 3.0), (false, 4.0)]);
    assert_eq!(several.residual(), 2.5);
    // What should be zero and is not is wrong as a whole, and no more than that.
    assert_eq!(comparison(&[(true, f64::INFINITY)]).residual(), 1.0);
    assert_eq!(comparison(&[(false, f64::INFINITY)]).residual(), f64::INFINITY);
    assert_eq!(comparison(&[(true, 0.0)]).residual(), 0.0);
    assert_eq!(comparison(&[]).residual(), 0.0);
}

#[test]
fn each_number_has_its_own_bound() {
    let found = compared(&[3], &[1.0, 2.5, f64::NAN], &[1.5, 2.0, 3.0], &[0.5, 0.25, 9.0]);
    assert_eq!(found.wrong, [1, 2]);
    assert!(!found.agrees());
    assert!(compared(&[2], &[1.0, -2.0], &[1.5, -1.5], &[0.5, 0.5]).agrees());
}

#[test]
fn norms_are_of_differences_over_what_is_expected() {
    let found = compared(&[2], &[6.0, 12.0], &[3.0, 8.0], &[0.6, 0.8]);
    assert_eq!(found.absolute, (5.0, 1.0));
    let unit = 73.0_f64.sqrt();
    assert_eq!((found.error, found.tolerance), (5.0 / unit, 1.0 / unit));
    assert!(!found.vanishes);
    let zero = compared(&[2], &[0.0, 2.0], &[0.0, 0.0], &[0.0, 0.5]);
    assert!(zero.vanishes);
    assert_eq!((zero.error, zero.tolerance, zero.absolute), (f64::INFINITY, f64::INFINITY, (2.0, 0.5)));
    let right = compared(&[2], &[0.0, 0.0], &[0.0, 0.0], &[0.0, 0.0]);
    assert_eq!((right.error, right.tolerance), (0.0, 0.0));
}

/// What exceeds its bound most is not what is off most.
#[test]
fn the_worst_row_and_entry_are_those_that_exceed_their_bounds_most() {
    let found = compared(
        &[2, 1, 3],
        &[10.0, 0.0, 0.0, 1.0, 0.0, 0.0],
        &[0.0, 0.0, 7.0, 0.0, 3.0, 4.0],
        &[40.0, 30.0, 10.0, 1.0, 2.0, 2.0],
    );
    let row = found.worst_row.unwrap();
    assert_eq!(row.index, [1]);
    assert_eq!((row.difference, row.allowed), (26.0_f64.sqrt(), 3.0));
    assert_eq!((row.error, row.tolerance), (26.0_f64.sqrt() / 5.0, 0.6));
    let entry = found.worst_entry.unwrap();
    assert_eq!(entry.index, [1, 0, 2]);
    assert_eq!((entry.difference, entry.allowed), (4.0, 2.0));
}

#[test]
fn what_may_not_be_off_at_all_is_the_worst_only_where_it_is_off() {
    let off = compared(&[2], &[1.0, 1e-300], &[0.0, 0.0], &[1e-3, 0.0]);
    assert_eq!(off.worst_entry.unwrap().index, [1]);
    let right = compared(&[3], &[0.5, 0.1, 2.0], &[0.5, 0.0, 2.0], &[0.0, 1.0, 0.0]);
    assert_eq!(right.worst_entry.unwrap().index, [1]);
    // Of those that are right, none is worse than another: the last.
    let all = compared(&[2], &[1.0, 2.0], &[1.0, 2.0], &[1.0, 0.0]);
    assert_eq!(all.worst_entry.unwrap().index, [1]);
}

#[test]
fn a_vector_has_no_rows_and_nothing_has_no_worst() {
    let vector = compared(&[3], &[1.0, 2.0, 3.0], &[0.0; 3], &[0.0; 3]);
    assert_eq!(vector.worst_row, None);
    assert!(vector.worst_entry.is_some());
    for shape in [[0, 3], [3, 0], [0, 0]] {
        let empty = compared(&shape, &[], &[], &[]);
        assert!(empty.agrees() && empty.vanishes);
        assert_eq!((&empty.worst_row, &empty.worst_entry), (&None, &None), "{shape:?}");
        assert_eq!((empty.error, empty.tolerance), (0.0, 0.0));
    }
    let narrow = compared(&[2, 1], &[1.0, 3.0], &[1.0, 2.0], &[0.5, 0.5]);
    assert_eq!(narrow.worst_row.unwrap().index, [1]);
}

#[test]
fn another_length_is_wrong_in_every_number() {
    let found = compared(&[3], &[1.0, 2.0, 3.0], &[1.0, 2.0], &[1.0, 1.0]);
    assert_eq!(found.wrong, [0, 1, 2]);
    assert_eq!((found.error, found.tolerance, found.absolute), (f64::INFINITY, 0.0, (f64::INFINITY, 0.0)));
    assert!(!found.vanishes && found.worst_row.is_none() && found.worst_entry.is_none());
}

#[test]
fn positions_count_the_last_axis_first() {
    assert_eq!(position(17, &[2, 3, 4]), [1, 1, 1]);
    assert_eq!(position(23, &[2, 3, 4]), [1, 2, 3]);
    assert_eq!(position(5, &[6]), [5]);
}

#[test]
fn bounds_grow_with_a_factor_and_stay_positive() {
    let all = Expected { values: vec![2.0, -3.0], slack: vec![0.5, 0.25] };
    let twice = all.times(-2.0);
    assert_eq!((twice.values, twice.slack), (vec![-4.0, 6.0], vec![1.0, 0.5]));
    let exactly = Expected::exactly(vec![1.0, 2.0]);
    assert_eq!((exactly.values, exactly.slack), (vec![1.0, 2.0], vec![0.0, 0.0]));
}

#[test]
fn norms_neither_overflow_nor_vanish() {
    assert_eq!(norm(&[3e300, 4e300]), 5e300);
    assert_eq!(norm(&[3e-300, -4e-300]), 5e-300);
    assert_eq!(norm(&[0.0, 0.0]), 0.0);
    assert_eq!(norm(&[]), 0.0);
    assert_eq!(norm(&[-0.5]), 0.5);
    assert!(norm(&[0.0, f64::NAN]).is_nan());
    assert!(norm(&[1.0, f64::NAN]).is_nan() && norm(&[f64::NAN, 1.0]).is_nan());
    assert_eq!(norm(&[1.0, f64::NEG_INFINITY]), f64::INFINITY);
}

#[test]
fn gradients_in_a_row_are_in_units_of_their_own() {
    assert_eq!(scaled(&[2.0, 4.0], &[vec![2.0, 4.0], vec![8.0]]), [1.0, 2.0, 2.0]);
    assert_eq!(dot(&[1.0, 2.0], &[3.0, -4.0]), -5.0);
}

/// The file's norm; where that is zero what is expected, and 1 where both are.
#[test]
fn units_are_never_zero() {
    let gradients = [&[3.0, 4.0], &[0.0, 0.0], &[0.0, 0.0]].map(|values: &[f64; 2]| recorded(&[2], values));
    let expected = [&[1.0, 0.0], &[0.0, 0.5], &[0.0, 0.0]];
    let expected = expected.map(|values: &[f64; 2]| Expected::exactly(values.to_vec()));
    assert_eq!(units(&gradients, &expected), [5.0, 0.5, 1.0]);
}
