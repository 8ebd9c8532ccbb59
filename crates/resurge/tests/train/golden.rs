//! Losses and weights to the bit: on any number of threads, in debug and release builds, and as they were when the
//! hashes below were written.
//!
//! A matrix product is summed in the order of the instructions that the processor has, which `gemm` chooses when it
//! runs. So there is a hash for each set of instructions that was at hand; elsewhere the numbers of threads are compared
//! with each other alone. `tools/same-bits` runs this test in a debug build without optimisation and in a release build.
//! The network has no exponential, whose last bit is that of the system's library.

use resurge::autodiff::Tape;
use resurge::data::ImageDataset;
use resurge::snn::{AdamW, Optimiser};
use resurge::tensor::{Scalar, Tensor};
use resurge::train::{Config, End, Examples, Network, Training};
use sha2::{Digest, Sha256};
use std::sync::atomic::AtomicBool;

const SIDE: usize = 12;
const IMAGES: usize = 24;
const CLASSES: usize = 4;

fn config() -> Config {
    let text = "layers = [\"conv 6 5 pad 1\", \"pool 2\", \"dropout 0.2\", \"linear 20\", \"linear 4\"]\n\
                steps = 6\ntau_m = 4\ntau_s = 2\nloss = \"kernel 010111\"\nsurrogate = \"fast-sigmoid 4\"\n\
                learning_rate = 0.02\nbatch = 8\npart = 3\nepochs = 3\nseed = 5\n";
    Config::from_toml(text).unwrap()
}

fn images() -> ImageDataset {
    let pixel = |i: usize| if i * 7 / 11 % 13 < 6 { (i * 41 % 256) as u8 } else { 0 };
    let labels = (0..IMAGES).map(|i| (i % CLASSES) as u8).collect();
    let pixels = (0..IMAGES * SIDE * SIDE).map(pixel).collect();
    ImageDataset::new(pixels, &[1, SIDE, SIDE], labels, CLASSES).unwrap()
}

fn hash(losses: &[f64], weights: &[Tensor<impl Scalar>]) -> String {
    let mut digest = Sha256::new();
    let weights = weights.iter().flat_map(|weight| weight.as_slice()).map(|x| x.re());
    // An f32 keeps its bits as an f64.
    losses.iter().copied().chain(weights).for_each(|x| digest.update(x.to_bits().to_le_bytes()));
    digest.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The training of the `train` command.
fn in_f32() -> String {
    let config = config();
    let examples = || Examples::of_images(images(), &config).unwrap();
    let mut training = Training::new(&config, "mnist", (examples(), examples())).unwrap();
    let mut losses = Vec::new();
    let end = training.run(&AtomicBool::new(false), &mut |event| {
        if let resurge::train::Event::Epoch(row) = event {
            losses.extend([row.train_loss, row.test_loss, row.gradient_norm]);
        }
    });
    assert_eq!((end.unwrap(), losses.len()), (End::Finished, 9));
    assert!(losses[7] < losses[1], "it learns: {losses:?}");
    hash(&losses, training.weights())
}

/// The same network in double precision, by hand.
fn in_f64() -> String {
    let config = config();
    let network = Network::new(&config, [1, SIDE, SIDE], CLASSES).unwrap();
    let mut weights = network.init::<f64>(config.seed).unwrap();
    let mut optimiser = AdamW::new(config.learning_rate, config.weight_decay).unwrap();
    let data = images();
    let input = data.images().iter().map(|&pixel| f64::from(pixel) / 255.0).collect();
    let input = Tensor::from_vec([1, IMAGES, 1, SIDE, SIDE], input).unwrap();
    let classes: Vec<usize> = data.labels().iter().map(|&label| label.into()).collect();
    let mut losses = Vec::new();
    for update in 0..6 {
        let mut tape = Tape::new();
        let leaves: Vec<_> = weights.iter().map(|weight| tape.leaf(weight.clone())).collect();
        let input = tape.constant(input.clone());
        let output = network.forward(&mut tape, &leaves, input, Some(update)).unwrap().output;
        let loss = network.loss(&mut tape, output, &classes).unwrap();
        losses.push(tape.value(loss).unwrap().item().unwrap());
        let gradients = tape.backward(loss).unwrap();
        let gradients: Vec<_> = leaves.iter().map(|&leaf| gradients.wrt(leaf).unwrap().clone()).collect();
        optimiser.step(&mut weights, &gradients).unwrap();
    }
    assert!(losses[5] < losses[0], "it learns: {losses:?}");
    hash(&losses, &weights)
}

/// The hashes in single and double precision, where they are known.
fn golden() -> Option<[&'static str; 2]> {
    #[cfg(target_arch = "x86_64")]
    {
        if std::is_x86_feature_detected!("avx512f") {
            return Some(["2a753f76e6844a75", "498e3874d151e162"]);
        }
    }
    None
}

#[test]
fn losses_and_weights_are_the_same_to_the_bit() {
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| [in_f32(), in_f64()])
    };
    let found = on(1);
    println!("single and double precision: {found:?}");
    for threads in [2, 3] {
        assert_eq!(on(threads), found, "{threads} threads");
    }
    if let Some(golden) = golden() {
        assert_eq!(found, golden);
    }
}
