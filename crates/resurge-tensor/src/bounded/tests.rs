//! The bound holds where the same computation is made in `f32`.

use super::*;
use crate::Tensor;
use proptest::prelude::*;

const U: f64 = f32::EPSILON as f64 / 2.0;

/// The same computation at two scalars.
trait Computation {
    fn at<S: Scalar>(&self, x: &[S]) -> S;
}

/// Whether the computation in `f32` is within the bound, and the error over the bound.
fn used(of: &impl Computation, x: &[f32]) -> f64 {
    let bounded: Vec<Bounded> = x.iter().map(|&x| Bounded::from_f64(x.into())).collect();
    let exact: Vec<f64> = x.iter().map(|&x| x.into()).collect();
    let (found, single, double) = (of.at(&bounded), of.at(x), of.at(&exact));
    // A sum of products, 1 + x e: what `f64` rounds is far below.
    assert!((found.value - double).abs() <= 1e-12 * double.abs().max(found.error()), "{found:?} {double}");
    let error = (f64::from(single) - double).abs();
    // Where nothing is rounded, nothing may be off.
    if error == 0.0 { 0.0 } else { error / (U * found.error()) }
}

struct Terms;

impl Computation for Terms {
    fn at<S: Scalar>(&self, x: &[S]) -> S {
        let mut sum = S::zero();
        for pair in x.chunks(2) {
            sum += pair[0] * pair[1] - pair[0] / (S::one() + pair[1] * pair[1]);
        }
        sum
    }
}

/// `x[t+1] = d x[t] + i[t]`, as a neuron has it, behind a product.
struct Leaky;

impl Computation for Leaky {
    fn at<S: Scalar>(&self, x: &[S]) -> S {
        let decay = S::from_f64(0.9375);
        x.iter().fold(S::zero(), |u, &i| decay * u + i * i)
    }
}

struct Functions;

impl Computation for Functions {
    fn at<S: Scalar>(&self, x: &[S]) -> S {
        let (a, b) = (x[0], x[1]);
        let positive = S::one() + b * b;
        a.sin() * b.cos() + a.exp() / positive + positive.ln() - positive.sqrt()
            + a.tanh() * b.atan()
            + (a - b).erf() * b.logistic()
            + a.abs().powi(3)
            + b.sech2()
    }
}

struct Product(usize);

impl Computation for Product {
    fn at<S: Scalar>(&self, x: &[S]) -> S {
        let k = self.0;
        let a = Tensor::from_vec([1, k], x[..k].to_vec()).unwrap();
        let b = Tensor::from_vec([k, 1], x[k..2 * k].to_vec()).unwrap();
        let squares = a.map(|x| x * x);
        squares.matmul(&b).unwrap().as_slice()[0]
    }
}

proptest! {
    #[test]
    fn an_error_in_single_precision_is_below_its_bound(
        x in proptest::collection::vec(-2.0..2.0_f32, 64),
    ) {
        prop_assert!(used(&Terms, &x) <= 1.0);
        prop_assert!(used(&Leaky, &x) <= 1.0);
        prop_assert!(used(&Functions, &x) <= 1.0);
        prop_assert!(used(&Product(32), &x) <= 1.0);
        prop_assert!(used(&Product(1), &x) <= 1.0);
    }
}

/// The assumed deviation of one rounding is what it can be at most.
#[test]
fn roundings_of_single_operations_are_as_large_as_assumed() {
    type Pair<S> = fn(S, S) -> S;
    let operations: [(&str, Pair<f32>, Pair<Bounded>); 4] = [
        ("add", |a, b| a + b, |a, b| a + b),
        ("sub", |a, b| a - b, |a, b| a - b),
        ("mul", |a, b| a * b, |a, b| a * b),
        ("div", |a, b| a / b, |a, b| a / b),
    ];
    for (name, single, bounded) in operations {
        let mut worst: f64 = 0.0;
        for i in 0..2000 {
            // Far apart, so that a difference is rounded, too.
            let (a, b) = (3.0 + i as f32 * 0.000_731, 0.9 - i as f32 * 0.000_393);
            let exact = bounded(Bounded::from_f64(a.into()), Bounded::from_f64(b.into()));
            let deviation = exact.error() / Bounded::DEVIATIONS;
            worst = worst.max((f64::from(single(a, b)) - exact.value).abs() / (U * deviation));
        }
        assert!(worst <= 1.0 && worst > 0.5, "{name}: {worst}");
    }
}

/// Squared deviations of what two operands pass on, and of the result's rounding.
fn deviation(x: Bounded) -> f64 {
    (x.error() / Bounded::DEVIATIONS).powi(2)
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-12 * expected, "{found} for {expected}");
}

#[test]
fn errors_of_operands_are_passed_on() {
    let off = |value: f64, deviation: f64| Bounded::new(value, Bounded::DEVIATIONS * deviation);
    let (a, b) = (off(3.0, 5.0), off(-2.0, 7.0));
    close(deviation(a + b), 25.0 + 49.0 + 1.0);
    close(deviation(a - b), 25.0 + 49.0 + 25.0);
    close(deviation(a * b), 4.0 * 25.0 + 9.0 * 49.0 + 36.0);
    close(deviation(a / b), 25.0 / 4.0 + 0.75 * 0.75 * 49.0 + 2.25);
    close(deviation(-a), 25.0);
    close(deviation(a.lift(0, &|k, x| if k == 0 { x * x } else { 2.0 * x })), 36.0 * 25.0 + 36.0 * 36.0);
    // Terms that are added up may have one error in common; the roundings of the sums, 1 and -1, have not.
    let mut sum = a;
    sum += b;
    close(deviation(sum), 144.0 + 1.0);
    sum += b;
    close(deviation(sum), (145.0_f64.sqrt() + 7.0).powi(2) + 1.0);
    // Exact operations add nothing.
    let exact = Bounded::from_f64;
    close(deviation(a + exact(0.0)), 25.0);
    close(deviation(a * exact(-1.0)), 25.0);
    close(deviation(a / exact(1.0)), 25.0);
    assert_eq!((a * exact(0.0)).error(), 0.0);
    let mut sum = exact(0.0);
    sum += a;
    close(deviation(sum), 25.0);
    // A 0 or a 1 that is off is not exact.
    close(deviation(a + off(0.0, 1.0)), 25.0 + 1.0 + 9.0);
    close(deviation(a * off(1.0, 1.0)), 25.0 + 9.0 + 9.0);
    close(deviation(a / off(1.0, 1.0)), 25.0 + 9.0 + 9.0);
    // However steep the function, an exact number has no error.
    assert_eq!(exact(0.0).sqrt().error(), 0.0);
}

#[test]
fn a_matrix_product_bounds_its_operands_errors_and_its_own_roundings() {
    let x = |value: f64, deviation: f64| Bounded::new(value, Bounded::DEVIATIONS * deviation);
    let a = Tensor::from_vec([1, 2], vec![x(2.0, 1.0), x(-3.0, 0.5)]).unwrap();
    let b = Tensor::from_vec([2, 1], vec![x(5.0, 0.25), x(7.0, 2.0)]).unwrap();
    let found = a.matmul(&b).unwrap().as_slice()[0];
    assert_eq!(found.value, -11.0);
    let roundings = 2.0 * (100.0 + 441.0) + 2.0 / 3.0 * 121.0;
    let errors = 1.0 * 25.0 + 4.0 * 0.0625 + 0.25 * 49.0 + 9.0 * 4.0;
    close(deviation(found), roundings + errors);
    let one = Tensor::from_vec([1, 1], vec![Bounded::from_f64(3.0)]).unwrap();
    close(deviation(one.matmul(&one).unwrap().as_slice()[0]), 81.0);
}

#[test]
fn finiteness_is_that_of_the_value_and_of_the_bound() {
    assert!(Bounded::new(1.0, 2.0).is_finite());
    assert!(!Bounded::new(f64::NAN, 0.0).is_finite());
    assert!(!Bounded::new(1.0, f64::INFINITY).is_finite());
}
