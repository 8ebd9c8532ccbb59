//! The reset-term matrix.

use crate::errors::exception;
use crate::work;
use pyo3::prelude::*;
use resurge::Seeds;
use resurge::snn::{Reset, ResetGradient, Surrogate};
use resurge::verify::{Report, VerifyOptions, verify_over};

/// Verifies the reset term on a network that sees digits, and returns the report as JSON. Names that are not given
/// are all.
#[pyfunction]
#[pyo3(signature = (resets, reset_gradients, surrogates, *, steps, hidden, batch, seed, seeds, progress = None))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn verify(
    py: Python<'_>,
    resets: Vec<String>,
    reset_gradients: Vec<String>,
    surrogates: Vec<String>,
    steps: usize,
    hidden: usize,
    batch: usize,
    seed: u64,
    seeds: u64,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<String> {
    let refused = |words: String| exception(py, "OptionError", &words);
    let all = VerifyOptions::all().map_err(|error| refused(error.to_string()))?;
    let options = VerifyOptions {
        resets: chosen(
            "reset",
            &resets,
            &all.resets,
            |r| r.name().to_owned(),
            |text| text.parse::<Reset>().ok(),
        )
        .map_err(refused)?,
        reset_gradients: chosen(
            "reset_gradient",
            &reset_gradients,
            &all.reset_gradients,
            |g| g.to_string(),
            |text| text.parse::<ResetGradient>().ok(),
        )
        .map_err(refused)?,
        surrogates: chosen(
            "surrogate",
            &surrogates,
            &all.surrogates,
            |s| s.name().to_owned(),
            |text| text.parse::<Surrogate>().ok(),
        )
        .map_err(refused)?,
        steps,
        hidden,
        batch,
        seed,
    };
    let result = work::run(py, progress, move |progress| {
        let done = std::cell::Cell::new(0);
        let cases = verify_over(&options, &Seeds::from_on(seed, seeds.max(1)), || {
            done.set(done.get() + 1);
            progress.at(done.get());
        });
        cases.map(|cases| Report::new(cases, Vec::new(), Vec::new()))
    })?;
    let report = result.map_err(|error| refused(error.to_string()))?;
    serde_json::to_string(&report).map_err(|error| exception(py, "InternalError", &error.to_string()))
}
/// The values that names stand for: one of `all` by its name alone, or any by its short form, in which `:` and `,` may
/// stand for blanks.
fn chosen<T: Copy>(
    what: &str,
    asked: &[String],
    all: &[T],
    name: impl Fn(&T) -> String,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, String> {
    if asked.is_empty() {
        return Ok(all.to_vec());
    }
    let one = |text: &String| {
        let words = text.replace([':', ','], " ");
        let named = all.iter().find(|value| [text.trim(), words.trim()].contains(&&*name(value))).copied();
        named.or_else(|| parse(text.trim())).or_else(|| parse(words.trim())).ok_or_else(|| {
            let names: Vec<String> = all.iter().map(&name).collect();
            format!(
                "{what} {text:?} is none: give one of {}, or a short form such as sigmoid:0.2",
                names.join(", ")
            )
        })
    };
    asked.iter().map(one).collect()
}
