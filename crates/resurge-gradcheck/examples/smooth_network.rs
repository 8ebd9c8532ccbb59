//! Times a full-Jacobian check of a smooth 10-8-4 network, for comparison with torch.autograd.gradcheck.
//!
//!     cargo run --release -p resurge-gradcheck --example smooth_network -- [REPEATS [composed]]
//!
//! The network, its numbers and torch's times come from `benches/peers/gradcheck_torch.py`; the loss and the norm
//! of the gradient confirm that both check the same one.

use resurge_autodiff::{SpikeMode, Tape, Var};
use resurge_gradcheck::{CheckReport, GradCheck, Program, ProgramResult, Scheme, Stencil};
use resurge_snn::{Cell, CellOutput, Surrogate, linear, trace_loss};
use resurge_tensor::{Scalar, Tensor};
use std::time::Instant;

type Error = Box<dyn std::error::Error>;

const STEPS: usize = 20;
const BATCH: usize = 3;
const SIZES: [usize; 3] = [10, 8, 4];
/// Printed by torch 2.13.0.
const LOSS: f64 = 31.1737565403223;
const GRAD_NORM: f64 = 21.173446108823963;

struct Network {
    cell: Cell,
    /// Whether each cell is one operation, or some a time step.
    fused: bool,
    input: Tensor<f64>,
    target: Tensor<f64>,
}

impl Program for Network {
    fn run<S: Scalar>(&self, tape: &mut Tape<S>, weights: &[Var]) -> ProgramResult {
        let mut output = tape.constant(self.input.cast());
        for &weight in weights {
            let current = linear(tape, output, weight, None)?;
            output = if self.fused {
                self.cell.run_fused(tape, current, CellOutput::Traces)?
            } else {
                let run = self.cell.run(tape, current)?;
                tape.stack(&run.traces)?
            };
        }
        Ok(trace_loss(tape, output, &self.target.cast())?)
    }
}

/// The generator and the order of draws that the Python script documents.
fn network(fused: bool) -> Result<(Network, Vec<Tensor<f64>>), Error> {
    let mut state = 1_u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let [n0, n1, n2] = SIZES;
    let w1 = Tensor::from_fn([n1, n0], |_| 2.0 * uniform() - 0.5)?;
    let w2 = Tensor::from_fn([n2, n1], |_| 2.0 * uniform() - 0.5)?;
    let input = Tensor::from_fn([STEPS, BATCH, n0], |_| if uniform() < 0.3 { 1.0 } else { 0.0 })?;
    let target = Tensor::from_fn([STEPS, BATCH, n2], |_| uniform())?;
    let cell =
        Cell::lif(Surrogate::sigmoid(0.2)?).with_decay(0.8)?.with_threshold(1.0)?.with_trace_decay(0.5)?;
    Ok((Network { cell, fused, input, target }, vec![w1, w2]))
}

/// Loss and norm of the gradient by one forward and one backward pass.
fn gradient(network: &Network, weights: &[Tensor<f64>]) -> Result<(f64, f64), Error> {
    let mut tape = Tape::with_mode(SpikeMode::Smooth);
    let leaves: Vec<Var> = weights.iter().map(|w| tape.leaf(w.clone())).collect();
    let loss = network.run(&mut tape, &leaves).map_err(|e| e.to_string())?;
    let gradients = tape.backward(loss)?;
    let mut square = 0.0;
    for leaf in leaves {
        square += gradients.wrt(leaf)?.as_slice().iter().map(|g| g * g).sum::<f64>();
    }
    Ok((tape.value(loss)?.item().unwrap_or(f64::NAN), square.sqrt()))
}

/// Seconds: median and quartiles.
fn timed(repeats: usize, mut work: impl FnMut() -> Result<(), Error>) -> Result<serde_json::Value, Error> {
    work()?; // not counted: the first call finds cold caches and starts the threads
    let mut seconds = Vec::with_capacity(repeats);
    for _ in 0..repeats {
        let start = Instant::now();
        work()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    let at = |part: f64| seconds[((seconds.len() - 1) as f64 * part).round() as usize];
    Ok(serde_json::json!({
        "median_s": at(0.5), "quartile_low_s": at(0.25), "quartile_high_s": at(0.75),
        "min_s": at(0.0), "max_s": at(1.0),
    }))
}

fn main() -> Result<(), Error> {
    let repeats: usize = std::env::args().nth(1).map_or(Ok(51), |arg| arg.parse())?;
    let fused = match std::env::args().nth(2).as_deref() {
        None => true,
        Some("composed") => false,
        Some(other) => return Err(format!("expected `composed` or nothing, found `{other}`").into()),
    };
    let (network, weights) = network(fused)?;
    let (loss, grad_norm) = gradient(&network, &weights)?;
    let same = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-12;
    if !(same(loss, LOSS) && same(grad_norm, GRAD_NORM)) {
        return Err(format!("not the network of the Python script: loss {loss}, norm {grad_norm}").into());
    }

    let central = Scheme::Fixed { stencil: Stencil::Second, step: None };
    let check =
        |scheme, width| GradCheck::new(&network, weights.clone()).smooth_twin().width(width).scheme(scheme);
    let width = network.cell.surrogate().width();
    let row = |report: &CheckReport| {
        serde_json::json!({
            "passed": report.passed(), "entries": report.compared, "conclusive": report.conclusive,
            "max_error": report.max_error, "noise": report.noise, "evaluations": report.evaluations,
        })
    };
    let run = |check: &GradCheck<'_, Network>| -> Result<serde_json::Value, Error> {
        let report = check.run()?;
        let times = timed(repeats, || Ok(check.run().map(drop)?))?;
        Ok(serde_json::json!({ "report": row(&report), "time": times }))
    };
    let out = serde_json::json!({
        "what": "resurge-gradcheck, f64, full Jacobian of the smooth twin",
        "cells": if fused { "fused" } else { "composed" },
        "threads": rayon::current_num_threads(),
        "network": { "sizes": SIZES, "steps": STEPS, "batch": BATCH, "parameters": 112 },
        "loss": loss,
        "grad_norm": grad_norm,
        "repeats": repeats,
        "central": run(&check(central, width))?,
        "order_6": run(&check(Scheme::Fixed { stencil: Stencil::Sixth, step: None }, width))?,
        "ridders": run(&check(Scheme::Ridders, width))?,
        "projections": run(&check(Scheme::Ridders, width).directions(8))?,
        "one_gradient": timed(repeats, || gradient(&network, &weights).map(drop))?,
    });
    println!("{}", serde_json::to_string_pretty(&out)?);
    Ok(())
}
