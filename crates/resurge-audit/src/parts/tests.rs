use super::*;
use crate::Precision;
use crate::file::Of;
use resurge_tensor::Tensor;

fn recorded(name: &str, shape: &[usize], values: &[f64]) -> Recorded {
    let value = Tensor::from_vec(shape, values.to_vec()).unwrap();
    Recorded { name: name.into(), of: Of::Input, value, precision: Precision::F64 }
}

fn exactly(values: &[f64]) -> Expected {
    Expected::exactly(values.to_vec())
}

/// A file with these gradients, and the comparison with what they should be.
fn case(gradients: Vec<(Recorded, Expected)>) -> (AuditFile, Vec<Expected>, Comparison) {
    let path = "../resurge/tests/audit/goldens/norse-box-subtract.safetensors";
    let mut file = AuditFile::open(path.as_ref()).unwrap();
    let claimed: Vec<Expected>;
    (file.gradients, claimed) = gradients.into_iter().unzip();
    let comparison = Comparison::new(&file, &claimed);
    (file, claimed, comparison)
}

/// Codes and whether they explain everything.
fn codes(found: &[Explanation]) -> Vec<(&str, bool)> {
    found.iter().map(|one| (one.code.as_str(), one.explains)).collect()
}

fn named(shape: &[usize], wrong: &[usize]) -> Vec<(String, Range<usize>)> {
    let right = vec![1.0; shape.iter().product()];
    let mut found = right.clone();
    wrong.iter().for_each(|&k| found[k] = 2.0);
    let of = recorded("w", shape, &found);
    let compared = Compared::new(&of, &exactly(&right));
    parts(&of, &compared).into_iter().map(|part| (part.name, part.range)).collect()
}

#[test]
fn a_part_is_the_row_or_entry_in_which_all_that_is_wrong_lies() {
    let whole = |n: usize| ("w".to_owned(), 0..n);
    let row = |k: usize, range| (format!("w[{k}]"), range);
    assert_eq!(named(&[3, 2], &[]), [whole(6)]);
    assert_eq!(named(&[3, 2], &[2, 3]), [whole(6), row(1, 2..4)]);
    assert_eq!(named(&[3, 2], &[1, 2]), [whole(6)]);
    assert_eq!(named(&[3, 2], &[1, 4]), [whole(6)]);
    assert_eq!(named(&[3, 2], &[4]), [whole(6), row(2, 4..6), ("w[2, 0]".into(), 4..5)]);
    assert_eq!(named(&[2, 2, 2], &[4, 7]), [whole(8), row(1, 4..8)]);
    // One row is the tensor itself, a vector has no rows, and one number no entries.
    assert_eq!(named(&[1, 3], &[0, 2]), [whole(3)]);
    assert_eq!(named(&[1, 3], &[1]), [whole(3), ("w[0, 1]".into(), 1..2)]);
    assert_eq!(named(&[3], &[1, 2]), [whole(3)]);
    assert_eq!(named(&[3], &[2]), [whole(3), ("w[2]".into(), 2..3)]);
    assert_eq!(named(&[1], &[0]), [whole(1)]);
    assert_eq!(named(&[0, 3], &[]), [whole(0)]);
}

/// With another gradient that is right, a sign and a factor are diagnoses; alone, of all its numbers, they are of the
/// whole gradient, which is said elsewhere.
#[test]
fn what_one_tensor_has_instead_is_named() {
    let right = [1.0, -2.0, 4.0, 8.0];
    let times = |factor: f64| right.map(|x| factor * x);
    let of = |values: &[f64], others: bool| {
        let mut all = vec![(recorded("w", &[4], values), exactly(&right))];
        if others {
            all.push((recorded("b", &[1], &[3.0]), exactly(&[3.0])));
        }
        let (file, claimed, comparison) = case(all);
        let found = right_but_for_one(&file, &claimed, &comparison);
        codes(&found).into_iter().map(|(code, explains)| (code.to_owned(), explains)).collect::<Vec<_>>()
    };
    let expect = |found: Vec<(String, bool)>, expected: &[(&str, bool)]| {
        let expected: Vec<_> =
            expected.iter().map(|(code, explains)| (code.to_string(), *explains)).collect();
        assert_eq!(found, expected);
    };
    expect(of(&times(0.0), true), &[("zeroed w", true), ("sign w", false)]);
    expect(of(&times(0.0), false), &[("zeroed w", true)]);
    expect(of(&times(-1.0), true), &[("zeroed w", false), ("sign w", true), ("parameter-scale w -1", true)]);
    expect(of(&times(-1.0), false), &[("zeroed w", false)]);
    expect(of(&times(2.5), true), &[("zeroed w", false), ("sign w", false), ("parameter-scale w 2.5", true)]);
    // As near to once as four digits show, a factor is no diagnosis.
    expect(of(&times(1.00001), true), &[("zeroed w", false), ("sign w", false)]);
    expect(of(&right, true), &[]);
}

/// The rest of the tensor must be right where a row or an entry is wrong; an entry is a multiple of any number.
#[test]
fn what_one_row_or_entry_has_instead_is_named() {
    let right = [1.0, -2.0, 4.0, 8.0];
    let of = |values: &[f64]| {
        let (file, claimed, comparison) = case(vec![(recorded("w", &[2, 2], values), exactly(&right))]);
        let found = right_but_for_one(&file, &claimed, &comparison);
        codes(&found).into_iter().filter(|one| one.1).map(|one| one.0.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of(&[1.0, -2.0, 0.0, 0.0]), ["zeroed w[1]"]);
    assert_eq!(of(&[1.0, -2.0, -4.0, -8.0]), ["sign w[1]", "parameter-scale w[1] -1"]);
    assert_eq!(of(&[3.0, -6.0, 4.0, 8.0]), ["parameter-scale w[0] 3"]);
    assert_eq!(of(&[1.0, -2.0, 4.0, -8.0]), ["sign w[1, 1]"]);
    assert_eq!(of(&[1.0, 0.0, 4.0, 8.0]), ["zeroed w[0, 1]"]);
    assert_eq!(of(&[1.0, -2.0, 4.0, 9.0]), [""; 0]);
    // Where two tensors are wrong, none of these is said.
    let both =
        vec![(recorded("w", &[1], &[0.0]), exactly(&[1.0])), (recorded("v", &[1], &[0.0]), exactly(&[1.0]))];
    let (file, claimed, comparison) = case(both);
    assert!(right_but_for_one(&file, &claimed, &comparison).is_empty());
}

/// The slack of a multiple is that of the right number times the factor, at the part's own places.
#[test]
fn tolerances_of_a_part_are_its_own() {
    let right = Expected { values: vec![1.0, 1.0, 1.0, 1.0], slack: vec![0.0, 0.0, 0.5, 0.0] };
    let of = |values: &[f64]| {
        let recorded = recorded("w", &[2, 2], values);
        let part = Part { name: "w[1]".into(), range: 2..4 };
        of_part(&recorded, &right, &part, true)
    };
    let explains =
        |values: &[f64], code: &str| of(values).into_iter().any(|one| one.code == code && one.explains);
    assert!(explains(&[1.0, 1.0, -1.4, -1.0], "sign w[1]"));
    assert!(!explains(&[1.0, 1.0, -1.6, -1.0], "sign w[1]"));
    // What is zero is that exactly.
    assert!(explains(&[1.0, 1.0, 0.0, 0.0], "zeroed w[1]"));
    assert!(!explains(&[1.0, 1.0, 0.25, 0.0], "zeroed w[1]"));
}

#[test]
fn a_transposed_matrix_is_named() {
    let right = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let of = |shape: &[usize], values: &[f64], expected: &[f64]| {
        transposed(&recorded("w", shape, values), &exactly(expected))
            .into_iter()
            .map(|one| (one.code, one.explains))
            .collect::<Vec<_>>()
    };
    let yes = [("transposed w".to_owned(), true)];
    // The numbers in the order of the columns.
    assert_eq!(of(&[2, 3], &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0], &right), yes);
    assert_eq!(of(&[2, 3], &right, &right), [("transposed w".to_owned(), false)]);
    assert_eq!(of(&[2, 2], &[1.0, 3.0, 2.0, 4.0], &right[..4]), yes);
    assert_eq!(of(&[3, 2], &[1.0, 3.0, 5.0, 2.0, 4.0, 6.0], &turned(3, 2)), yes);
    for shape in [&[4][..], &[2, 2, 1], &[1, 1]] {
        let count: usize = shape.iter().product();
        assert!(of(shape, &right[..count], &right[..count]).is_empty(), "{shape:?}");
    }
}

/// What is right if its turning is 1, 3, 5, 2, 4, 6.
fn turned(rows: usize, cols: usize) -> Vec<f64> {
    let found = [1.0, 3.0, 5.0, 2.0, 4.0, 6.0];
    let mut right = vec![0.0; rows * cols];
    for (i, x) in found.into_iter().enumerate() {
        // Entry i in row-major order of [rows, cols] is entry (i / rows, i % rows) of [cols, rows].
        right[(i % rows) * cols + i / rows] = x;
    }
    right
}

#[test]
fn all_zero_is_every_number_of_every_tensor() {
    let of = |values: [&[f64]; 2]| {
        let all = values.map(|v| (recorded("w", &[v.len()], v), exactly(v))).into_iter().collect();
        zeroed(&case(all).0).map(|one| one.code)
    };
    assert_eq!(of([&[0.0, 0.0], &[0.0]]).as_deref(), Some("zeroed all"));
    assert_eq!(of([&[0.0, 1.0], &[0.0]]), None);
    assert_eq!(of([&[0.0, 0.0], &[-1.0]]), None);
}

/// Where nothing says what is there instead, the places are said if there are others which are right.
#[test]
fn the_places_alone_are_named_where_others_are_right() {
    let of = |gradients: Vec<(Recorded, Expected)>| {
        let (file, claimed, comparison) = case(gradients);
        only(&file, &claimed, &comparison).map(|one| (one.code, one.words, one.explains))
    };
    let w = |values: &[f64]| (recorded("w", &[2, 2], values), exactly(&[3.0, 4.0, 1.0, 1.0]));
    let b = |value: f64, right: f64| (recorded("b", &[1], &[value]), exactly(&[right]));
    let right = [3.0, 4.0, 1.0, 1.0];
    assert_eq!(of(vec![w(&right), b(1.0, 1.0)]), None);
    assert_eq!(of(vec![w(&[9.0, 5.0, 7.0, 2.0]), b(5.0, 1.0)]), None);
    let (code, words, explains) = of(vec![w(&[9.0, 12.5, 1.0, 1.0]), b(5.0, 1.0)]).unwrap();
    assert_eq!((code.as_str(), explains), ("only w[0] b", true));
    let expected = "only the gradients of w[0] (3.081 times as long as the right one), b (5 times as long as the right \
                    one) are wrong; all others are right";
    assert_eq!(words, expected);
    let (code, words, _) = of(vec![w(&right), b(2.0, 0.0)]).unwrap();
    assert_eq!(code, "only b");
    assert!(words.contains("b (which should vanish)"), "{words}");
    // A row of the only tensor: its others are right.
    assert_eq!(of(vec![w(&[0.5, 0.25, 1.0, 1.0])]).unwrap().0, "only w[0]");
}

/// The smallest tensors that have a part, and a matrix that has a transpose.
#[test]
fn two_numbers_have_parts() {
    assert_eq!(named(&[2], &[1]), [("w".to_owned(), 0..2), ("w[1]".to_owned(), 1..2)]);
    let turned = transposed(&recorded("w", &[1, 2], &[1.0, 2.0]), &exactly(&[1.0, 2.0]));
    assert_eq!(codes(&turned), [("transposed w", true)]);
}

/// Of numbers that should be zero there is no multiple; what is zero is so exactly, whatever the right numbers' bounds.
#[test]
fn nothing_has_no_multiple_and_no_slack() {
    let (file, claimed, comparison) = case(vec![
        (recorded("w", &[2], &[1.0, 2.0]), exactly(&[0.0, 0.0])),
        (recorded("b", &[1], &[3.0]), exactly(&[3.0])),
    ]);
    let found = right_but_for_one(&file, &claimed, &comparison);
    assert_eq!(codes(&found), [("zeroed w", false), ("sign w", false)]);
    let right = Expected { values: vec![1.0; 2], slack: vec![f64::INFINITY; 2] };
    let zeroed = |values: &[f64]| {
        let part = Part { name: "w".into(), range: 0..2 };
        of_part(&recorded("w", &[2], values), &right, &part, true)[0].explains
    };
    assert!(zeroed(&[0.0, 0.0]) && !zeroed(&[0.0, 0.5]));
}
