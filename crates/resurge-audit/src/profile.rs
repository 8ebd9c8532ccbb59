//! What the plots show: gradients at the layers' inputs by step, and the reset term by time lag.

use super::compare::norm;
use super::cost;
use super::error::Result;
use super::file::Of;
use super::run::{NetworkRun, Rule};
use resurge_snn::ResetGradient;
use resurge_tensor::Tensor;
use serde::Serialize;

/// The gradient at a layer's input, step by step.
///
/// ```
/// use resurge_audit::{AuditFile, AuditOptions, audit};
///
/// let file = AuditFile::open("../resurge/tests/audit/damaged/detached-f32.safetensors".as_ref())?;
/// let report = audit(&file, &AuditOptions::default())?;
/// assert_eq!(report.by_step[0].claimed.len(), report.steps);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepProfile {
    /// The place of the layer.
    pub layer: usize,
    /// The norm of the claimed gradient at each step.
    pub claimed: Vec<f64>,
    /// The norm of what differs from it: of the file's gradient where it has `gradients.currents.k`, else of the
    /// diagnosed one. Empty where there is neither.
    pub difference: Vec<f64>,
    /// Whether the difference is that of the file.
    pub recorded: bool,
}

/// How far back an error at the output reaches, and which part of it the reset term carries.
///
/// ```
/// use resurge_audit::{AuditFile, AuditOptions, audit};
///
/// let file = AuditFile::open("../resurge/tests/audit/damaged/detached-f32.safetensors".as_ref())?;
/// let lags = audit(&file, &AuditOptions::default())?.by_lag;
/// assert_eq!(lags[0].full.len(), lags[0].reset_term.len());
/// assert!(lags[0].full[0] > 0.0 && lags[0].reset_term[0] == 0.0); // no step lies in between
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LagProfile {
    /// The place of the layer.
    pub layer: usize,
    /// The norm of the full gradient at the layer's input, by the steps between it and the output.
    pub full: Vec<f64>,
    /// The norm of the full gradient less the detached one: the reset term.
    pub reset_term: Vec<f64>,
}

/// Steps of the output from which lags are counted: every one costs two backward passes.
const SOURCES: usize = 16;

/// The longest lag that is shown.
const LAGS: usize = 60;

pub(super) fn by_step(run: &NetworkRun<'_, f64>, diagnosed: Option<&Rule>) -> Result<Vec<StepProfile>> {
    let file = run.file;
    let claimed = run.gradients(&Rule::default())?;
    let diagnosed = diagnosed.map(|rule| run.gradients(rule)).transpose()?;
    let steps = file.extent().0;
    let by_step = |values: &[f64]| -> Vec<f64> { values.chunks(values.len() / steps).map(norm).collect() };
    let minus = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a - b).collect() };
    let mut found = Vec::new();
    for (k, layer) in claimed.layers.iter().enumerate().filter(|(_, layer)| !layer.current.is_empty()) {
        let recorded = file.gradients.iter().find(|g| g.of == Of::Currents(k));
        let difference = match (recorded, &diagnosed) {
            (Some(recorded), _) => by_step(&minus(recorded.value.as_slice(), &layer.current)),
            (None, Some(other)) => by_step(&minus(&other.layers[k].current, &layer.current)),
            (None, None) => Vec::new(),
        };
        let (claimed, recorded) = (by_step(&layer.current), recorded.is_some());
        found.push(StepProfile { layer: k, claimed, difference, recorded });
    }
    Ok(found)
}

/// Every so many steps of the output are taken, where there may be so many passes.
fn stride(steps: usize, passes: usize) -> usize {
    steps.div_ceil(SOURCES.min(passes / 8).max(1))
}

pub(super) fn by_lag(run: &NetworkRun<'_, f64>) -> Result<Vec<LagProfile>> {
    let (output, potentials) = run.at_output();
    let steps = output.shape()[0];
    let lags = steps.min(LAGS);
    let stride = stride(steps, cost::passes(run.file));
    let at = |tensor: &Tensor<f64>, step: usize| -> Result<Tensor<f64>> {
        let width = tensor.len() / steps;
        let mut only = vec![0.0; tensor.len()];
        only[step * width..][..width].copy_from_slice(&tensor.as_slice()[step * width..][..width]);
        Ok(Tensor::from_vec(tensor.shape().clone(), only)?)
    };
    let mut found: Vec<LagProfile> = Vec::new();
    for source in (0..steps).rev().step_by(stride) {
        let [full, detached] = [ResetGradient::Full, ResetGradient::Detached].map(|claim| {
            let rule = Rule { reset_gradient: Some(claim), ..Rule::default() };
            run.gradients_from(
                &rule,
                at(&output, source)?,
                potentials.as_ref().map(|u| at(u, source)).transpose()?,
            )
        });
        let (full, detached) = (full?, detached?);
        let layers = full.layers.iter().zip(&detached.layers).enumerate();
        for (place, (k, (full, detached))) in layers.filter(|(k, _)| run.samples(*k).is_some()).enumerate() {
            if found.len() <= place {
                found.push(LagProfile { layer: k, full: vec![0.0; lags], reset_term: vec![0.0; lags] });
            }
            let width = full.current.len() / steps;
            for lag in 0..lags.min(source + 1) {
                let step = (source - lag) * width;
                let (a, b) = (&full.current[step..][..width], &detached.current[step..][..width]);
                found[place].full[lag] += a.iter().map(|x| x * x).sum::<f64>();
                found[place].reset_term[lag] += a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
            }
        }
    }
    for profile in &mut found {
        profile.full.iter_mut().chain(&mut profile.reset_term).for_each(|x| *x = x.sqrt());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::stride;

    /// An eighth of the passes at the most, sixteen, and one at the least.
    #[test]
    fn a_few_steps_of_the_output_stand_for_all() {
        let of = [(12, 3), (12, 8), (100, 80), (100, 127), (100, 128), (100, 10_000), (3, 10_000)];
        assert_eq!(of.map(|(steps, passes)| stride(steps, passes)), [12, 12, 10, 7, 7, 7, 1]);
        assert_eq!([stride(160, 127), stride(160, 128), stride(160, 136)], [11, 10, 10]);
    }
}
