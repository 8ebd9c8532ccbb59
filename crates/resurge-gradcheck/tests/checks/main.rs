//! The checks on whole programs: correct ones always pass, faults are always rejected, and reports say where.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use resurge_autodiff::{Contributions, Op, Tape, Var, Vjp};
use resurge_gradcheck::{
    AdjointCheck, AnchoredProgram, CheckReport, GradCheck, GradcheckError, HessianCheck, Hints, Place,
    Program, ProgramResult, Scheme, Stencil, TaylorCheck, Verdict, check_adjoint, check_gradient,
    check_hessian, check_taylor,
};
use resurge_snn::{Cell, Firing, Reset, ResetGradient, Surrogate, linear, spike};
use resurge_tensor::{Scalar, Tensor};
use smallvec::smallvec;

const WIDTH: f64 = 0.2;

/// A spiking layer under a weighted readout, or a smooth map, drawn by a seed. Small enough for a check of every
/// entry in a fraction of a millisecond.
struct Drawn {
    cell: Cell,
    input: Tensor<f64>,
    readout: Tensor<f64>,
    vector: bool,
}

impl Drawn {
    fn new(seed: u64) -> (Self, Vec<Tensor<f64>>) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let surrogate = match rng.random_range(0..4) {
            0 => Surrogate::sigmoid(WIDTH),
            1 => Surrogate::atan(3.0),
            2 => Surrogate::fast_sigmoid(4.0),
            _ => Surrogate::triangle(0.9),
        };
        let rules = [ResetGradient::Full, ResetGradient::Detached, ResetGradient::Scaled(0.4)];
        let cell = Cell::lif(surrogate.unwrap())
            .with_reset([Reset::TO_ZERO, Reset::SUBTRACT][rng.random_range(0..2)])
            .unwrap()
            .with_reset_gradient(rules[rng.random_range(0..3)])
            .with_threshold(0.7)
            .unwrap();
        let mut draw = |shape: &[usize], low: f64, high: f64| {
            Tensor::from_fn(shape, |_| low + (high - low) * rng.random::<f64>()).unwrap()
        };
        let input = draw(&[5, 1, 3], 0.0, 1.0);
        let readout = draw(&[5, 1, 2], -1.0, 1.0);
        let parameters = vec![draw(&[2, 3], 0.0, 0.9), draw(&[2], 0.0, 0.3)];
        (Self { cell, input, readout, vector: false }, parameters)
    }
}

impl Program for Drawn {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let input = tape.constant(self.input.cast());
        let current = linear(tape, input, inputs[0], Some(inputs[1]))?;
        let run = self.cell.run(tape, current)?;
        let traces = tape.stack(&run.traces)?;
        let readout = tape.constant(self.readout.cast());
        let weighted = tape.mul(traces, readout)?;
        if self.vector { Ok(tape.sum_axis(weighted, 0)?) } else { Ok(tape.sum(weighted)?) }
    }
}

/// Checks the gradients of the programs that `seeds` draw; how many of them compared nothing.
fn gradients_pass(seeds: std::ops::Range<u64>) -> usize {
    let mut nothing = 0;
    for seed in seeds {
        let (program, at) = Drawn::new(seed);
        let width = program.cell.surrogate().width();
        let check = GradCheck::new(&program, at).width(width).seed(seed);
        let check = if seed % 2 == 0 { check.full() } else { check.projections(2) };
        let report = check.run().unwrap();
        assert_ne!(report.verdict, Verdict::Failed, "seed {seed}: {report}");
        nothing += usize::from(report.verdict == Verdict::Nothing);
    }
    nothing
}

fn other_checks_pass(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let (mut program, at) = Drawn::new(seed);
        program.vector = seed % 2 == 1;
        let width = program.cell.surrogate().width();
        let adjoint = AdjointCheck::new(&program, at.clone()).pairs(3).seed(seed).run().unwrap();
        assert_ne!(adjoint.verdict, Verdict::Failed, "seed {seed}: {adjoint:?}");
        let hessian = HessianCheck::new(&program, at.clone()).pairs(2).seed(seed).run().unwrap();
        assert_ne!(hessian.verdict, Verdict::Failed, "seed {seed}: {hessian:?}");
        let taylor = TaylorCheck::new(&program, at).width(width).directions(2).seed(seed).run().unwrap();
        assert_ne!(taylor.verdict, Verdict::Failed, "seed {seed}: {taylor:?}");
    }
}

#[test]
fn correct_programs_are_never_rejected() {
    let nothing = gradients_pass(0..2000);
    assert!(nothing < 40, "{nothing} of 2000 checks compared nothing");
}

#[test]
fn the_other_checks_never_reject_correct_programs() {
    other_checks_pass(0..300);
}

#[test]
#[ignore = "takes two minutes; run it with --release after a change of steps, windows or tolerances"]
fn ten_thousand_correct_programs_are_never_rejected() {
    gradients_pass(10_000..20_000);
    other_checks_pass(10_000..20_000);
}

fn claimed(seed: u64, projections: bool, fault: fn(&mut Vec<f64>)) -> Option<CheckReport> {
    let (program, at) = Drawn::new(seed);
    let anchored = AnchoredProgram::new(&program, at.clone()).unwrap();
    let mut gradient = anchored.gradient().to_vec();
    fault(&mut gradient);
    let changed = gradient.iter().zip(anchored.gradient()).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
    // A transposed matrix may by chance be nearly symmetric, and a vanishing gradient is right in any scale.
    if changed <= 0.9e-6 * norm || norm == 0.0 {
        return None;
    }
    let width = program.cell.surrogate().width();
    let check = GradCheck::new(&program, at).width(width).seed(seed).claim(gradient);
    let check = if projections { check.projections(8) } else { check };
    Some(check.run().unwrap())
}

/// Each fault is a change of at least 1e-6 of the gradient's norm: ten times the tolerance.
#[test]
fn faults_are_always_rejected() {
    type Fault = fn(&mut Vec<f64>);
    let faults: [(&str, Fault); 6] = [
        ("scale 1 + 1e-6", |g| g.iter_mut().for_each(|x| *x *= 1.0 + 1e-6)),
        ("sign", |g| g.iter_mut().for_each(|x| *x = -*x)),
        ("factor 2", |g| g.iter_mut().for_each(|x| *x *= 2.0)),
        ("one entry", |g| {
            let norm = g.iter().map(|x| x * x).sum::<f64>().sqrt();
            g[4] += 1e-4 * norm;
        }),
        ("transposed matrix", |g| {
            let w: Vec<f64> = g[..6].to_vec();
            for (i, x) in g[..6].iter_mut().enumerate() {
                *x = w[(i % 2) * 3 + i / 2];
            }
        }),
        ("one entry missing", |g| g[0] = 0.0),
    ];
    for (name, fault) in faults {
        let (mut tried, mut left_out) = (0, 0);
        for seed in 0..150 {
            for projections in [false, true] {
                let Some(report) = claimed(seed, projections, fault) else { continue };
                tried += 1;
                // A comparison that kinks make impossible is reported as such, and never as agreement.
                if report.verdict != Verdict::Failed {
                    assert!(report.skipped() * 2 > report.compared, "{name}, seed {seed}: {report}");
                    left_out += 1;
                }
            }
        }
        assert!(tried > 200 && left_out * 50 <= tried, "{name}: {left_out} of {tried}");
    }
}

#[test]
fn a_report_names_place_values_and_reason() {
    let (program, at) = Drawn::new(4);
    let mut gradient = AnchoredProgram::new(&program, at.clone()).unwrap().gradient().to_vec();
    let right = gradient[4];
    gradient[4] *= 0.7;
    let hints = Hints::new().factor("theta", 0.7);
    let check = GradCheck::new(&program, at).width(WIDTH).claim(gradient).hints(hints);
    let report = check.run().unwrap();
    assert_eq!((report.failures, report.mismatches.len()), (1, 1));
    let mismatch = &report.mismatches[0];
    assert_eq!(mismatch.place, Place::Entry { input: 0, index: vec![1, 1], output: vec![] });
    assert_eq!(mismatch.claimed, right * 0.7);
    assert!((mismatch.reference - right).abs() <= 10.0 * mismatch.reference_error);
    assert!(mismatch.step > 0.0 && mismatch.allowed < 1e-5 * right.abs().max(1.0));
    assert_eq!(mismatch.hints, ["theta times the reference: a factor theta too many"]);
    let text = report.to_string();
    assert!(text.contains("input 0, entry [1, 1]") && text.contains("a factor theta too many"), "{text}");

    // A projection alone does not say which entry; halving its support does.
    let projected = check.projections(3).run().unwrap();
    let Place::Direction { suspect, .. } = &projected.mismatches[0].place else { panic!("{projected}") };
    assert_eq!(suspect, &Some((0, vec![1, 1])));
}

#[test]
fn whole_gradients_are_explained() {
    let (program, at) = Drawn::new(4);
    let gradient = AnchoredProgram::new(&program, at.clone()).unwrap().gradient().to_vec();
    let mean: Vec<f64> = gradient.iter().map(|g| g / 5.0).collect();
    let hints = Hints::new().factor("number of steps", 5.0);
    let report = GradCheck::new(&program, at).width(WIDTH).claim(mean).hints(hints).run().unwrap();
    assert!(report.hints.iter().any(|h| h.contains("a factor number of steps is missing")), "{report}");
}

/// `exp` with a faulty vector-Jacobian product.
#[derive(Debug, Clone, Copy)]
enum Fault {
    None,
    Sign,
    Scale,
    OneEntry,
    /// Right to first order; the derivative of the product is lost.
    Second,
}

impl<S: Scalar> Op<S> for Fault {
    fn name(&self) -> &'static str {
        "faulty exp"
    }

    fn forward(&self, inputs: &[&Tensor<S>]) -> resurge_autodiff::Result<Tensor<S>> {
        Ok(inputs[0].map(Scalar::exp))
    }

    fn vjp(&self, at: &Vjp<'_, S>) -> resurge_autodiff::Result<Contributions<S>> {
        let mut gradient = at.cotangent.mul(at.output)?;
        match self {
            Self::None => {}
            Self::Sign => gradient = gradient.scale(S::from_f64(-1.0)),
            Self::Scale => gradient = gradient.scale(S::from_f64(1.0 + 1e-6)),
            Self::OneEntry => {
                let entry = &mut gradient.as_mut_slice()[2];
                *entry = *entry * S::from_f64(1.001);
            }
            Self::Second => gradient = at.cotangent.mul(&at.output.map(|y| S::from_f64(y.re())))?,
        }
        Ok(smallvec![Some(gradient.into())])
    }
}

struct Faulty(Fault);

impl Program for Faulty {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let mixed = tape.mul(inputs[0], inputs[1])?;
        let e = tape.apply(self.0, &[mixed])?;
        Ok(tape.sum(e)?)
    }
}

fn points() -> Vec<Tensor<f64>> {
    vec![
        Tensor::from_vec([4], vec![0.3, -0.7, 0.9, 0.1]).unwrap(),
        Tensor::from_vec([4], vec![1.1, 0.6, -0.4, 2.0]).unwrap(),
    ]
}

#[test]
fn a_faulty_operation_is_seen_by_every_check_of_first_order() {
    let passes = |fault| {
        let program = Faulty(fault);
        let full = check_gradient(&program, points()).is_ok();
        let fast = GradCheck::new(&program, points()).projections(4).run().unwrap().passed();
        let adjoint = check_adjoint(&program, points()).is_ok();
        let taylor = TaylorCheck::new(&program, points()).orders(2).run().unwrap().passed();
        [full, fast, adjoint, taylor]
    };
    assert_eq!(passes(Fault::None), [true; 4]);
    for fault in [Fault::Sign, Fault::Scale, Fault::OneEntry] {
        assert_eq!(passes(fault), [false; 4], "{fault:?}");
    }
    // Nothing wrong with the gradient itself.
    assert_eq!(passes(Fault::Second), [true; 4]);
}

#[test]
fn a_fault_of_second_order_is_seen_by_hessian_and_taylor() {
    let hessian = |fault| HessianCheck::new(&Faulty(fault), points()).run().unwrap();
    let right = hessian(Fault::None);
    assert!(right.passed() && right.nested_dual < 1e-14 && right.complex_step < 1e-14, "{right:?}");
    let wrong = hessian(Fault::Second);
    assert!(wrong.verdict == Verdict::Failed && wrong.nested_dual > 1e-3, "{wrong:?}");

    let taylor = TaylorCheck::new(&Faulty(Fault::Second), points()).run().unwrap();
    let verdicts: Vec<Verdict> = taylor.orders.iter().map(|order| order.verdict).collect();
    assert_eq!(verdicts, [Verdict::Passed, Verdict::Passed, Verdict::Failed], "{taylor:?}");
    assert!(check_taylor(&Faulty(Fault::None), points()).is_ok());
    let error = check_taylor(&Faulty(Fault::Second), points()).unwrap_err().to_string();
    assert!(error.contains("order 3: Failed"), "{error}");
}

#[test]
fn an_adjoint_fault_is_located() {
    let report = AdjointCheck::new(&Faulty(Fault::OneEntry), points()).run().unwrap();
    let (_, index) = report.suspect.expect("dual numbers confirm it");
    assert_eq!(index, [2]);
}

struct Kinked;

impl Program for Kinked {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let size = tape.abs(inputs[0])?;
        let bent = tape.mul(size, inputs[0])?;
        let both = tape.add(bent, size)?;
        Ok(tape.sum(both)?)
    }
}

#[test]
fn kinks_are_counted_and_located() {
    let at = vec![Tensor::from_vec([3], vec![0.5, -2f64.powi(-10), 0.0]).unwrap()];
    let report = GradCheck::new(&Kinked, at).run().unwrap();
    assert!(report.passed(), "{report}");
    // Entries 0 and 1 keep steps below their distance; at a kink itself there are none.
    assert_eq!((report.compared, report.conclusive, report.kinks), (3, 2, 3));
    assert_eq!(report.inconclusive.len(), 1);
    let here = |entry: usize| Place::Entry { input: 0, index: vec![entry], output: vec![] };
    assert_eq!(report.inconclusive[0].place, here(2));
    assert_eq!(report.inconclusive[0].reference_error, None);
    let (nearest, next) = (&report.nearest_kinks[0], &report.nearest_kinks[1]);
    assert_eq!(nearest.place, here(2));
    assert_eq!((&next.place, next.nearest_step), (&here(1), 2f64.powi(-10)));
    assert!(report.to_string().contains("no step is free of kinks"), "{report}");
}

struct Silent;

impl Program for Silent {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let o = spike(tape, inputs[0], Surrogate::rectangle(1.0)?, Firing::Above)?;
        Ok(tape.sum(o)?)
    }
}

#[test]
fn a_vanishing_gradient_is_no_proof() {
    let at = vec![Tensor::full([2], 7.0).unwrap()];
    for check in [GradCheck::new(&Silent, at.clone()), GradCheck::new(&Silent, at.clone()).projections(3)] {
        assert_eq!(check.run().unwrap().verdict, Verdict::Nothing);
    }
    assert_eq!(AdjointCheck::new(&Silent, at.clone()).run().unwrap().verdict, Verdict::Nothing);
    assert_eq!(HessianCheck::new(&Silent, at.clone()).run().unwrap().verdict, Verdict::Nothing);
    assert_eq!(TaylorCheck::new(&Silent, at.clone()).run().unwrap().verdict, Verdict::Nothing);
    for error in [
        check_gradient(&Silent, at.clone()).map(drop),
        check_adjoint(&Silent, at.clone()).map(drop),
        check_hessian(&Silent, at.clone()).map(drop),
        check_taylor(&Silent, at).map(drop),
    ] {
        assert!(matches!(error, Err(GradcheckError::Rejected { .. })));
    }
}

#[test]
fn every_scheme_agrees_and_every_option_is_checked() {
    let (program, at) = Drawn::new(8);
    let width = program.cell.surrogate().width();
    let check = || GradCheck::new(&program, at.clone()).width(width);
    for stencil in Stencil::ALL {
        for scheme in [Scheme::Fixed { stencil, step: None }, Scheme::Scanned { stencil }] {
            let report = check().scheme(scheme).run().unwrap();
            assert!(report.passed() && report.conclusive == 8, "{scheme:?}: {report}");
        }
    }
    let options = [check().width(0.0), check().width(f64::NAN), check().rtol(-1.0), check().safety(0.0)];
    for check in options {
        assert!(matches!(check.run(), Err(GradcheckError::Option { .. })));
    }
    let fixed = check().scheme(Scheme::Fixed { stencil: Stencil::Second, step: Some(-1.0) });
    assert!(matches!(fixed.run(), Err(GradcheckError::StepScale(_))));
    assert!(matches!(
        check().claim(vec![1.0]).run(),
        Err(GradcheckError::Length { expected: 8, actual: 1, .. })
    ));
    let taylor = TaylorCheck::new(&program, at.clone()).orders(4).run();
    assert!(matches!(taylor, Err(GradcheckError::Option { option: "orders", .. })));
}

#[test]
fn reports_do_not_depend_on_the_number_of_threads() {
    let (mut program, at) = Drawn::new(5);
    program.vector = true;
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let full = GradCheck::new(&program, at.clone()).width(WIDTH).run().unwrap();
            let fast = GradCheck::new(&program, at.clone()).projections(5).width(WIDTH).run().unwrap();
            let adjoint = AdjointCheck::new(&program, at.clone()).run().unwrap();
            let hessian = HessianCheck::new(&program, at.clone()).run().unwrap();
            let taylor = TaylorCheck::new(&program, at.clone()).width(WIDTH).run().unwrap();
            (full, fast, adjoint, hessian, taylor)
        })
    };
    assert_eq!(on(1), on(2));
    assert_eq!(on(1), on(3));
}

/// A program that counts its runs is not a function of its inputs.
struct Counting(std::sync::atomic::AtomicU32);

impl Program for Counting {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, inputs: &[Var]) -> ProgramResult {
        let runs = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let shifted = tape.shift(inputs[0], f64::from(runs))?;
        Ok(tape.sum(shifted)?)
    }
}

#[test]
fn a_program_with_a_memory_is_refused() {
    let at = vec![Tensor::full([2], 1.0).unwrap()];
    let error = check_gradient(&Counting(0.into()), at).unwrap_err();
    assert!(matches!(error, GradcheckError::BasePoint { recorded: 2.0, again: 4.0 }), "{error}");
}

/// The detached gradient is right for its own program, on the anchored program; on the smooth twin it is not the
/// derivative of anything.
#[test]
fn the_smooth_twin_rejects_a_detached_reset() {
    let (mut program, at) = Drawn::new(4);
    let check = |program: &Drawn| {
        let check = || GradCheck::new(program, at.clone()).width(0.5);
        [check(), check().smooth_twin()].map(|check| check.run().unwrap().verdict)
    };
    program.cell = Cell::lif(Surrogate::sigmoid(WIDTH).unwrap()).with_reset_gradient(ResetGradient::Detached);
    assert_eq!(check(&program), [Verdict::Passed, Verdict::Failed]);
    program.cell = program.cell.with_reset_gradient(ResetGradient::Full);
    assert_eq!(check(&program), [Verdict::Passed, Verdict::Passed]);
}
