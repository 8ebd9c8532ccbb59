use super::*;
use crate::Dual;
use num_complex::Complex;

fn numbers<S: Scalar>(shape: [usize; 4], phase: f64) -> Tensor<S> {
    Tensor::from_fn(shape, |i| S::from_f64((i as f64 * 0.7 + phase).sin())).unwrap()
}

/// The definition, by indices.
fn naive<S: Scalar>(conv: Conv2d, x: &Tensor<S>, weight: &Tensor<S>, shape: &Shape) -> Tensor<S> {
    let (o, cg) = (weight.shape()[0], weight.shape()[1]);
    Tensor::from_fn(shape, |flat| {
        let (w, h) = (shape[3], shape[2]);
        let (j, i, f, m) = (flat % w, flat / w % h, flat / (w * h) % o, flat / (w * h * o));
        let first = f / (o / conv.groups) * cg;
        let mut sum = S::zero();
        for c in 0..cg {
            for k in 0..weight.shape()[2] {
                for l in 0..weight.shape()[3] {
                    let row = (i * conv.stride[0] + k).checked_sub(conv.padding[0]);
                    let column = (j * conv.stride[1] + l).checked_sub(conv.padding[1]);
                    let (Some(row), Some(column)) = (row, column) else { continue };
                    let Some(value) = x.get(&[m, first + c, row, column]) else { continue };
                    sum += value * weight.get(&[f, c, k, l]).unwrap();
                }
            }
        }
        sum
    })
    .unwrap()
}

type Case = (Conv2d, [usize; 4], [usize; 4], [usize; 4]);

fn cases() -> Vec<Case> {
    let plain = Conv2d::new();
    vec![
        (plain, [2, 3, 5, 4], [4, 3, 2, 3], [2, 4, 4, 2]),
        (plain.with_padding([1, 2]), [1, 2, 3, 3], [2, 2, 3, 3], [1, 2, 3, 5]),
        (plain.with_stride([2, 3]), [1, 1, 6, 7], [1, 1, 3, 2], [1, 1, 2, 2]),
        (plain.with_groups(2), [2, 4, 3, 3], [6, 2, 2, 2], [2, 6, 2, 2]),
        (plain.with_groups(3).with_padding([1, 1]), [1, 3, 4, 4], [3, 1, 3, 3], [1, 3, 4, 4]),
        (plain.with_padding([3, 3]), [1, 1, 1, 1], [1, 1, 2, 2], [1, 1, 6, 6]),
        (plain, [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]),
        // Runs of 7 to 38 elements, which are copied and added in different ways.
        (plain.with_padding([1, 1]), [1, 2, 2, 9], [2, 2, 3, 3], [1, 2, 2, 9]),
        (plain, [1, 1, 3, 20], [2, 1, 2, 3], [1, 2, 2, 18]),
        (plain.with_padding([0, 2]), [2, 1, 2, 36], [1, 1, 1, 3], [2, 1, 2, 38]),
        // Columns of a window that lie in the padding altogether.
        (plain.with_stride([1, 4]).with_padding([0, 3]), [1, 1, 1, 2], [1, 1, 1, 4], [1, 1, 1, 2]),
        (plain, [0, 2, 3, 3], [1, 2, 2, 2], [0, 1, 2, 2]),
        (plain, [1, 0, 3, 3], [2, 0, 2, 2], [1, 2, 2, 2]),
        (plain, [1, 1, 3, 3], [0, 1, 2, 2], [1, 0, 2, 2]),
    ]
}

fn check<S: Scalar>(size: fn(S) -> f64, tolerance: f64) {
    for (conv, input, weight, output) in cases() {
        let (x, w) = (numbers::<S>(input, 0.1), numbers(weight, 0.5));
        let y = conv.apply(&x, &w).unwrap();
        assert_eq!(y.shape(), &output.into());
        let expected = naive(conv, &x, &w, y.shape());
        for (a, b) in y.as_slice().iter().zip(expected.as_slice()) {
            assert!(size(*a - *b) <= tolerance, "{conv:?}: {a:?} against {b:?}");
        }
    }
}

#[test]
fn agrees_with_the_definition_over_every_scalar() {
    check::<f32>(|d| f64::from(d).abs(), 4e-6);
    check::<f64>(f64::abs, 1e-14);
    check::<Complex<f64>>(Complex::norm, 1e-14);
    check::<Dual<f64>>(|d| d.re.abs().max(d.eps.abs()), 1e-14);
}

/// <conv(x, w), y> = <x, to_input(y, w)> = <w, to_weight(y, x)>.
#[test]
fn the_transposes_are_transposes() {
    let dot = |a: &Tensor<f64>, b: &Tensor<f64>| a.mul(b).unwrap().sum();
    for (conv, input, weight, output) in cases() {
        let (x, w, y) = (numbers(input, 0.1), numbers(weight, 0.5), numbers(output, 0.9));
        let forward = dot(&conv.apply(&x, &w).unwrap(), &y);
        let to_input = conv.transposed_to_input(&y, &w, x.shape()).unwrap();
        let to_weight = conv.transposed_to_weight(&y, &x, w.shape()).unwrap();
        assert!((forward - dot(&x, &to_input)).abs() < 1e-13, "{conv:?}");
        assert!((forward - dot(&w, &to_weight)).abs() < 1e-13, "{conv:?}");
    }
}

/// One that is worth all threads: whole numbers, so that every order of the sums gives the same bits.
#[test]
fn a_large_one_is_the_definition_too() {
    let whole = |shape: [usize; 4], step: usize| {
        Tensor::<f64>::from_fn(shape, |i| ((i * step) % 7) as f64 - 3.0).unwrap()
    };
    let conv = Conv2d::new().with_padding([1, 1]);
    let (x, w) = (whole([40, 4, 12, 12], 3), whole([8, 4, 3, 3], 5));
    let y = conv.apply(&x, &w).unwrap();
    assert_eq!(y, naive(conv, &x, &w, y.shape()));
    let dot = |a: &Tensor<f64>, b: &Tensor<f64>| a.mul(b).unwrap().sum();
    let back = whole([40, 8, 12, 12], 2);
    let forward = dot(&y, &back);
    assert_eq!(forward, dot(&x, &conv.transposed_to_input(&back, &w, x.shape()).unwrap()));
    assert_eq!(forward, dot(&w, &conv.transposed_to_weight(&back, &x, w.shape()).unwrap()));
}

#[test]
fn options_are_what_was_asked_for() {
    let conv = Conv2d::default().with_stride([2, 3]).with_padding([1, 4]).with_groups(5);
    assert_eq!((conv.stride(), conv.padding(), conv.groups()), ([2, 3], [1, 4], 5));
}

#[test]
fn what_does_not_fit_is_named() {
    let (x, w) = (numbers::<f64>([1, 4, 3, 3], 0.0), numbers([2, 4, 2, 2], 0.0));
    let message =
        |conv: Conv2d, weight: [usize; 4]| conv.apply(&x, &numbers(weight, 0.0)).unwrap_err().to_string();
    let channels = message(Conv2d::new(), [2, 3, 2, 2]);
    assert!(channels.contains("4 input channels do not fit a weight [2, 3, 2, 2] in 1 groups"), "{channels}");
    assert!(message(Conv2d::new().with_groups(0), [2, 4, 2, 2]).contains("in 0 groups"));
    assert!(message(Conv2d::new().with_groups(2), [3, 2, 2, 2]).contains("in 2 groups"));
    assert!(message(Conv2d::new(), [2, 4, 4, 2]).contains("conv2d: a window of 4x2"));
    assert!(message(Conv2d::new().with_stride([0, 1]), [2, 4, 2, 2]).contains("at least 1"));
    let flat = Tensor::<f64>::zeros([3]).unwrap();
    for result in [Conv2d::new().apply(&flat, &w), Conv2d::new().apply(&x, &flat)] {
        assert!(matches!(result, Err(TensorError::Rank { op: "conv2d", expected: 4, .. })));
    }
    let wrong = numbers([1, 2, 3, 3], 0.0);
    let to_input = Conv2d::new().transposed_to_input(&wrong, &w, x.shape());
    let to_weight = Conv2d::new().transposed_to_weight(&wrong, &x, w.shape());
    for result in [to_input, to_weight] {
        assert!(matches!(result, Err(TensorError::Shape { op: "transposed conv2d", .. })));
    }
}
