use super::*;
use crate::cell::{Constants, LayerConstants};
use crate::description::{Layer, Output};
use resurge_snn::{Adaptation, Cell, Synapse};

fn file(name: &str) -> AuditFile {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../resurge");
    AuditFile::open(&path.join("tests/audit/goldens").join(name)).unwrap()
}

/// Nothing of an error at the last step comes to the steps before a cut, by whatever path: the potential, the reset,
/// synapse, adaptation, trace, delay or recurrent weights; and all of it to those after.
#[test]
fn nothing_flows_through_a_cut() {
    for (name, layer) in [
        ("norse-recurrent.safetensors", 1),
        ("spikingjelly-lif-zero.safetensors", 1),
        ("sinabs-alif-gaussian-synapse.safetensors", 1),
        ("reference-trace.safetensors", 1),
        ("snntorch-synaptic-default.safetensors", 1),
    ] {
        let file = file(name);
        let run = NetworkRun::<f64>::new(&file).unwrap();
        let steps = file.extent().0;
        let cut = steps - 4;
        let (output, _) = run.at_output();
        let width = output.len() / steps;
        let mut last = vec![0.0; output.len()];
        last[(steps - 1) * width..].fill(1.0);
        let last = Tensor::from_vec(output.shape().clone(), last).unwrap();
        let of = |truncated: usize| {
            let rule = Rule { truncated, ..Rule::default() };
            run.gradients_from(&rule, last.clone(), None).unwrap().layers[layer].clone()
        };
        let (whole, truncated) = (of(0), of(cut));
        let width = whole.current.len() / steps;
        let at = cut * width;
        assert!(whole.current[..at].iter().any(|&g| g != 0.0), "{name}: nothing flows there anyway");
        assert!(truncated.current[..at].iter().all(|&g| g == 0.0), "{name}");
        assert!(truncated.current[at..].iter().any(|&g| g != 0.0), "{name}");
        assert_eq!(truncated.current[at..], whole.current[at..], "{name}");
    }
}

/// A small run of one neuron layer, or of two, with another cell.
fn of_cell(name: &str, cell: Cell, output: Output) -> AuditFile {
    let mut file = file(name).cropped(7, 1).unwrap();
    for data in &mut file.layers {
        if data.constants.is_some() {
            let constants = Constants::of_cell(cell, output);
            data.constants = Some(LayerConstants::of_all(constants));
        }
    }
    file
}

const ONE_LAYER: &str = "snntorch-leaky-straight-through.safetensors";

/// The gradient at the currents of the only neuron layer, of an error at the last step.
fn currents(file: &AuditFile, rule: &Rule) -> Vec<f64> {
    let run = NetworkRun::<f64>::new(file).unwrap();
    let (output, _) = run.at_output();
    let mut last = vec![0.0; output.len()];
    let width = output.len() / 7;
    last[6 * width..].fill(1.0);
    let last = Tensor::from_vec(output.shape().clone(), last).unwrap();
    run.gradients_from(rule, last, None).unwrap().layers[1].current.clone()
}

/// Where the synapse, or the trace, is the only way back in time, nothing is left behind its cut; the potential's way is
/// closed by its own, and the reset's by its gradient.
#[test]
fn each_cut_closes_its_own_way_back() {
    let plain = Cell {
        decay: 0.0,
        reset: Reset::NONE,
        trace_decay: 0.0,
        ..Cell::lif(Surrogate::sigmoid(0.5).unwrap())
    };
    let synapse = Cell { synapse: Some(Synapse { decay: 0.5, gain: 1.0 }), ..plain };
    let trace = Cell { trace_decay: 0.5, ..plain };
    let leaky = Cell { decay: 0.5, ..plain };
    let none = Cuts::default();
    for (cell, output, cuts) in [
        (synapse, Output::Spikes, Cuts { synapse: true, ..none }),
        (trace, Output::Trace, Cuts { trace: true, ..none }),
        (leaky, Output::Spikes, Cuts { decay: true, ..none }),
    ] {
        let file = of_cell(ONE_LAYER, cell, output);
        let [open, cut] = [none, cuts].map(|cuts| currents(&file, &Rule { cuts, ..Rule::default() }));
        let before = open.len() / 7 * 6;
        assert!(open[..before].iter().all(|&g| g != 0.0), "{cell}: {open:?}");
        assert!(cut[..before].iter().all(|&g| g == 0.0), "{cell}: {cut:?}");
        assert_eq!(cut[before..], open[before..], "{cell}");
        // The other cuts are of ways that it does not have.
        let others =
            Cuts { decay: !cuts.decay, synapse: !cuts.synapse, trace: !cuts.trace, adaptation: true };
        assert_eq!(currents(&file, &Rule { cuts: others, ..Rule::default() }), open, "{cell}");
    }
    let full = of_cell(ONE_LAYER, Cell { decay: 0.5, reset: Reset::TO_ZERO, ..plain }, Output::Spikes);
    let cut = Rule { cuts: Cuts { decay: true, ..none }, ..Rule::default() };
    let detached = Rule { reset_gradient: Some(ResetGradient::Detached), ..cut };
    let spatial = Rule { reset_gradient: Some(ResetGradient::SpatialOnly), ..Rule::default() };
    assert_eq!(currents(&full, &detached), currents(&full, &spatial));
    assert_ne!(currents(&full, &cut), currents(&full, &spatial), "the reset's way is open still");
}

/// An adaptive threshold that is not carried on is raised by the last spike alone.
#[test]
fn an_adaptation_that_is_cut_forgets() {
    let cell = Cell { decay: 0.0, reset: Reset::NONE, ..Cell::lif(Surrogate::sigmoid(0.5).unwrap()) };
    let of = |decay: f64, cut: bool| {
        let cell = Cell { adaptation: Some(Adaptation { decay, scale: 0.5 / (1.0 - decay) }), ..cell };
        let file = of_cell(ONE_LAYER, cell, Output::Spikes);
        currents(&file, &Rule { cuts: Cuts { adaptation: cut, ..Cuts::default() }, ..Rule::default() })
    };
    let (open, cut) = (of(0.5, false), of(0.5, true));
    assert_ne!(open, cut);
    let width = open.len() / 7;
    assert_eq!(open[5 * width..], cut[5 * width..], "the last two steps see one spike");
    assert_eq!(of(0.0, false), of(0.0, true), "without memory there is nothing to forget");
}

/// A surrogate's factor is that of the gradient where it is met once, and its width that of its argument.
#[test]
fn a_surrogate_is_scaled_and_widened() {
    let cell = Cell { decay: 0.5, reset: Reset::NONE, ..Cell::lif(Surrogate::sigmoid(0.5).unwrap()) };
    let of = |cell: Cell, rule: &Rule| currents(&of_cell(ONE_LAYER, cell, Output::Spikes), rule);
    let plain = of(cell, &Rule::default());
    let doubled: Vec<f64> = plain.iter().map(|g| 2.0 * g).collect();
    assert_eq!(of(cell, &Rule { factor: 2.0, ..Rule::default() }), doubled);
    // sigma'(x / 2) of width 0.5 has the shape of width 1, and twice its area.
    let wide = Cell { surrogate: Surrogate::sigmoid(1.0).unwrap(), ..cell };
    let wide: Vec<f64> = of(wide, &Rule::default()).iter().map(|g| 2.0 * g).collect();
    for (a, b) in of(cell, &Rule { width: 2.0, ..Rule::default() }).iter().zip(wide) {
        assert!((a - b).abs() <= 1e-14 * b.abs(), "{a} {b}");
    }
}

/// At the same value at the threshold, another shape has the same area.
#[test]
fn a_change_of_surrogate_keeps_what_it_says() {
    let claimed = Surrogate::triangle(0.5).unwrap();
    let peak: f64 = claimed.derivative(0.0);
    let of = |change: SurrogateChange| change.apply(claimed);
    assert_eq!(of(SurrogateChange::None), claimed);
    let one = of(SurrogateChange::Scale(SurrogateScale::PeakOne));
    assert_eq!((one.name(), one.derivative(0.0)), ("triangle", 1.0));
    assert_ne!(peak, 1.0);
    for name in ["sigmoid", "gaussian", "rectangle"] {
        let other = of(SurrogateChange::Shape(name));
        assert_eq!(other.name(), name);
        assert!((other.derivative(0.0_f64) - peak).abs() < 1e-14, "{name}");
        let area = |s: &Surrogate| {
            (-40_000..40_000).map(|i| s.derivative(f64::from(i) * 1e-3 + 5e-4) * 1e-3).sum::<f64>()
        };
        // By midpoints, to the jumps of a rectangle.
        assert!((area(&other) - area(&claimed)).abs() < 5e-3, "{name}: {}", area(&other));
    }
    assert_eq!(of(SurrogateChange::Shape("no such")), claimed);
}

/// Spikes are what the file has of them: of a trace, by its steps; with a delay, one step earlier, and the last unknown.
#[test]
fn spikes_that_a_file_has_are_taken() {
    let spikes = [[1.0, 0.0], [0.0, 2.0], [1.0, 0.0]];
    let extent = Extent { steps: 3, batch: 1, width: 2 };
    let of = |recorded: &[f64], output: Output, trace_decay: f64, output_delay: bool| {
        let cell = Cell { trace_decay, output_delay, ..Cell::lif(Surrogate::sigmoid(0.5).unwrap()) };
        let constants = Constants::of_cell(cell, output);
        let data = LayerData {
            constants: Some(LayerConstants::of_all(constants)),
            spikes: Some(Tensor::from_vec([3, 1, 2], recorded.to_vec()).unwrap()),
            ..LayerData::default()
        };
        forced_spikes(&data, extent).unwrap().remove(0)
    };
    let plain = spikes.as_flattened();
    assert_eq!(of(plain, Output::Spikes, 0.75, false), plain);
    // Traces in single precision: a[t] = 0.75 a[t-1] + 0.25 o[t], and a rounding.
    let traces = [0.25 + 1e-9, 0.0, 0.1875, 0.5 - 1e-9, 0.390625, 0.375];
    assert_eq!(of(&traces, Output::Trace, 0.75, false), plain);
    // Without a decay, a trace is the spikes as they are, and so is whatever is no trace.
    assert_eq!(of(&[0.5; 6], Output::Trace, 0.0, false), [0.5; 6]);
    assert_eq!(of(&traces, Output::Spikes, 0.75, false), traces);
    let late = of(plain, Output::Spikes, 0.0, true);
    assert_eq!(late[..4], plain[2..]);
    assert!(late.len() == 6 && late[4..].iter().all(|o| o.is_nan()));
    let nothing = LayerData::default();
    assert!(forced_spikes(&nothing, extent).is_none());
}

/// Norse zeroes the gradient of each neuron's connection to itself; the network is the same.
#[test]
fn without_autapses_the_diagonal_has_no_gradient() {
    let mut file = file("norse-recurrent.safetensors");
    let of = |file: &AuditFile| {
        let run = NetworkRun::<f64>::new(file).unwrap();
        let all = run.recorded(&run.gradients(&Rule::default()).unwrap());
        let at = file.gradients.iter().position(|g| matches!(g.of, Of::Recurrent(_))).unwrap();
        (run.loss(), all[at].clone())
    };
    let set = |file: &mut AuditFile, to: bool| {
        for layer in &mut file.description.layers {
            if let Layer::Neuron(neuron) = layer {
                neuron.autapses = to;
            }
        }
    };
    set(&mut file, true);
    let (loss, mut whole) = of(&file);
    set(&mut file, false);
    let (same_loss, without) = of(&file);
    let n = (whole.len() as f64).sqrt() as usize;
    assert!((0..n).any(|k| whole[k * n + k] != 0.0));
    (0..n).for_each(|k| whole[k * n + k] = 0.0);
    assert_eq!((without, same_loss), (whole, loss));
}

mod made;
