use super::*;
use crate::description::Layer;

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
