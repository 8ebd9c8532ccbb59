//! Every cell of the registry: forward sensitivities on all, the four proofs on a sample that has every pair of
//! model, reset and reset gradient; no false alarm in ten thousand runs.

use rayon::prelude::*;
use resurge_gradcheck::{
    AnchoredProgram, CELL_BARS, CellCase, CellErrors, CellExtents, CellNetwork, CellReport, CellVerdict,
    GradcheckError, Probes, cell_registry, rtrl,
};
use resurge_snn::{Cell, Firing, Learnable, Surrogate};
use resurge_tensor::Tensor;
use std::collections::{BTreeMap, BTreeSet};

fn norm(v: impl Iterator<Item = f64>) -> f64 {
    v.map(|x| x * x).sum::<f64>().sqrt()
}

/// The verdicts counted, and the largest errors of all that are not vacuous.
fn tally(reports: &[CellReport]) -> (BTreeMap<String, usize>, CellErrors) {
    let mut counts = BTreeMap::new();
    let mut worst = CellErrors { finite_difference: 0.0, complex_step: 0.0, dual: 0.0, rtrl: 0.0, loss: 0.0 };
    for report in reports {
        *counts.entry(format!("{:?}", report.verdict)).or_default() += 1;
        if report.verdict != CellVerdict::Vacuous {
            worst = worst.max(&report.errors);
        }
    }
    (counts, worst)
}

#[test]
fn the_registry_is_the_product_of_its_parts_and_names_are_unique() {
    let cases = cell_registry();
    let distinct = |of: fn(&CellCase) -> String| cases.iter().map(of).collect::<BTreeSet<_>>().len();
    assert_eq!(distinct(CellCase::name), cases.len());
    assert_eq!(distinct(|c| c.model().into()), 21);
    assert_eq!(distinct(|c| c.reset().into()), 13);
    assert_eq!(distinct(|c| c.reset_gradient().name()), 4);
    assert_eq!(distinct(|c| c.surrogate().into()), 17);
    // All models under all resets, but the residual reset under one.
    assert_eq!(cases.len(), (20 * 13 + 1) * 4 * 17);
    for &learnable in Learnable::ALL {
        assert!(
            cases.iter().any(|c| c.learnables().unwrap().contains(&learnable)),
            "no specimen learns the {learnable}"
        );
    }
}

/// The permanent bar of the derivation's third verification, on every specimen.
#[test]
fn forward_sensitivities_agree_with_the_tape_on_every_cell() {
    let cases = cell_registry();
    let vacuous: usize = cases
        .par_iter()
        .enumerate()
        .map(|(seed, case)| {
            let network = case.network(CellExtents::REGISTRY, seed as u64).unwrap();
            let tape = AnchoredProgram::new(&network, network.parameters().to_vec()).unwrap();
            let forwards = rtrl(&network, network.parameters()).unwrap();
            let size = norm(tape.gradient().iter().copied());
            let off = norm(tape.gradient().iter().zip(&forwards.gradient).map(|(a, b)| a - b));
            assert!((tape.loss() - forwards.loss).abs() <= 1e-12 * forwards.magnitude, "{}", case.name());
            assert!(off <= CELL_BARS.rtrl * size, "{}: {:e}", case.name(), off / size);
            usize::from(size == 0.0)
        })
        .sum();
    // Of 13,572 specimens; a rectangle may see no potential.
    assert!(vacuous <= 2, "{vacuous} specimens have a zero gradient");
}

/// Each model with each reset and each reset gradient, under one surrogate after the other.
fn sample() -> Vec<CellCase> {
    let cases = cell_registry();
    let kinds = cases.iter().map(CellCase::surrogate).collect::<BTreeSet<_>>().len();
    cases.chunks(kinds).enumerate().map(|(i, surrogates)| surrogates[i * 5 % kinds]).collect()
}

fn check_all(cases: &[CellCase]) -> Vec<CellReport> {
    cases.par_iter().enumerate().map(|(seed, case)| case.check(seed as u64).unwrap()).collect()
}

fn assert_proved(reports: &[CellReport]) {
    let (counts, worst) = tally(reports);
    println!("{counts:?}, worst {worst:?}");
    let redrawn = reports.iter().filter(|r| r.draws > 1).count();
    let skipped: usize = reports.iter().map(|r| r.skipped.len()).sum();
    let conclusive: usize = reports.iter().map(|r| r.conclusive).sum();
    println!("{redrawn} points redrawn; {conclusive} finite differences conclusive, {skipped} skipped:");
    for report in reports {
        for skipped in &report.skipped {
            println!("  {}: {}: {:?}", report.name, skipped.along, skipped.reason);
        }
    }
    for report in reports {
        assert_eq!(report.verdict, CellVerdict::Passed, "{report:#?}");
    }
    // Every finite difference that is left out is listed above with its reason. Few may be.
    assert!(skipped * 50 <= conclusive, "{skipped} of {} finite differences skipped", conclusive + skipped);
    assert!(redrawn * 50 <= reports.len(), "{redrawn} of {} points proved nothing", reports.len());
}

#[test]
fn four_proofs_of_every_model_reset_and_reset_gradient() {
    let sample = sample();
    assert_eq!(sample.len(), 1044);
    assert_proved(&check_all(&sample));
}

/// The whole product, as `resurge verify --all` runs it: 134 s of one core.
///
/// `cargo test --release -p resurge-gradcheck --test cells -- --ignored --nocapture four_proofs_of_the_whole`
#[test]
#[ignore = "a minute or two in release"]
fn four_proofs_of_the_whole_registry() {
    assert_proved(&check_all(&cell_registry()));
}

/// No correct gradient is rejected: ten thousand runs, each another cell, surrogate, reset, reset gradient, network
/// and input.
#[test]
fn no_false_alarm_in_ten_thousand_runs() {
    let cases = cell_registry();
    // Small, but with two layers, a recurrence, and time for a refractory period.
    let extents = CellExtents { sizes: [3, 2, 2], steps: 5, batch: 1 };
    let reports: Vec<CellReport> = (0..10_000_u64)
        .into_par_iter()
        .map(|run| {
            // A stride that shares no factor with the registry's 13,572 specimens visits no specimen twice.
            let case = &cases[(run as usize * 7919) % cases.len()];
            case.check_at(extents, Probes::Whole, 1_000_000 + run).unwrap()
        })
        .collect();
    let (counts, worst) = tally(&reports);
    println!("{counts:?}, worst {worst:?}");
    let count = |verdict: &str| counts.get(verdict).copied().unwrap_or(0);
    let failed: Vec<_> = reports.iter().filter(|r| r.verdict == CellVerdict::Failed).collect();
    assert!(failed.is_empty(), "{} false alarms, the first: {:#?}", failed.len(), failed[0]);
    // What proves nothing is not a pass, and must be rare.
    assert!(count("Vacuous") <= 20, "{} of 10,000 runs had a zero gradient", count("Vacuous"));
    assert!(count("Inconclusive") <= 50, "{} of 10,000 runs were inconclusive", count("Inconclusive"));
    let undecided = count("Vacuous") + count("Inconclusive") + count("Unexercised");
    assert_eq!(count("Passed") + undecided, 10_000);
}

#[test]
fn reports_do_not_depend_on_the_number_of_threads() {
    let cases: Vec<CellCase> = sample().into_iter().step_by(37).collect();
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| check_all(&cases))
    };
    assert_eq!(on(1), on(4));
}

/// `>` and `>=` differ at the threshold alone, so a hidden neuron is put there in the first step of the first
/// sequence. All numbers are multiples of 2^-24 and below 8: the sums are exact in any order.
#[test]
fn a_potential_at_the_threshold_is_counted_alike() {
    let at_threshold = |firing| {
        let cell = Cell::lif(Surrogate::sigmoid(0.25).unwrap()).with_firing(firing);
        let network = CellNetwork::new(cell, &[Learnable::Threshold], CellExtents::REGISTRY, 1).unwrap();
        let mut parameters = network.parameters().to_vec();
        let inputs = network.extents().sizes[0];
        let weighted = parameters[0].as_slice().iter().zip(&network.input().as_slice()[..inputs]);
        let weighted: f64 = weighted.map(|(w, x)| w * x).sum();
        parameters[1].as_mut_slice()[0] = parameters[2].as_slice()[0] - weighted;
        let network = network.with_parameters(parameters).unwrap();
        let tape = AnchoredProgram::new(&network, network.parameters().to_vec()).unwrap();
        let forwards = rtrl(&network, network.parameters()).unwrap();
        for (a, b) in tape.gradient().iter().zip(&forwards.gradient) {
            assert!((a - b).abs() < 1e-12, "{firing:?}");
        }
        forwards
    };
    let (above, at) = (at_threshold(Firing::Above), at_threshold(Firing::AtOrAbove));
    assert!((above.loss - at.loss).abs() > 1e-3, "the first step decides");
}

#[test]
fn what_does_not_fit_is_named() {
    let cell = Cell::lif(Surrogate::sigmoid(0.25).unwrap());
    let refused = |cell: Cell, learnables: &[Learnable]| match CellNetwork::new(
        cell,
        learnables,
        CellExtents::REGISTRY,
        1,
    )
    .unwrap_err()
    {
        GradcheckError::NotLearnable { learnable } => learnable,
        other => panic!("{other}"),
    };
    let without = [
        Learnable::VReset,
        Learnable::SynapseDecay,
        Learnable::SynapseGain,
        Learnable::AdaptationDecay,
        Learnable::AdaptationScale,
    ];
    for learnable in without {
        assert_eq!(refused(cell, &[learnable]), learnable);
    }
    assert_eq!(refused(cell, &[Learnable::DecayLogit, Learnable::Decay]), Learnable::DecayLogit);
    assert_eq!(refused(cell.with_decay(1.0).unwrap(), &[Learnable::DecayLogit]), Learnable::DecayLogit);

    let network = CellNetwork::new(cell, &[Learnable::Drive], CellExtents::REGISTRY, 1).unwrap();
    let few = &network.parameters()[1..];
    assert!(matches!(rtrl(&network, few), Err(GradcheckError::Inputs { expected: 6, actual: 5 })));
    let error = AnchoredProgram::new(&network, few.to_vec()).unwrap_err();
    assert!(error.to_string().contains("6 inputs, 5 were given"), "{error}");
    let mut wrong = network.parameters().to_vec();
    wrong[1] = Tensor::scalar(0.0);
    assert!(rtrl(&network, &wrong).unwrap_err().to_string().contains("cell network parameter"));
    assert!(network.with_parameters(wrong).is_err());
}

/// A network without neurons, steps or sequences has nothing to check, and says so without a panic.
#[test]
fn empty_extents_are_errors_or_vacuous() {
    let case = cell_registry()[0];
    for (sizes, steps, batch) in [([4, 3, 2], 0, 2), ([4, 3, 2], 3, 0), ([0, 3, 2], 3, 1), ([4, 0, 2], 3, 1)]
    {
        let extents = CellExtents { sizes, steps, batch };
        match case.check_at(extents, Probes::EachInput, 1) {
            Ok(report) => assert_ne!(report.verdict, CellVerdict::Failed, "{extents:?}: {report:#?}"),
            Err(error) => assert!(steps == 0, "{extents:?}: {error}"),
        }
    }
}
