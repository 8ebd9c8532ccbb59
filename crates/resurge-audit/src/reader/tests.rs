use super::*;
use serde_json::{Value, json};
use std::collections::HashMap;

/// A file before it is written.
#[derive(Clone)]
pub(crate) struct Draft {
    description: Value,
    tensors: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>,
}

impl Draft {
    /// Of such layers and such a loss, without tensors but the loss.
    pub(crate) fn new(layers: &Value, loss: &Value) -> Self {
        let description = json!({
            "version": 2, "framework": {"name": "a", "version": "1"}, "layers": layers, "loss": loss
        });
        Self { description, tensors: BTreeMap::new() }.with("loss", &[], &[0.0])
    }

    /// With a tensor of F64.
    pub(crate) fn with(self, name: &str, shape: &[usize], values: &[f64]) -> Self {
        let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.of_type(name, Dtype::F64, shape, bytes)
    }

    /// With a tensor of F64 whose numbers are all one half.
    pub(crate) fn filled(self, name: &str, shape: &[usize]) -> Self {
        self.with(name, shape, &vec![0.5; product(shape)])
    }

    fn of_type(mut self, name: &str, dtype: Dtype, shape: &[usize], bytes: Vec<u8>) -> Self {
        self.tensors.insert(name.into(), (dtype, shape.to_vec(), bytes));
        self
    }

    /// With a tensor of numbers of one byte.
    fn bytes(self, name: &str, shape: &[usize]) -> Self {
        self.of_type(name, Dtype::U8, shape, vec![1; product(shape)])
    }

    /// With a tensor, of halves, in F32.
    fn single(self, name: &str, shape: &[usize]) -> Self {
        let bytes = 0.5_f32.to_le_bytes().repeat(product(shape));
        self.of_type(name, Dtype::F32, shape, bytes)
    }

    fn without(mut self, name: &str) -> Self {
        self.tensors.remove(name).unwrap();
        self
    }

    pub(crate) fn ungraded(mut self, names: &[&str]) -> Self {
        self.description["ungraded"] = json!(names);
        self
    }

    pub(crate) fn read(&self) -> Result<AuditFile> {
        let views = self.tensors.iter().map(|(name, (dtype, shape, bytes))| {
            (name.as_str(), TensorView::new(*dtype, shape.clone(), bytes).unwrap())
        });
        let metadata = HashMap::from([("resurge_audit".to_owned(), self.description.to_string())]);
        AuditFile::parse(&safetensors::serialize(views, Some(metadata)).unwrap())
    }
}

/// What is said of each file begins so; of one that is read, nothing is.
fn check(cases: Vec<(Draft, &str)>) {
    for (k, (draft, expected)) in cases.into_iter().enumerate() {
        let said = draft.read().err().map(|error| error.to_string()).unwrap_or_default();
        let right = if expected.is_empty() { said.is_empty() } else { said.starts_with(expected) };
        assert!(right, "case {k}: `{said}` and not `{expected}`");
    }
}

fn sum() -> Value {
    json!({"kind": "weighted-sum"})
}

pub(crate) fn linear(bias: bool) -> Value {
    json!({"kind": "linear", "bias": bias})
}

pub(crate) fn sum_times(scale: f64) -> Value {
    json!({"kind": "weighted-sum", "scale": scale})
}

/// One number through two weights, 3 and 5; the loss has half of 7 of what comes out, and of 11 of what is between.
pub(crate) fn chain() -> Draft {
    let one = [1, 1, 1];
    Draft::new(&json!([linear(false), linear(false)]), &sum_times(0.5))
        .with("input", &one, &[2.0])
        .with("layers.0.weight", &[1, 1], &[3.0])
        .with("layers.1.weight", &[1, 1], &[5.0])
        .with("loss.weight", &one, &[7.0])
        .with("loss.weight.0", &one, &[11.0])
        .filled("gradients.layers.0.weight", &[1, 1])
        .filled("gradients.layers.1.weight", &[1, 1])
}

/// A linear layer before batch normalisation over three steps of one sample.
pub(crate) fn normed(bias: bool) -> Draft {
    let norm = json!({"kind": "batch-norm", "bias": false, "over": "run"});
    let draft = Draft::new(&json!([linear(bias), norm]), &sum_times(0.5))
        .with("input", &[3, 1, 2], &[0.3, -0.7, 1.1, 0.2, -0.4, 0.9])
        .with("layers.0.weight", &[2, 2], &[0.7, -0.3, 0.45, 1.3])
        .with("layers.1.weight", &[2], &[1.7, 0.6])
        .with("loss.weight", &[3, 1, 2], &[0.11, 0.7, -0.3, 0.23, 0.37, -0.9])
        .filled("gradients.layers.0.weight", &[2, 2])
        .filled("gradients.layers.1.weight", &[2]);
    match bias {
        true => draft.with("layers.0.bias", &[2], &[0.15, -0.35]).filled("gradients.layers.0.bias", &[2]),
        false => draft,
    }
}

/// A neuron with one more key.
fn neuron(key: &str, value: Value) -> Value {
    let mut neuron = json!({
        "kind": "neuron", "decay": 0.5, "reset": {"kind": "zero", "timing": "before-decay"},
        "reset_gradient": "full", "surrogate": {"kind": "sigmoid", "width": 0.25}
    });
    neuron[key] = value;
    neuron
}

/// Two numbers into a linear layer of three outputs, and what is behind it, for four steps of two samples.
fn behind(layer: &Value, loss: &Value) -> Draft {
    Draft::new(&json!([linear(false), layer]), loss)
        .filled("input", &[4, 2, 2])
        .filled("layers.0.weight", &[3, 2])
        .filled("gradients.layers.0.weight", &[3, 2])
}

fn plain() -> Draft {
    behind(&neuron("drive", json!(0.0)), &sum()).filled("loss.weight", &[4, 2, 3])
}

const UNKNOWN: &str = "docs/audit-format.md has no tensor of this name";

/// What is of some layers, or of some losses, is unknown elsewhere.
#[test]
fn a_tensor_is_read_where_the_network_has_it() {
    let unknown = |name: &str| format!("tensor `{name}`: {UNKNOWN}");
    let linears = behind(&linear(false), &sum())
        .filled("layers.1.weight", &[3, 3])
        .filled("gradients.layers.1.weight", &[3, 3]);
    let linears = linears.filled("loss.weight", &[4, 2, 3]);
    let mse = json!({"kind": "mse", "readout": "all"});
    let mse = behind(&neuron("drive", json!(0.0)), &mse).filled("target", &[4, 2, 3]);
    check(vec![
        (plain(), ""),
        (plain().filled("loss.weight.0", &[4, 2, 3]), ""),
        (plain().filled("loss.weight.0", &[4, 2, 2]), "tensor `loss.weight.0`: its shape is [4, 2, 2]"),
        (plain().filled("loss.weight.1", &[4, 2, 3]), &unknown("loss.weight.1")),
        (mse.clone(), ""),
        (mse.filled("loss.weight.0", &[4, 2, 3]), &unknown("loss.weight.0")),
        (plain().filled("potentials.1", &[4, 2, 3]), ""),
        (plain().filled("potentials.1", &[4, 2, 2]), "tensor `potentials.1`: its shape is [4, 2, 2]"),
        (plain().filled("potentials.0", &[4, 2, 3]), &unknown("potentials.0")),
        (plain().filled("loss.potential_weight", &[4, 2, 3]), ""),
        (
            plain().filled("loss.potential_weight", &[4, 2, 2]),
            "tensor `loss.potential_weight`: its shape is [4, 2, 2]",
        ),
        (linears.clone(), ""),
        (linears.filled("loss.potential_weight", &[4, 2, 3]), &unknown("loss.potential_weight")),
        (plain().filled("gradients.currents.1", &[4, 2, 3]), ""),
        (
            plain().filled("gradients.currents.1", &[4, 2, 2]),
            "tensor `gradients.currents.1`: its shape is [4, 2, 2]",
        ),
        (plain().filled("gradients.currents.0", &[4, 2, 2]), &unknown("gradients.currents.0")),
        (plain().filled("gradients.input", &[4, 2, 2]), ""),
        (plain().filled("gradients.input", &[4, 2, 3]), "tensor `gradients.input`: its shape is [4, 2, 3]"),
        // Of several, the first.
        (plain().filled("b", &[1]).filled("a", &[1]).filled("c", &[1]), &unknown("a")),
    ]);
}

#[test]
fn what_has_no_gradient_is_said_once_and_is_there() {
    let gradient = "gradients.layers.0.weight";
    let ungraded = |names: &[&str]| plain().without(gradient).ungraded(names);
    let weight = "layers.0.weight";
    check(vec![
        (plain().without(gradient), "tensor `gradients.layers.0.weight`: it is missing"),
        (ungraded(&[weight]), "gradients: there is no gradient in the file"),
        (ungraded(&[weight]).filled("gradients.input", &[4, 2, 2]), ""),
        (
            ungraded(&[weight, weight]).filled("gradients.input", &[4, 2, 2]),
            "`ungraded`: a name is there twice",
        ),
        (plain().ungraded(&["layers.0.bias"]), "`ungraded[0]`: `layers.0.bias` is no parameter"),
        (
            plain().ungraded(&[weight]).filled("gradients.input", &[4, 2, 2]),
            &format!("tensor `{gradient}`: {UNKNOWN}"),
        ),
    ]);
}

/// All of one type, that of the loss; but a gradient may have been computed in F32.
#[test]
fn a_file_has_one_type() {
    let gradient = "gradients.layers.0.weight";
    let computed = plain().single(gradient, &[3, 2]);
    let all = plain()
        .single("input", &[4, 2, 2])
        .single("layers.0.weight", &[3, 2])
        .single("loss", &[])
        .single("loss.weight", &[4, 2, 3]);
    check(vec![
        (computed.clone(), ""),
        (all.clone().single(gradient, &[3, 2]), ""),
        (plain().single("input", &[4, 2, 2]), "tensor `input`: F32, but others differ"),
        (all, "tensor `gradients.layers.0.weight`: F64, but others differ"),
    ]);
    let file = computed.read().unwrap();
    assert_eq!((file.precision, file.gradients[0].precision), (Precision::F64, Precision::F32));
}

/// What can be counted may have one byte a number.
#[test]
fn counts_may_be_bytes() {
    let mask = behind(&json!({"kind": "mask"}), &sum()).filled("loss.weight", &[4, 2, 3]);
    let integers =
        |name: &str, shape: &[usize]| plain().of_type(name, Dtype::I64, shape, vec![0; 8 * product(shape)]);
    check(vec![
        (plain().bytes("input", &[4, 2, 2]), ""),
        (plain().bytes("spikes.1", &[4, 2, 3]), ""),
        (mask.clone().filled("layers.1.mask", &[4, 2, 3]), ""),
        (mask.bytes("layers.1.mask", &[4, 2, 3]), ""),
        (
            plain().bytes("layers.0.weight", &[3, 2]),
            "tensor `layers.0.weight`: its numbers are of type U8; write F32 or F64",
        ),
        (integers("input", &[4, 2, 2]), "tensor `input`: its numbers are of type I64; write F32, F64 or U8"),
    ]);
}

/// Spikes are whole and not negative; a trace with a decay is neither spikes nor whole.
#[test]
fn spikes_are_counts() {
    let trace = |output: &str, trace_decay: f64, spike: f64| {
        let mut layer = neuron("output", json!(output));
        layer["trace_decay"] = json!(trace_decay);
        let mut spikes = [0.0; 24];
        spikes[7] = spike;
        behind(&layer, &sum()).filled("loss.weight", &[4, 2, 3]).with("spikes.1", &[4, 2, 3], &spikes)
    };
    check(vec![
        (trace("spikes", 0.0, 2.0), ""),
        (trace("spikes", 0.0, 0.5), "tensor `spikes.1`: it holds 0.5, which is no count"),
        (trace("spikes", 0.0, -1.0), "tensor `spikes.1`: it holds -1, which is no count"),
        (trace("spikes", 0.5, 0.5), "tensor `spikes.1`: it holds 0.5, which is no count"),
        (trace("trace", 0.5, 0.5), ""),
        (trace("trace", 0.0, 0.5), "tensor `spikes.1`: it holds 0.5, which is no count"),
    ]);
}

#[test]
fn a_target_is_of_the_losses_kind() {
    let of = |loss: Value| behind(&neuron("drive", json!(0.0)), &loss);
    let classes = |shape: &[usize], classes: &[i64]| {
        let bytes = classes.iter().flat_map(|class| class.to_le_bytes()).collect();
        of(json!({"kind": "cross-entropy", "readout": "sum"})).of_type("target", Dtype::I64, shape, bytes)
    };
    let all = of(json!({"kind": "mse", "readout": "all"}));
    let last = of(json!({"kind": "mse", "readout": "last"}));
    check(vec![
        (classes(&[2], &[0, 2]), ""),
        (classes(&[2], &[0, 3]), "tensor `target`: it has the class 3, of 3"),
        (classes(&[2], &[-1, 0]), "tensor `target`: it has the class -1, of 3"),
        (classes(&[3], &[0, 1, 2]), "tensor `target`: it is I64 of shape [3]"),
        (classes(&[2, 1], &[0, 1]), "tensor `target`: it is I64 of shape [2, 1]"),
        (classes(&[], &[0]).with("target", &[2], &[0.0, 0.0]), "tensor `target`: it is F64 of shape [2]"),
        (all.clone().filled("target", &[4, 2, 3]), ""),
        (all.filled("target", &[2, 3]), "tensor `target`: its shape is [2, 3]"),
        (last.clone().filled("target", &[2, 3]), ""),
        (last.filled("target", &[4, 2, 3]), "tensor `target`: its shape is [4, 2, 3]"),
    ]);
}

/// One number of all, or one of each neuron, as a vector or an image, or of each channel.
#[test]
fn the_gradient_of_a_learned_constant_is_of_all_or_of_each() {
    let learned = || neuron("learned", json!({"tau": {"decay": 1.0}}));
    let one = |shape: &[usize]| {
        let file = behind(&learned(), &sum()).filled("loss.weight", &[4, 2, 3]);
        file.filled("gradients.layers.1.tau", shape)
    };
    let images = |shape: &[usize]| {
        let file = Draft::new(&json!([learned()]), &sum()).filled("input", &[4, 1, 2, 3, 1]);
        file.filled("loss.weight", &[4, 1, 2, 3, 1]).filled("gradients.layers.0.tau", shape)
    };
    for shape in [&[][..], &[1], &[3]] {
        check(vec![(one(shape), "")]);
    }
    for shape in [&[2][..], &[1, 1], &[1, 3], &[3, 1]] {
        check(vec![(one(shape), "tensor `gradients.layers.1.tau`: its shape is [")]);
    }
    for shape in [&[][..], &[1], &[2], &[6], &[2, 3, 1]] {
        check(vec![(images(shape), "")]);
    }
    for shape in [&[3][..], &[2, 3], &[1, 1, 1]] {
        check(vec![(images(shape), "tensor `gradients.layers.0.tau`: its shape is [")]);
    }
}

/// Also where there are as many channels as the weights are for.
#[test]
fn recurrent_layers_have_no_images() {
    let of = |shape: &[usize]| {
        let file = Draft::new(&json!([neuron("recurrent", json!(true))]), &sum()).filled("input", shape);
        let file = file.filled("loss.weight", shape).filled("layers.0.recurrent", &[2, 2]);
        file.filled("gradients.layers.0.recurrent", &[2, 2])
    };
    check(vec![
        (of(&[4, 1, 2]), ""),
        (of(&[4, 1, 2, 1, 1]), "tensor `layers.0.recurrent`: its shape is [2, 2]"),
    ]);
}
