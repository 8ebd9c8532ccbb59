//! The inputs that a campaign begins with.

use crate::build::{Draft, Lif};
use crate::program::Instruction;
use flate2::{Compression, GzBuilder};
use resurge::data::cifar10::RECORD;
use resurge::data::{ImageDataset, nmnist::Binning};
use resurge::diagnose::MapSettings;
use resurge::toy::Settings;
use resurge::train::{Config, Examples, Preset, Training};
use serde_json::json;
use std::io::Write;
use std::sync::atomic::AtomicBool;

/// An input: its target, its name and its bytes.
pub type Seed = (&'static str, String, Vec<u8>);

/// A program with a mark of each kind.
const SMALL: &str = r#"{"version":1,"framework":{"name":"torch","version":"2"},"loss":7,"nodes":[{"op":"leaf","with":{"name":"w"}},{"op":"scale","in":[0],"with":{"factor":2.0}},{"op":"surrogate","in":[1],"with":{"function":"f","step":["gt",0.5]}},{"op":"stop","in":[2],"with":{"kind":"detach"}},{"op":"decide","in":[1],"with":{"kind":"sign"}},{"op":"where","in":[4,1,3]},{"op":"opaque","in":[5],"with":{"function":"g","call":0}},{"op":"sum","in":[6],"with":{"axes":[0]}}]}
F64 value.0 2
F64 value.2 2
F64 slope.2.0 2
U8 value.4 2
F64 value.6 2
F64 vjp.6.0 2

"#;

/// All inputs, the same on every run.
pub fn seeds() -> Vec<Seed> {
    let mut seeds = Vec::new();
    let mut add = |target, name: &str, bytes: Vec<u8>| seeds.push((target, name.to_owned(), bytes));
    let idx = |dimensions: &[u32], data: &[u8]| {
        let sizes = dimensions.iter().flat_map(|size| size.to_be_bytes());
        [0, 0, 8, dimensions.len() as u8].into_iter().chain(sizes).chain(data.iter().copied()).collect()
    };
    let images: Vec<u8> = idx(&[2, 2, 3], &[0, 1, 2, 253, 254, 255, 9, 8, 7, 6, 5, 4]);
    let labels: Vec<u8> = idx(&[4], &[0, 1, 9, 10]);
    add("idx", "images", images.clone());
    add("idx", "images-compressed", gzip(&images));
    add("idx", "labels", labels.clone());
    add("idx", "labels-compressed", gzip(&labels));

    let records: Vec<u8> = (0..2 * RECORD).map(|i| if i % RECORD == 0 { 7 } else { (i % 5) as u8 }).collect();
    add("cifar10", "one", records[..RECORD].to_vec());
    add("cifar10", "two-compressed", gzip(&records));

    // At the edges, with an overflow of the clock, of both polarities.
    let events =
        [[3, 4, 0x80, 1, 2], [33, 33, 0x7f, 0xff, 0xff], [0, 240, 0, 0, 0], [0, 0, 0, 0, 9]].concat();
    assert!(Binning::equal_parts(5).is_ok());
    add("nmnist", "parts", [&[0, 5, 0, 0, 0][..], &events].concat());
    add("nmnist", "windows", [&[1, 5, 2, 1, 0][..], &events].concat());
    add("nmnist", "compressed", [&[0, 3, 0, 0, 0][..], &gzip(&events)].concat());

    for (name, trained) in [("new", false), ("trained", true)] {
        add("checkpoint", name, checkpoint(trained));
    }

    for (name, network) in networks() {
        add("audit", &format!("{name}-text"), text(&network));
        if name == "chain" {
            add("audit", "chain-file", [&[0], &network.bytes()[..]].concat());
        }
    }

    let sample = include_bytes!("../../crates/resurge-program/samples/leaky.safetensors");
    add("recorded", "leaky-file", [&[0], &sample[..]].concat());
    add("recorded", "small-text", SMALL.as_bytes().to_vec());

    // One of each kind, and one whose description is edited.
    for number in 0..16_u64 {
        add("bounded", &format!("kind-{number:02}"), number.to_le_bytes().to_vec());
    }
    add("bounded", "edited", [&7_u64.to_le_bytes()[..], &[0, 3, 9, 0, 8, 18]].concat());

    for preset in Preset::ALL {
        add("config", preset.name(), preset.text().as_bytes().to_vec());
    }
    for (name, settings) in trained_settings() {
        add("config", name, settings.into_bytes());
    }
    let options = [
        (
            "sets",
            "batch=50\nlayers=[\"linear 5\", \"linear 2\"]\nsurrogate=atan 2\nreset_gradient=scaled-0.5\nclip = 0",
        ),
        (
            "values",
            "2/3\nscaled:0.25\nfull-seed7\n1-3,5\n20\nconv 12 5 pad 1 stride 2\nfashion-mnist\ndropout 0.5",
        ),
        (
            "numbers",
            "seed=18446744073709551615\nsteps=99999999999999999999\ntau_m=1e400\nthreshold=-0.0\nbetas=[0, 1]",
        ),
    ];
    for (name, lines) in options {
        add("options", name, lines.as_bytes().to_vec());
    }
    add("options", "sweep", json!(Settings::default()).to_string().into_bytes());
    add("options", "map", json!(MapSettings::default()).to_string().into_bytes());

    for operation in 0..Instruction::OPERATIONS {
        let length = 3 * 13;
        let leaves = (0..length).map(|i: usize| if i.is_multiple_of(13) { 3 } else { (i * 29 % 97) as u8 });
        let instructions = [[operation, 0, 1, 5, 9], [37, 0, 3, 2, 40], [operation, 2, 0, 1, 12]].concat();
        add("program", &format!("operation-{operation:02}"), leaves.chain(instructions).collect());
    }
    seeds
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::best());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.expect("writing to memory does not fail")
}

/// Settings of networks that are small enough to be trained by the target.
fn trained_settings() -> Vec<(&'static str, String)> {
    let settings = |layers: &str, rest: &str| {
        format!(
            "layers = {layers}\nsteps = 3\ntau_m = 5\ntau_s = 2\nlearning_rate = 0.01\nbatch = 2\nepochs = 1\n{rest}\n"
        )
    };
    vec![
        ("trained-linear", settings("[\"linear 3\", \"linear 2\"]", "loss = \"kernel 011\"")),
        (
            "trained-conv",
            settings(
                "[\"conv 2 3 pad 1\", \"pool 2\", \"dropout 0.3\", \"linear 2\"]",
                "loss = \"count 2 0\"\nreset = \"subtract\"",
            ),
        ),
    ]
}

/// A checkpoint with a line's end after its header, where the target looks for it.
fn checkpoint(trained: bool) -> Vec<u8> {
    let text = &trained_settings()[0].1;
    let config = Config::from_toml(text).expect("settings of ours");
    let examples = || {
        let images =
            ImageDataset::new((0..64).collect(), &[1, 4, 4], vec![0, 1, 1, 0], 2).expect("four images");
        Examples::of_images(images, &config).expect("images of one channel")
    };
    let mut training = Training::new(&config, "mnist", (examples(), examples())).expect("a small network");
    if trained {
        training.run(&AtomicBool::new(false), &mut |_| {}).expect("a small training");
    }
    training.checkpoint().to_bytes().expect("finite numbers")
}

/// Small networks of several kinds, with gradients that are right in the first alone.
fn networks() -> Vec<(&'static str, Draft)> {
    let chain = Lif { sizes: vec![2, 2, 2], steps: 3, batch: 1, ..Lif::default() }.draft();
    let mut classes = chain.clone();
    classes.description["loss"] = json!({"kind": "cross-entropy", "readout": "sum"});
    classes.tensors.remove("loss.weight");
    classes.tensors.insert("target".into(), (safetensors::tensor::Dtype::I64, vec![1], vec![0; 8]));
    let mut integrator = chain.clone();
    integrator.description["layers"][3] = json!({"kind": "integrator", "decay": 0.5});
    integrator.tensors.remove("spikes.3");
    integrator.tensors.remove("potentials.3");
    let mut images = chain.clone();
    images.put(
        "input",
        true,
        &[3, 1, 1, 2, 2],
        &[1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0],
    );
    images.description["layers"] = json!([
        {"kind": "conv2d", "bias": false},
        images.description["layers"][1],
        {"kind": "flatten"},
    ]);
    for name in [
        "layers.2.weight",
        "gradients.layers.2.weight",
        "spikes.3",
        "potentials.3",
        "spikes.1",
        "potentials.1",
    ] {
        images.tensors.remove(name);
    }
    for name in ["layers.0.weight", "gradients.layers.0.weight"] {
        images.put(name, true, &[2, 1, 1, 1], &[1.5, 0.5]);
    }
    images.put("loss.weight", true, &[3, 1, 8], &[0.25; 24]);
    vec![("chain", chain), ("classes", classes), ("integrator", integrator), ("images", images)]
}

/// A file as the target's text.
fn text(draft: &Draft) -> Vec<u8> {
    let mut text = format!("{}\n", draft.description);
    let mut data = Vec::new();
    for (name, (dtype, shape, bytes)) in &draft.tensors {
        let extents: String = shape.iter().map(|extent| format!(" {extent}")).collect();
        text += &format!("{dtype:?} {name}{extents}\n");
        data.extend_from_slice(bytes);
    }
    [format!("{text}\n").as_bytes(), &data].concat()
}
