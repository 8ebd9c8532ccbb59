use super::super::{kernel_loss, readout_cross_entropy, spike_count_cross_entropy};
use super::*;

const STEPS: usize = 3;

/// An output of three steps, two samples and two neurons, and what a loss makes of it, with its gradient.
fn run(loss: &str, target: &Target) -> Result<(f64, Vec<f64>)> {
    let mut tape = Tape::new();
    let output = output(&mut tape);
    let loss = loss.parse::<Loss>()?.run(&mut tape, output, None, target, 0.5)?;
    let gradient = tape.backward(loss)?.wrt(output)?.to_vec();
    Ok((tape.value(loss)?.item().unwrap(), gradient))
}

fn output(tape: &mut Tape<f64>) -> Var {
    let values = [1.0, 0.0, 0.5, 2.0, 0.0, 1.0, 1.5, 1.0, 1.0, 3.0, 0.25, 0.0];
    tape.leaf(Tensor::from_vec([STEPS, 2, 2], values.to_vec()).unwrap())
}

/// The same of a function of this crate.
fn by(of: impl Fn(&mut Tape<f64>, Var) -> Result<Var>) -> (f64, Vec<f64>) {
    let mut tape = Tape::new();
    let output = output(&mut tape);
    let loss = of(&mut tape, output).unwrap();
    let gradient = tape.backward(loss).unwrap().wrt(output).unwrap().to_vec();
    (tape.value(loss).unwrap().item().unwrap(), gradient)
}

fn agree((a, da): &(f64, Vec<f64>), (b, db): &(f64, Vec<f64>), factor: f64) {
    // A few roundings of numbers of order 1.
    let near = |x: f64, y: f64| (x - factor * y).abs() <= 1e-14;
    assert!(near(*a, *b) && da.len() == db.len(), "{a} is not {factor} times {b}");
    assert!(da.iter().zip(db).all(|(x, y)| near(*x, *y)), "{da:?} is not {factor} times {db:?}");
}

#[test]
fn each_is_the_loss_of_its_name() {
    let classes = vec![1, 0];
    let target = Target::Classes(classes.clone());
    let count = CountTarget::new(2.0, 1.0).unwrap();
    let pairs = [
        ("count 2 1", by(|tape, x| spike_count_loss(tape, x, &classes, count))),
        ("count 2 1 one-sided", by(|tape, x| spike_count_loss(tape, x, &classes, count.one_sided()))),
        ("cross-entropy sum", by(|tape, x| spike_count_cross_entropy(tape, x, &classes))),
        ("cross-entropy max", by(|tape, x| readout_cross_entropy(tape, x, Readout::Max, &classes))),
        (
            "kernel 011",
            by(|tape, x| {
                let spikes = class_spikes(&classes, 2, STEPS, &[false, true, true])?;
                kernel_loss(tape, x, &spikes, 0.5)
            }),
        ),
    ];
    for (loss, expected) in pairs {
        agree(&run(loss, &target).unwrap(), &expected, 1.0);
    }
    let plain = run("cross-entropy sum", &target).unwrap();
    for (loss, factor) in [("sum", 2.0), ("batch-mean", 1.0), ("mean scale -3", -3.0)] {
        agree(&run(&format!("cross-entropy sum {loss}"), &target).unwrap(), &plain, factor);
    }
}

/// Of every step, the mean is over the steps as well as the samples: the mean of the steps' own losses.
#[test]
fn a_loss_of_all_steps_is_the_sum_of_theirs() {
    let target = Target::Classes(vec![1, 0]);
    for name in ["cross-entropy", "mse"] {
        let [mean, batch, sum] =
            ["mean", "batch-mean", "sum"].map(|how| run(&format!("{name} all {how}"), &target).unwrap());
        let neurons = if name == "mse" { 2.0 } else { 1.0 };
        agree(&sum, &mean, neurons * (STEPS * 2) as f64);
        agree(&sum, &batch, 2.0);
        // The last step's part is what the readout of the last step is.
        let last = run(&format!("{name} last sum"), &target).unwrap();
        agree(&(0.0, sum.1[8..].to_vec()), &(0.0, last.1[8..].to_vec()), 1.0);
        assert!(last.1[..8].iter().all(|&x| x == 0.0) && sum.1[..8].iter().any(|&x| x != 0.0));
    }
}

#[test]
fn squares_are_of_values_or_of_classes() {
    let one_hot = Tensor::from_vec([2, 2], vec![0.0, 1.0, 1.0, 0.0]).unwrap();
    let by_value = run("mse mean sum", &Target::Values(one_hot)).unwrap();
    assert_eq!(run("mse mean sum", &Target::Classes(vec![1, 0])).unwrap(), by_value);
    // Means over time: 2/3 4/3 and 3/4 1.
    let expected = 4.0 / 9.0 + 1.0 / 9.0 + 1.0 / 16.0 + 1.0;
    assert!((by_value.0 - expected).abs() < 1e-15, "{}", by_value.0);
}

#[test]
fn weights_are_of_outputs_and_of_potentials() {
    let mut tape = Tape::<f64>::new();
    let [output, potentials] = [2.0, 5.0].map(|x| tape.leaf(Tensor::full([1, 1, 1], x).unwrap()));
    let [w, w_u] = [3.0, 7.0].map(|x| Tensor::full([1, 1, 1], x).unwrap());
    let loss: Loss = "weighted-sum scale 0.5".parse().unwrap();
    for (w_u, expected) in [(None, 3.0), (Some(w_u), 20.5)] {
        let target = Target::Weights { output: w.clone(), potentials: w_u };
        let loss = loss.run(&mut tape, output, Some(potentials), &target, 0.0).unwrap();
        assert_eq!(tape.value(loss).unwrap().item(), Some(expected));
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let [classes, values] = [Target::Classes(vec![1, 0]), Target::Values(Tensor::zeros([2, 2]).unwrap())];
    let weights = Target::Weights { output: Tensor::zeros([3, 2, 2]).unwrap(), potentials: None };
    for (loss, target, words) in [
        ("kernel 01", &values, "loss of values, for that is what there is; this one takes classes"),
        ("count 2 1", &weights, "loss of weights"),
        ("mse sum", &weights, "takes classes or values"),
        ("weighted-sum", &classes, "takes weights"),
    ] {
        let error = run(loss, target).unwrap_err();
        assert!(matches!(error, SnnError::Form { what: "loss", .. }), "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!(
        run("mse sum", &Target::Classes(vec![1, 2])).unwrap_err(),
        SnnError::Class { sample: 1, class: 2, count: 2 }
    );
    let mut tape = Tape::<f64>::new();
    let flat = tape.leaf(Tensor::zeros([2, 2]).unwrap());
    let error = Loss::Mse { readout: Readout::Sum, reduction: Reduction::Sum, scale: 1.0 }
        .run(&mut tape, flat, None, &classes, 0.0)
        .unwrap_err();
    assert!(matches!(error, SnnError::Axes { what: "loss", .. }));
}
