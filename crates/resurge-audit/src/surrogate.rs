//! The surrogate of a description.

use super::cell::Entry;
use super::description::Surrogate;
use super::error::Result;
use resurge_snn::{self, SurrogateScale};

/// Reads it; an error names the key.
pub(super) fn read(of: &Entry<'_>, s: &Surrogate) -> Result<resurge_snn::Surrogate> {
    let bad = |key: &str, problem: String| of.error(&format!("surrogate.{key}"), problem);
    let all = || resurge_snn::Surrogate::ALL.iter().filter(|one| one.canonical);
    let Some(one) = all().find(|one| one.entry.name == s.kind) else {
        let known: Vec<&str> = all().map(|one| one.entry.name).collect();
        return Err(bad("kind", format!("`{}` is not known; take one of {}", s.kind, known.join(", "))));
    };
    let written = [
        ("width", s.width),
        ("slope", s.slope),
        ("wings", s.wings),
        ("ratio", s.ratio),
        ("period", s.period),
    ];
    let has = |name: &str| one.entry.parameters.iter().any(|parameter| parameter.name == name);
    for (name, value) in written {
        match (has(name), value) {
            (true, None) => return Err(bad(name, format!("it is missing, but `{}` needs it", s.kind))),
            (false, Some(_)) => return Err(bad(name, format!("`{}` has none", s.kind))),
            _ => {}
        }
    }
    // In the order of the table, which need not be that of the file.
    let number = |name: &str| written.iter().find(|(other, _)| *other == name).and_then(|(_, value)| *value);
    let numbers: Vec<f64> = one.entry.parameters.iter().filter_map(|p| number(p.name)).collect();
    let key = |error: &resurge_snn::SnnError| match error {
        resurge_snn::SnnError::Parameter { parameter, .. } => {
            one.entry.parameters.iter().map(|of| of.name).find(|name| parameter.ends_with(name))
        }
        _ => None,
    };
    let made = one.entry.of(&numbers);
    let made = made.map_err(|error| bad(key(&error).unwrap_or("kind"), error.to_string()))?;
    Ok(match s.scale {
        None => made,
        Some(SurrogateScale::UnitArea) if !one.area => {
            return Err(bad("scale", format!("`{}` has no area; give its peak", s.kind)));
        }
        Some(SurrogateScale::Peak(p)) if p <= 0.0 => {
            return Err(bad("scale.peak", format!("it is {p}, but must be positive and finite")));
        }
        Some(scale) => made.with_scale(scale),
    })
}
