//! The check of a Python function.

use crate::errors::{exception, of_panic};
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use resurge::gradcheck::{FunctionCheck, GradcheckError, Hints, Scheme, Stencil};
use resurge::tensor::Tensor;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Holds a claimed Jacobian against differences of a function from flat float64 arrays to flat float64 arrays. Returns
/// the report as JSON, and as text.
#[pyfunction]
#[pyo3(signature = (function, shapes, at, output, claim, *, eps, rtol, atol, seed, roundoff, projections, nondet_tol))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn check(
    py: Python<'_>,
    function: &Bound<'_, PyAny>,
    shapes: Vec<Vec<usize>>,
    at: PyReadonlyArray1<'_, f64>,
    output: Vec<usize>,
    claim: PyReadonlyArray1<'_, f64>,
    eps: Option<f64>,
    rtol: f64,
    atol: f64,
    seed: u64,
    roundoff: f64,
    projections: Option<usize>,
    nondet_tol: f64,
) -> PyResult<(String, String)> {
    let inputs = tensors(py, &shapes, at.as_slice()?)?;
    let mut check = FunctionCheck::new(inputs, &output, claim.as_slice()?.to_vec())
        .rtol(rtol)
        .atol(atol)
        .seed(seed)
        .roundoff(roundoff)
        .nondeterminism(nondet_tol);
    if let Some(step) = eps {
        check = check.scheme(Scheme::Fixed { stencil: Stencil::Second, step: Some(step) });
    }
    if let Some(signs) = projections {
        check = check.directions(signs);
    }
    // What is no mere failure to evaluate, such as KeyboardInterrupt, ends the check.
    let mut ended: Option<PyErr> = None;
    let evaluate = |x: &[f64]| {
        if ended.is_some() {
            return Err("the check was ended".into());
        }
        let values = || -> PyResult<Vec<f64>> {
            py.check_signals()?;
            let made = function.call1((PyArray1::from_slice(py, x),))?;
            Ok(made.cast::<PyArray1<f64>>()?.to_vec()?)
        };
        values().map_err(|error| {
            if !error.is_instance_of::<PyException>(py) {
                ended = Some(error.clone_ref(py));
            }
            Box::new(error) as Box<dyn std::error::Error + Send + Sync>
        })
    };
    let result = catch_unwind(AssertUnwindSafe(|| check.run(evaluate)));
    if let Some(error) = ended {
        return Err(error);
    }
    match result.map_err(|panic| of_panic(py, &*panic))? {
        Ok(report) => match serde_json::to_string(&report) {
            Ok(json) => Ok((json, report.to_string())),
            Err(error) => Err(exception(py, "InternalError", &error.to_string())),
        },
        Err(error) => Err(of_check(py, error)),
    }
}

/// What explains a whole gradient in the place of another, given the shapes of its parts.
#[pyfunction]
pub(crate) fn explain(
    py: Python<'_>,
    claimed: PyReadonlyArray1<'_, f64>,
    reference: PyReadonlyArray1<'_, f64>,
    shapes: Vec<Vec<usize>>,
    tolerance: f64,
) -> PyResult<Vec<String>> {
    let shapes: Vec<&[usize]> = shapes.iter().map(Vec::as_slice).collect();
    let (claimed, reference) = (claimed.as_slice()?, reference.as_slice()?);
    let explained = || Hints::new().explain_gradient(claimed, reference, &shapes, tolerance);
    catch_unwind(AssertUnwindSafe(explained)).map_err(|panic| of_panic(py, &*panic))
}

fn tensors(py: Python<'_>, shapes: &[Vec<usize>], flat: &[f64]) -> PyResult<Vec<Tensor<f64>>> {
    let refused = |words: String| exception(py, "ShapeError", &words);
    let mut rest = flat;
    let mut tensors = Vec::with_capacity(shapes.len());
    for shape in shapes {
        let count: usize = shape.iter().product();
        let (head, tail) = rest
            .split_at_checked(count)
            .ok_or_else(|| refused("the shapes have more entries than the point".into()))?;
        tensors
            .push(Tensor::from_vec(&shape[..], head.to_vec()).map_err(|error| refused(error.to_string()))?);
        rest = tail;
    }
    Ok(tensors)
}

/// The exception of a check that could not be carried out; that of the function itself, where it raised one.
fn of_check(py: Python<'_>, error: GradcheckError) -> PyErr {
    let words = error.to_string();
    let name = match error {
        GradcheckError::Program(inner) => match inner.downcast::<PyErr>() {
            Ok(raised) => return *raised,
            Err(_) => "InternalError",
        },
        GradcheckError::BasePoint { .. } => "NondeterminismError",
        GradcheckError::NonFinite { .. } => "NonFiniteError",
        GradcheckError::Length { .. } => "ShapeError",
        _ => "OptionError",
    };
    exception(py, name, &words)
}
