//! Reading a golden file: tools/goldens/README.md has the format.

use resurge_tensor::Tensor;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A golden file.
pub(crate) struct Golden {
    pub(crate) name: String,
    pub(crate) about: About,
    pub(crate) tensors: BTreeMap<String, Tensor<f64>>,
}

/// The metadata. What is not listed here is prose.
#[derive(Deserialize)]
pub(crate) struct About {
    pub(crate) format: u32,
    pub(crate) framework: String,
    pub(crate) version: String,
    pub(crate) class: String,
    pub(crate) source_file: String,
    pub(crate) settings: Map<String, Value>,
    pub(crate) network: Network,
    pub(crate) parameters: BTreeMap<String, Parameter>,
    pub(crate) checked: Checked,
}

#[derive(Deserialize)]
pub(crate) struct Network {
    pub(crate) sizes: Vec<usize>,
    pub(crate) layers: Vec<Layer>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Layer {
    Linear { bias: bool },
    Lif(Box<Neuron>),
}

/// The cell in the terms of tools/goldens/reference.py.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Neuron {
    pub(crate) decay: f64,
    pub(crate) input_gain: f64,
    pub(crate) constant: f64,
    pub(crate) threshold: f64,
    pub(crate) initial_potential: f64,
    pub(crate) synapse: Option<Synapse>,
    pub(crate) adaptation: Option<Adaptation>,
    pub(crate) reset: String,
    pub(crate) v_reset: f64,
    pub(crate) reset_timing: String,
    pub(crate) attached: bool,
    pub(crate) gates_input: bool,
    pub(crate) residual_reset: bool,
    pub(crate) fires_at: String,
    pub(crate) multi_spike: bool,
    pub(crate) output_delay: usize,
    pub(crate) surrogate: Formula,
    pub(crate) recurrent: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Synapse {
    pub(crate) decay: f64,
    pub(crate) gain: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Adaptation {
    pub(crate) rho: f64,
    pub(crate) scale: f64,
    pub(crate) in_spike: bool,
}

#[derive(Deserialize)]
pub(crate) struct Formula {
    pub(crate) name: String,
    pub(crate) params: BTreeMap<String, f64>,
}

/// A parameter of the framework's cell, and the derivatives of the reference cell's fields with respect to it.
#[derive(Deserialize)]
pub(crate) struct Parameter {
    pub(crate) value: f64,
    pub(crate) d_cell: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
pub(crate) struct Checked {
    pub(crate) attached_against_detached: f64,
}

impl Golden {
    /// Every golden file, in the order of their names.
    pub(crate) fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/goldens/data");
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    fn read(path: &Path) -> Self {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let bytes = std::fs::read(path).unwrap();
        let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
        let about = &metadata.metadata().as_ref().unwrap()["resurge_golden"];
        let about = serde_json::from_str(about).unwrap_or_else(|e| panic!("{name}: {e}"));
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let tensors = file.iter().map(|(key, view)| {
            assert_eq!(view.dtype(), Dtype::F64, "{name}: {key}");
            let values = view.data().chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap()));
            (key.to_owned(), Tensor::from_vec(view.shape(), values.collect()).unwrap())
        });
        Self { about, tensors: tensors.collect(), name }
    }

    pub(crate) fn tensor(&self, key: &str) -> &Tensor<f64> {
        self.tensors.get(key).unwrap_or_else(|| panic!("{}: no tensor {key}", self.name))
    }

    /// The neuron of each layer.
    pub(crate) fn neurons(&self) -> Vec<&Neuron> {
        let layers = self.about.network.layers.iter();
        layers
            .filter_map(|layer| match layer {
                Layer::Lif(neuron) => Some(&**neuron),
                Layer::Linear { .. } => None,
            })
            .collect()
    }
}
