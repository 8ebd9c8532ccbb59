//! What somebody says that the gradient is, and whether it is that.

use crate::check::gradients;
use crate::facts::cuts;
use crate::forward::Run;
use crate::interpret::Recorded;
use crate::node::{Frame, Kind};
use crate::recurrence::Recurrence;
use crate::report::ClaimFact;
use crate::rule::Rule;
use crate::{ProgramError, ProgramFile, Result};
use resurge_snn::ResetGradient;
use resurge_tensor::Tensor;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// A claim of what the gradient of a program is.
///
/// `full`, `detached`, `spatial-only` and `scaled:0.5` speak of all resets; a list such as
/// `net.py:7=attached,net.py:9=detached` speaks of places, by file and line.
///
/// ```
/// use resurge_program::Claim;
///
/// let claim: Claim = "net.py:7=attached, net.py:9=scaled:0.5".parse()?;
/// assert_eq!(claim.to_string(), "net.py:7=attached,net.py:9=scaled:0.5");
/// assert!("attached".parse::<Claim>().is_err());
/// # Ok::<(), resurge_program::ProgramError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    /// What all resets do, and nothing else that comes back through time is cut.
    Resets(ResetGradient),
    /// What single places do.
    Places(Vec<(String, ResetGradient)>),
}

impl FromStr for Claim {
    type Err = ProgramError;

    fn from_str(text: &str) -> Result<Self> {
        let bad = |problem: String| ProgramError::Claim { claim: text.into(), problem };
        if !text.contains('=') {
            return text.parse().map(Self::Resets).map_err(|error| {
                bad(format!("{error}; or it names places, such as `net.py:7=attached,net.py:9=detached`"))
            });
        }
        let each = text.split(',').map(|one| {
            let Some((place, word)) = one.rsplit_once('=').filter(|(place, _)| !place.trim().is_empty())
            else {
                return Err(bad(format!("`{one}` does not say PLACE=attached")));
            };
            let rule = match word.trim() {
                "attached" => ResetGradient::Full,
                "detached" => ResetGradient::Detached,
                other => match other.parse() {
                    Ok(scaled @ ResetGradient::Scaled(_)) => scaled,
                    _ => {
                        let words = "attached, detached and scaled:FACTOR";
                        return Err(bad(format!("`{other}` is none of {words}")));
                    }
                },
            };
            Ok((place.trim().to_owned(), rule))
        });
        each.collect::<Result<_>>().map(Self::Places)
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resets(rule) => rule.fmt(f),
            Self::Places(places) => {
                for (number, (place, rule)) in places.iter().enumerate() {
                    let comma = if number > 0 { "," } else { "" };
                    match rule {
                        ResetGradient::Full => write!(f, "{comma}{place}=attached")?,
                        rule => write!(f, "{comma}{place}={rule}")?,
                    }
                }
                Ok(())
            }
        }
    }
}

impl Claim {
    /// What has to be differentiated in another way for the gradient to be the claimed one.
    fn rule(&self, file: &ProgramFile, recurrence: &Recurrence) -> Result<Rule> {
        let places = match self {
            Self::Resets(of) => return Ok(recurrence.rule(*of)),
            Self::Places(places) => places,
        };
        let mut rule = Rule::default();
        for (place, of) in places {
            let factor = of.alpha();
            let here = |index: &usize| is_at(file.frames(file.nodes[*index].site), place);
            let stops: Vec<usize> = stops(file).filter(here).collect();
            let edges: Vec<(usize, usize)> =
                recurrence.reset_edges.iter().copied().filter(|(_, spike)| here(spike)).collect();
            if stops.is_empty() && edges.is_empty() {
                return Err(self.unknown(place, file, recurrence));
            }
            if factor != 0.0 {
                rule.attached.extend(stops.iter().map(|&stop| (stop, factor)));
            }
            if factor != 1.0 {
                rule.edges.extend(edges.iter().map(|&edge| (edge, factor)));
            }
        }
        Ok(rule)
    }

    fn unknown(&self, place: &str, file: &ProgramFile, recurrence: &Recurrence) -> ProgramError {
        let spikes = recurrence.reset_edges.iter().map(|(_, spike)| *spike);
        let known: BTreeSet<String> =
            stops(file).chain(spikes).map(|index| file.place(file.nodes[index].site)).collect();
        let known: Vec<String> = known.into_iter().collect();
        let there = match known.is_empty() {
            true => "this program has neither".into(),
            false => format!("there are {}", known.join("; ")),
        };
        let problem =
            format!("nothing is cut at `{place}`, and no spike that resets comes from there; {there}");
        ProgramError::Claim { claim: self.to_string(), problem }
    }
}

/// The stops that leave anything out.
pub(crate) fn stops(file: &ProgramFile) -> impl Iterator<Item = usize> + '_ {
    let cuts = |index: &usize| {
        let node = &file.nodes[*index];
        node.needed && matches!(node.kind, Kind::Stop(_)) && file.nodes[node.inputs[0]].carries
    };
    (0..file.nodes.len()).filter(cuts)
}

/// Whether a place names one of these lines: by a file's name, or by the end of its path.
fn is_at(frames: &[Frame], place: &str) -> bool {
    frames.iter().any(|frame| {
        let whole = format!("{}:{}", frame.file, frame.line);
        let before = whole.strip_suffix(place).and_then(|rest| rest.chars().last());
        whole == place || matches!(before, Some('/' | '\\'))
    })
}

/// Holds the program's gradient against a claim.
pub(crate) fn judge(claim: &Claim, program: &Recorded<'_>, recurrence: &Recurrence) -> Result<ClaimFact> {
    let file = program.file;
    let fact = |holds: Option<bool>, difference: f64, words: String| {
        Ok(ClaimFact { claim: claim.to_string(), holds, difference, words })
    };
    if let Claim::Resets(of) = claim {
        let known = recurrence.has_reset()
            || (recurrence.has_state() && matches!(of, ResetGradient::Full | ResetGradient::SpatialOnly));
        if !known {
            let words = "no spike is seen to come back to its own neuron, number by number, so that there is \
                         no reset to tell it by; name places instead, such as `net.py:7=detached`";
            return fact(None, 0.0, words.into());
        }
        if let Some(&one) = recurrence.compared.iter().next().filter(|_| of.alpha() != 0.0) {
            let place = file.place(file.nodes[one].site);
            let words = format!("the reset at {place} is a comparison, through which no gradient flows");
            return fact(Some(false), f64::NAN, words);
        }
    }
    let rule = claim.rule(file, recurrence)?;
    if rule.is_own() {
        return fact(Some(true), 0.0, "the program is differentiated as is claimed".into());
    }
    let words = differences(file, &rule);
    let own = program.gradient()?;
    let claimed = Run::of(&Recorded { file, rule })?.gradient;
    let apart = gradients(file, &claimed, Some(&own)).iter().any(|g| g.wrong > 0);
    let values: Vec<Tensor<f64>> = claimed.iter().map(|g| g.map(|x| x.value)).collect();
    let (difference, _) = cuts::beside(&cuts::flat(&own), &cuts::flat(&values));
    match apart {
        true => fact(Some(false), difference, words),
        false => fact(None, difference, format!("{words}; but on this input that changes nothing")),
    }
}

/// What the program does in another way than a rule, in words.
fn differences(file: &ProgramFile, rule: &Rule) -> String {
    let place = |index: usize| file.place(file.nodes[index].site);
    let stops: BTreeSet<String> = rule
        .attached
        .keys()
        .map(|&stop| match &file.nodes[stop].kind {
            Kind::Stop(of) => format!("{} at {} cuts it", of.kind, place(stop)),
            _ => String::new(),
        })
        .collect();
    let edges: BTreeSet<String> = rule
        .edges
        .keys()
        .map(|&(taker, from)| match &file.nodes[from].kind {
            Kind::Surrogate(spike) => {
                format!("the reset by {} at {} is attached", spike.function, place(from))
            }
            _ => format!("the state is attached at {}", place(taker)),
        })
        .collect();
    let all: Vec<String> = stops.into_iter().chain(edges).collect();
    match all.len() {
        0..4 => all.join(", "),
        more => format!("{}, and {} more", all[..3].join(", "), more - 3),
    }
}
