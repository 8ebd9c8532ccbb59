//! The surrogate of a description.

use super::cell::Entry;
use super::description::{Scale, Surrogate};
use super::error::Result;
use resurge_snn::{self, SurrogateScale};

/// Reads it; an error names the key.
pub(super) fn read(of: &Entry<'_>, s: &Surrogate) -> Result<resurge_snn::Surrogate> {
    let bad = |key: &str, problem: String| of.error(&format!("surrogate.{key}"), problem);
    let parameters = [
        ("width", s.width),
        ("slope", s.slope),
        ("wings", s.wings),
        ("ratio", s.ratio),
        ("period", s.period),
    ];
    let expected: &[&str] = match s.kind.as_str() {
        "atan" | "fast-sigmoid" => &["slope"],
        "multi-gaussian" => &["width", "wings", "ratio"],
        "periodic-exponential" => &["width", "period"],
        "straight-through" => &[],
        "sigmoid" | "triangle" | "rectangle" | "gaussian" | "exponential" | "algebraic" | "heaviside" => {
            &["width"]
        }
        other => {
            let known = "sigmoid, atan, fast-sigmoid, triangle, rectangle, gaussian, exponential, algebraic, \
                         multi-gaussian, heaviside, periodic-exponential, straight-through";
            return Err(bad("kind", format!("`{other}` is not known; take one of {known}")));
        }
    };
    for (name, value) in parameters {
        match (expected.contains(&name), value) {
            (true, None) => return Err(bad(name, format!("it is missing, but `{}` needs it", s.kind))),
            (false, Some(_)) => return Err(bad(name, format!("`{}` has none", s.kind))),
            _ => {}
        }
    }
    let [width, slope, wings, ratio, period] = parameters.map(|(_, value)| value.unwrap_or_default());
    let made = match s.kind.as_str() {
        "sigmoid" => resurge_snn::Surrogate::sigmoid(width),
        "atan" => resurge_snn::Surrogate::atan(slope),
        "fast-sigmoid" => resurge_snn::Surrogate::fast_sigmoid(slope),
        "triangle" => resurge_snn::Surrogate::triangle(width),
        "rectangle" => resurge_snn::Surrogate::rectangle(width),
        "gaussian" => resurge_snn::Surrogate::gaussian(width),
        "exponential" => resurge_snn::Surrogate::exponential(width),
        "algebraic" => resurge_snn::Surrogate::algebraic(width),
        "multi-gaussian" => resurge_snn::Surrogate::multi_gaussian(width, wings, ratio),
        "heaviside" => resurge_snn::Surrogate::heaviside(width),
        "periodic-exponential" => resurge_snn::Surrogate::periodic_exponential(width, period),
        _ => Ok(resurge_snn::Surrogate::straight_through()),
    };
    let key = |error: &resurge_snn::SnnError| match error {
        resurge_snn::SnnError::Parameter { parameter, .. } => {
            parameter.rsplit(' ').next().filter(|key| expected.contains(key))
        }
        _ => None,
    };
    let made = made.map_err(|error| bad(key(&error).unwrap_or("kind"), error.to_string()))?;
    Ok(match s.scale {
        None => made,
        Some(Scale::UnitArea)
            if ["straight-through", "heaviside", "periodic-exponential"].contains(&&*s.kind) =>
        {
            return Err(bad("scale", format!("`{}` has no area; give its peak", s.kind)));
        }
        Some(Scale::UnitArea) => made.with_scale(SurrogateScale::UnitArea),
        Some(Scale::PeakOne) => made.with_scale(SurrogateScale::PeakOne),
        Some(Scale::Peak(p)) if p > 0.0 && p.is_finite() => made.with_scale(SurrogateScale::Peak(p)),
        Some(Scale::Peak(p)) => {
            return Err(bad("scale.peak", format!("it is {p}, but must be positive and finite")));
        }
    })
}
