use super::*;
use crate::ProgramResult;
use crate::{AnchoredProgram, Program};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use resurge_autodiff::{Tape, Var};
use resurge_tensor::Scalar;

fn noisy(f: impl Fn(f64) -> f64, spacing: f64, amplitude: f64, seed: u64) -> Noise {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut value = |i: i32| f(f64::from(i) * spacing) + amplitude * (2.0 * rng.random::<f64>() - 1.0);
    ecnoise(&(-4..=4).map(&mut value).collect::<Vec<_>>())
}

/// Uniform noise of amplitude A has the deviation A / sqrt(3). More and Wild: within a factor 4 in practice.
#[test]
fn injected_noise_is_recovered() {
    let functions: [fn(f64) -> f64; 3] = [|_| 3.0, f64::exp, |x| 2.0 + (3.0 * x).sin()];
    for (name, f) in ["constant", "exp", "sine"].into_iter().zip(functions) {
        for amplitude in [1e-12, 1e-8, 1e-4] {
            let truth = amplitude / 3f64.sqrt();
            let mut found = 0;
            for seed in 0..200 {
                match noisy(f, 1e-6 * amplitude.sqrt(), amplitude, seed) {
                    Noise::Found { level, .. } => {
                        assert!(
                            level > truth / 4.0 && level < truth * 4.0,
                            "{name}, amplitude {amplitude}, seed {seed}: {level} for {truth}"
                        );
                        found += 1;
                    }
                    // A table of nine can by chance have no agreeing triple.
                    other => assert_eq!(other, Noise::SpacingTooLarge),
                }
            }
            assert!(found >= 190, "{name}, amplitude {amplitude}: {found} of 200");
        }
    }
}

/// The mean square over many tables is unbiased at every order: this fixes the factor (k!)^2 / (2k)!.
#[test]
fn each_order_of_difference_is_scaled_by_its_own_factor() {
    let mean = |order: usize| {
        let (mut sum, mut count) = (0.0, 0);
        for seed in 0..4000 {
            // A ramp, a parabola: the smooth part survives in differences below `order`.
            let f = |x: f64| 1.0 + if order == 2 { 0.005 * x } else { 0.001 * x * x };
            if let Noise::Found { level, order: k } = noisy(f, 1.0, 1e-4, seed)
                && k == order
            {
                sum += level * level;
                count += 1;
            }
        }
        assert!(count > 1500, "{count} tables at order {order}");
        (sum / f64::from(count)).sqrt()
    };
    let truth = 1e-4 / 3f64.sqrt();
    // Selecting agreeing triples biases the mean by a few per cent; a wrong factor would be 22 % or more.
    assert!((mean(2) / truth - 1.0).abs() < 0.1, "{} for {truth}", mean(2));
    assert!((mean(3) / truth - 1.0).abs() < 0.1, "{} for {truth}", mean(3));
}

#[test]
fn spacings_that_do_not_serve_are_told() {
    assert_eq!(ecnoise(&[1.0; 7]), Noise::SpacingTooSmall);
    assert_eq!(ecnoise(&[1.0, 2.0, 3.0, 4.0, 5.0]), Noise::SpacingTooLarge);
    assert_eq!(ecnoise(&[1.0, 1.0, f64::NAN, 1.0]), Noise::SpacingTooLarge);
    assert_eq!(ecnoise(&[1.0, 1.001]), Noise::SpacingTooLarge);
    // Smooth and exact to every order: nothing to be found.
    let smooth: Vec<f64> = (0..7).map(|i| 1.0 + (f64::from(i) * 0.01).powi(6) * 1e-3).collect();
    assert!(!matches!(ecnoise(&smooth), Noise::Found { level, .. } if level > 1e-15));
}

fn found(values: &[f64]) -> Option<(f64, usize)> {
    match ecnoise(values) {
        Noise::Found { level, order } => Some((level, order)),
        _ => None,
    }
}

/// Noise that alternates by +-e has k-th differences of 2^k e throughout, which a ramp hides in the first and a
/// parabola in the second: the level is 2^k e k! / sqrt((2k)!) at the first order where they change sign.
#[test]
fn alternating_noise_is_read_off_at_the_first_free_order() {
    let e = 2f64.powi(-12);
    let table = |ramp: f64, parabola: f64| {
        let sign = |i: i32| if i % 2 == 0 { e } else { -e };
        let value = |i| 2.0 + sign(i) + ramp * e * f64::from(i) + parabola * e * f64::from(i * i);
        (0..9).map(value).collect::<Vec<f64>>()
    };
    for (ramp, parabola, expected, order) in [
        (0.0, 0.0, 2.0 / 2f64.sqrt(), 1),
        (2.5, 0.0, 4.0 / 6f64.sqrt(), 2),
        (-2.5, 0.0, 4.0 / 6f64.sqrt(), 2),
        (4.0, 2.5, 8.0 / 20f64.sqrt(), 3),
        (-4.0, -2.5, 8.0 / 20f64.sqrt(), 3),
    ] {
        let (level, at) = found(&table(ramp, parabola)).unwrap();
        assert_eq!(at, order, "ramp {ramp}, parabola {parabola}");
        assert!((level / (expected * e) - 1.0).abs() < 1e-12, "ramp {ramp}: {level}");
    }
    // The same for values below 0.
    let below: Vec<f64> = table(0.0, 0.0).iter().map(|v| -v).collect();
    assert_eq!(found(&below), found(&table(0.0, 0.0)));
}

/// A stairway does not change sign in its first differences, half of which are 0, whichever way it leads.
#[test]
fn a_difference_of_zero_has_no_sign() {
    for way in [1.0, -1.0] {
        let stairs: Vec<f64> = (0..9).map(|i| 64.0 + way * f64::from((i + 1) / 2)).collect();
        let (level, order) = found(&stairs).unwrap();
        assert_eq!(order, 2, "{stairs:?}");
        assert!((level - (1.0 / 6f64).sqrt()).abs() < 1e-15, "{level}");
    }
}

#[test]
fn half_of_the_neighbours_equal_is_too_close() {
    // Of eight values: four, and three, of the seven differences are 0.
    assert_eq!(ecnoise(&[9.0, 9.0, 9.1, 9.1, 9.0, 9.0, 9.1, 9.1]), Noise::SpacingTooSmall);
    assert!(found(&[9.0, 9.0, 9.1, 9.1, 9.0, 9.0, 9.1, 9.0]).is_some());
    // Equal second differences do not count.
    assert!(found(&[9.0, 9.1, 9.0, 9.1, 9.1, 9.1, 9.0, 9.1]).is_some());
}

#[test]
fn a_tenth_of_the_largest_value_is_the_range_allowed() {
    let table = |low: f64| [10.0, low, 9.75, 9.25, 9.875, 9.125, 9.5, 9.25];
    assert!(found(&table(9.0)).is_some());
    assert_eq!(ecnoise(&table(8.99)), Noise::SpacingTooLarge);
    assert!(found(&table(9.0).map(|v| -v)).is_some());
    assert_eq!(ecnoise(&table(8.99).map(|v| -v)), Noise::SpacingTooLarge);
    assert_eq!(ecnoise(&[9.0, 9.5, 9.1]), Noise::SpacingTooLarge, "three values");
    assert!(found(&[9.0, 9.5, 9.1, 9.4]).is_some(), "four values");
}

/// The first three levels of this table are sqrt(5.6), sqrt(1.375) and sqrt(0.35): a factor of 4 to the bit.
#[test]
fn levels_within_a_factor_of_four_agree() {
    let (level, order) = found(&[100.0, 106.0, 109.0, 108.0, 105.0, 104.0]).unwrap();
    assert_eq!(order, 1);
    assert!((level - 5.6f64.sqrt()).abs() < 1e-15);
}

#[test]
fn a_bound_is_four_deviations_or_some_units_in_the_last_place() {
    let ulp = f64::EPSILON;
    assert_eq!(bound(3.0, None), 8.0 * 3.0 * ulp);
    assert_eq!(bound(-3.0, None), 8.0 * 3.0 * ulp);
    assert_eq!(bound(3.0, Some(1e-3)), 4e-3);
    assert_eq!(bound(-3.0, Some(0.1 * ulp)), 1.5 * ulp);
}

/// Kinks at the given places, and a rise of 1.
struct Kinked<'a>(&'a [f64]);

impl Program for Kinked<'_> {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let mut sum = inputs[0];
        for &place in self.0 {
            let from = tape.shift(inputs[0], -place)?;
            let bent = tape.abs(from)?;
            let flat = tape.scale(bent, 0.0)?;
            sum = tape.add(sum, flat)?;
        }
        Ok(sum)
    }
}

#[test]
fn points_lie_on_one_side_of_a_kink() {
    for (kinks, first) in [
        (&[][..], Some(-4)),
        (&[5.0, -5.0], Some(-4)),
        (&[-0.5], Some(0)),
        (&[-0.5, 9.0], Some(0)),
        (&[0.5], Some(-8)),
        (&[0.5, -9.0], Some(-8)),
        (&[0.5, -0.5], None),
    ] {
        let program = Kinked(kinks);
        let anchored = AnchoredProgram::new(&program, vec![Tensor::scalar(0.0)]).unwrap();
        let table = table_free_of_kinks(&anchored, &[1.0], 0.0, 1.0).unwrap();
        let values = table.map(|t| t.iter().map(|v| v.item().unwrap()).collect::<Vec<_>>());
        let expected = first.map(|first: i32| (first..first + 9).map(f64::from).collect::<Vec<_>>());
        assert_eq!(values, expected, "{kinks:?}");
    }
}

/// `sin(1.3 2^28 x)`; `pi x`, rounded to multiples of a power of two; the same with a wave
/// of 2^26 radians a unit and of the height 2^-20; and a constant.
enum Rounded {
    Sine,
    Wave(i32),
    Line(i32),
    Constant,
}

impl Program for Rounded {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let pi = tape.scale(inputs[0], std::f64::consts::PI)?;
        Ok(match self {
            Self::Sine => {
                let fast = tape.scale(inputs[0], 1.3 * 2f64.powi(28))?;
                tape.sin(fast)?
            }
            Self::Wave(power) => {
                let fast = tape.scale(inputs[0], 2f64.powi(26))?;
                let wave = tape.sin(fast)?;
                let wave = tape.scale(wave, 2f64.powi(-20))?;
                let line = Self::Line(*power).run(tape, inputs)?;
                tape.add(line, wave)?
            }
            Self::Line(power) => {
                let far = tape.shift(pi, 1.5 * 2f64.powi(52 + power))?;
                tape.shift(far, -1.5 * 2f64.powi(52 + power))?
            }
            Self::Constant => tape.scale(pi, 0.0).and_then(|zero| tape.shift(zero, 3.0))?,
        })
    }
}

/// Spacings of 2^-30, 2^-24 and 2^-37 of the width are tried in this order.
#[test]
fn a_spacing_that_does_not_serve_is_followed_by_the_next() {
    let floor = |program: Rounded, x: f64, width: f64| {
        let anchored = AnchoredProgram::new(&program, vec![Tensor::scalar(x)]).unwrap();
        noise_floor(&anchored, width, &vec![1.0; anchored.dimension()], 1).unwrap()[0].level
    };
    // Rounding to 2^p is noise of the deviation 2^p / sqrt(12), of which four make the bound; within a factor 4.
    let near = |floor: f64, power: i32| {
        let ratio = floor / (4.0 * 2f64.powi(power) / 12f64.sqrt());
        assert!(ratio > 0.25 && ratio < 4.0, "2^{power}: {ratio}");
    };
    near(floor(Rounded::Line(-36), 0.7, 1.0), -36);
    // Steps of pi 2^-30 stay on one multiple of 2^-26; those of pi 2^-24 do not.
    near(floor(Rounded::Line(-26), 0.7, 1.0), -26);
    // A width of 64 moves the spacings by six powers.
    near(floor(Rounded::Line(-22), 0.7, 64.0), -22);
    // The first spacing resolves this wave, sixteen points to a radian; the second takes it for noise.
    near(floor(Rounded::Wave(-36), 0.7, 1.0), -36);
    // Only the closest spacing resolves so fast a sine, whose argument of 2^28 is rounded at 2^-25.
    let sine = floor(Rounded::Sine, 0.7, 1.0);
    assert!(sine > 1e-9 && sine < 1e-6, "{sine}");
    assert_eq!(floor(Rounded::Constant, 0.7, 1.0), 8.0 * 3.0 * f64::EPSILON);
}

/// The square of `(5 + 1.1 x) - 5 - y`, whose root is rounded to units of 2^-50.
struct Square(f64);

impl Program for Square {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let moved = tape.scale(inputs[0], 1.1)?;
        let large = tape.shift(moved, 5.0)?;
        let error = tape.shift(large, -5.0 - self.0)?;
        Ok(tape.square(error)?)
    }
}

#[test]
fn a_square_that_is_nearly_zero_is_measured_at_a_step() {
    let floor = |y: f64, width: f64| {
        let program = Square(y);
        let anchored = AnchoredProgram::new(&program, vec![Tensor::scalar(0.0)]).unwrap();
        noise_floor(&anchored, width, &vec![1.0; anchored.dimension()], 1).unwrap()[0]
    };
    // At 2^-3 of the width the root is 1.1/8, and the square errs by twice that of a rounding of 5.
    for y in [0.0, -1e-9, 1e-3] {
        let Floor { level, size } = floor(y, 1.0);
        let deviations = level / (2.0 * 0.1375 * 2f64.powi(-50) / 12f64.sqrt());
        assert!(deviations > 1.0 && deviations < 16.0, "{y}: {level:e}");
        assert!((size.unwrap().sqrt() - 0.1375).abs() < 2e-3, "{y}: {size:?}");
    }
    assert_eq!(floor(-0.5, 1.0).size, None);
    assert_eq!(floor(0.02, 1.0).size, None);
}

/// A value that is small because its input is errs little, whatever else is on the tape.
#[test]
fn what_is_small_of_itself_keeps_its_noise() {
    struct Line;
    impl Program for Line {
        fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
            tape.constant(Tensor::scalar(S::from_f64(1e9)));
            Ok(tape.scale(inputs[0], 3.0)?)
        }
    }
    let anchored = AnchoredProgram::new(&Line, vec![Tensor::scalar(0.0)]).unwrap();
    let floor = noise_floor(&anchored, 1.0, &vec![1.0; anchored.dimension()], 1).unwrap()[0];
    assert!(floor.level < 1e-15, "{floor:?}");
}

#[test]
fn the_noise_of_a_value_grows_with_the_root_of_its_size() {
    let floor = Floor { level: 1e-20, size: Some(1e-4) };
    assert_eq!([0.0, -1e-4, 1e-4].map(|y| floor.at(y)), [1e-20; 3]);
    assert!((floor.at(-1.0) / 1e-18 - 1.0).abs() < 1e-12);
    assert_eq!(Floor { size: None, ..floor }.at(1.0), 1e-20);
    let other = Floor { level: 3e-20, size: Some(2.0) };
    assert_eq!(
        Floor::contracted(&[floor, other], &[2.0, -1.0]),
        Floor { level: 5e-20, size: Some(2.0 + 2e-4) }
    );
    assert_eq!(Floor::contracted(&[floor, Floor { size: None, ..other }], &[1.0, 1.0]).size, None);
}
