//! Program files by hand.

use resurge_program::{CheckOptions, METADATA, ProgramError, ProgramFile, ProgramReport, check};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Numbers of a tensor that is not small, or positions.
pub(crate) enum Data {
    Numbers(Vec<usize>, Vec<f64>),
    Positions(Vec<usize>, Vec<i64>),
}

pub(crate) struct Draft {
    pub(crate) nodes: Vec<Value>,
    pub(crate) tensors: Vec<(String, Data)>,
    pub(crate) loss: usize,
    /// The sites: lines of `cell.py`, called at line 9 of `net.py`.
    pub(crate) lines: Vec<usize>,
}

/// Numbers between -1 and 1 without a pattern.
pub(crate) fn drawn(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 23) - 1.0
    };
    (0..count).map(|_| next()).collect()
}

impl Draft {
    pub(crate) fn new() -> Self {
        Self { nodes: Vec::new(), tensors: Vec::new(), loss: 0, lines: Vec::new() }
    }

    pub(crate) fn leaf(&mut self, shape: &[usize]) -> usize {
        let n = self.add(json!({ "op": "leaf", "with": { "name": format!("x{}", self.nodes.len()) } }));
        self.numbers(&format!("value.{n}"), shape, drawn(shape.iter().product(), n as u64 + 1));
        n
    }

    pub(crate) fn add(&mut self, node: Value) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    pub(crate) fn numbers(&mut self, name: &str, shape: &[usize], values: Vec<f64>) {
        self.tensors.push((name.into(), Data::Numbers(shape.to_vec(), values)));
    }

    /// Squares and sums a node of so many axes, which makes it the loss.
    pub(crate) fn squared(&mut self, node: usize, rank: usize) {
        let square = self.add(json!({ "op": "power", "in": [node], "with": { "exponent": 2.0 } }));
        let axes: Vec<usize> = (0..rank).collect();
        self.loss = self.add(json!({ "op": "sum", "in": [square], "with": { "axes": axes } }));
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let frame =
            |file: &str, line: usize| json!({ "file": file, "line": line, "source": format!("line {line}") });
        let site = |&line: &usize| json!([frame("lib/cell.py", line), frame("net.py", 9)]);
        let sites: Vec<Value> = self.lines.iter().map(site).collect();
        let description = json!({
            "version": 1, "framework": { "name": "none", "version": "0" }, "loss": self.loss, "nodes": self.nodes,
            "sites": sites,
        });
        let raw: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = self
            .tensors
            .iter()
            .map(|(name, data)| match data {
                Data::Numbers(shape, x) => (
                    name.clone(),
                    Dtype::F64,
                    shape.clone(),
                    x.iter().flat_map(|x| x.to_le_bytes()).collect(),
                ),
                Data::Positions(shape, x) => (
                    name.clone(),
                    Dtype::I64,
                    shape.clone(),
                    x.iter().flat_map(|x| x.to_le_bytes()).collect(),
                ),
            })
            .collect();
        let views = raw.iter().map(|(name, kind, shape, data)| {
            (
                name.as_str(),
                TensorView::new(*kind, shape.clone(), data).expect("as many bytes as the shape says"),
            )
        });
        let metadata = HashMap::from([(METADATA.to_owned(), description.to_string())]);
        safetensors::serialize(views, Some(metadata)).expect("a file")
    }

    pub(crate) fn check(&self) -> ProgramReport {
        self.checked(&CheckOptions::default())
    }

    pub(crate) fn checked(&self, options: &CheckOptions) -> ProgramReport {
        let file = ProgramFile::parse(&self.bytes()).expect("a program");
        check(&file, options).expect("it runs")
    }

    pub(crate) fn error(&self) -> ProgramError {
        ProgramFile::parse(&self.bytes()).expect_err("no program")
    }
}
