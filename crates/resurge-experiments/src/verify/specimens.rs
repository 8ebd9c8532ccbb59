//! Every cell of the registry and every named convention, each in a small network of its own.

use super::VerifyError;
use crate::Seeds;
use rayon::prelude::*;
use resurge_gradcheck::{CellReport, cell_registry, check_cell};
use resurge_snn::{Cell, Convention, Learnable, ResetGradient, SnnError};

/// Which specimens to verify. An empty list keeps everything.
///
/// ```
/// use resurge_experiments::verify::SpecimenFilter;
///
/// let filter = SpecimenFilter { models: vec!["lif".into()], resets: vec!["zero".into()], ..Default::default() };
/// assert!(filter.cells()?.iter().all(|specimen| specimen.name.starts_with("lif/zero/")));
/// # Ok::<(), resurge_experiments::verify::VerifyError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SpecimenFilter {
    /// Neuron models.
    pub models: Vec<String>,
    /// Resets.
    pub resets: Vec<String>,
    /// Reset gradients.
    pub reset_gradients: Vec<String>,
    /// Surrogates.
    pub surrogates: Vec<String>,
}

/// A cell to be proved, with its name in four parts: model, reset, reset gradient, surrogate.
///
/// ```
/// let specimens = resurge_experiments::verify::conventions(&["norse".into()])?;
/// assert!(specimens.len() > 1 && specimens.iter().all(|specimen| specimen.name.starts_with("norse")));
/// # Ok::<(), resurge_experiments::verify::VerifyError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Specimen {
    /// The full name.
    pub name: String,
    cell: Cell,
    learnables: Vec<Learnable>,
}

impl SpecimenFilter {
    fn keeps(&self, model: &str, reset: &str, reset_gradient: ResetGradient, surrogate: &str) -> bool {
        let wanted = |names: &[String], name: &str| names.is_empty() || names.iter().any(|n| n == name);
        // By what it is: it has two spellings.
        let gradients = &self.reset_gradients;
        wanted(&self.models, model)
            && wanted(&self.resets, reset)
            && (gradients.is_empty() || gradients.iter().any(|name| name.parse() == Ok(reset_gradient)))
            && wanted(&self.surrogates, surrogate)
    }

    /// The specimens of the registry that the filter keeps.
    ///
    /// # Errors
    /// Never in practice: the constants of the registry are valid.
    ///
    /// ```
    /// use resurge_experiments::verify::SpecimenFilter;
    ///
    /// let one = |name: &str| vec![name.to_owned()];
    /// let (models, resets) = (one("lif"), one("zero"));
    /// let filter = SpecimenFilter { models, resets, reset_gradients: one("detached"), surrogates: one("sigmoid") };
    /// let names: Vec<String> = filter.cells()?.into_iter().map(|specimen| specimen.name).collect();
    /// assert_eq!(names, ["lif/zero/detached/sigmoid"]);
    /// # Ok::<(), resurge_experiments::verify::VerifyError>(())
    /// ```
    pub fn cells(&self) -> Result<Vec<Specimen>, VerifyError> {
        let mut specimens = Vec::new();
        for case in cell_registry() {
            let (model, reset, surrogate) = (case.model(), case.reset(), case.surrogate());
            let reset_gradient = case.reset_gradient();
            if self.keeps(model, reset, reset_gradient, surrogate) {
                specimens.push(Specimen {
                    name: format!("{model}/{reset}/{reset_gradient}/{surrogate}"),
                    cell: case.cell()?,
                    learnables: case.learnables()?,
                });
            }
        }
        Ok(specimens)
    }
}

/// The conventions of these names, or of every framework when there is none.
///
/// # Errors
/// [`SnnError::UnknownConvention`], which lists them all.
///
/// ```
/// let specimens = resurge_experiments::verify::conventions(&["norse".into()])?;
/// assert!(specimens.iter().all(|s| s.name.starts_with("norse")));
/// # Ok::<(), resurge_experiments::verify::VerifyError>(())
/// ```
pub fn conventions(names: &[String]) -> Result<Vec<Specimen>, VerifyError> {
    let mut chosen: Vec<Convention> = Vec::new();
    if names.is_empty() {
        chosen.extend(Convention::all());
    }
    for name in names {
        chosen.extend(Convention::matching(name)?);
    }
    let specimen = |convention: Convention| -> Result<Specimen, SnnError> {
        let cell = convention.cell()?;
        // One way to learn the decay is enough.
        let learnables =
            Learnable::ALL.iter().copied().filter(|l| *l != Learnable::DecayLogit && l.applies(&cell));
        Ok(Specimen { name: convention.name(), learnables: learnables.collect(), cell })
    };
    Ok(chosen.into_iter().map(specimen).collect::<Result<_, _>>()?)
}

/// Verifies specimens on the threads of the current rayon pool, with each of the seeds, and calls `done` after each
/// check. The report of a specimen is that of its worst seed.
///
/// # Errors
/// [`VerifyError::Gradcheck`] when a check could not be carried out.
///
/// ```
/// use resurge_gradcheck::CellVerdict;
/// use resurge_experiments::Seeds;
/// use resurge_experiments::verify::{conventions, verify_specimens};
///
/// let reports = verify_specimens(&conventions(&["paper".into()])?, &Seeds::first(1), || {})?;
/// assert_eq!((reports.len(), reports[0].verdict), (1, CellVerdict::Passed));
/// assert!(reports[0].errors.dual < 1e-10);
/// # Ok::<(), resurge_experiments::verify::VerifyError>(())
/// ```
pub fn verify_specimens(
    specimens: &[Specimen],
    seeds: &Seeds,
    done: impl Fn() + Sync,
) -> Result<Vec<CellReport>, VerifyError> {
    let check = |specimen: &Specimen| {
        let mut worst: Option<CellReport> = None;
        for &seed in &seeds.0 {
            let report = check_cell(specimen.name.clone(), specimen.cell, &specimen.learnables, seed)?;
            done();
            worst = Some(match worst {
                Some(before) => worse(before, report),
                None => report,
            });
        }
        Ok(worst)
    };
    let reports: Vec<Option<CellReport>> =
        specimens.par_iter().map(check).collect::<Result<_, VerifyError>>()?;
    Ok(reports.into_iter().flatten().collect())
}

/// The report that failed, else the one that is undecided, if either is; else the larger errors of the two.
fn worse(a: CellReport, b: CellReport) -> CellReport {
    use resurge_gradcheck::CellVerdict::{Failed, Passed};
    match (a.verdict, b.verdict) {
        (Passed, Passed) => {
            let errors = a.errors.max(&b.errors);
            CellReport { errors, conclusive: a.conclusive.min(b.conclusive), ..a }
        }
        (Failed, _) => a,
        (_, Failed) | (Passed, _) => b,
        _ => a,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use resurge_gradcheck::CellVerdict;

    #[test]
    fn filters_keep_what_they_name() {
        let filter = SpecimenFilter {
            models: vec!["lif".into()],
            resets: vec!["gated".into()],
            reset_gradients: vec!["full".into()],
            surrogates: vec!["atan".into(), "triangle".into()],
        };
        let names: Vec<String> = filter.cells().unwrap().into_iter().map(|s| s.name).collect();
        assert_eq!(names, ["lif/gated/full/atan", "lif/gated/full/triangle"]);
    }

    #[test]
    fn a_gradient_of_the_reset_is_kept_by_either_spelling() {
        let of = |rule: &str| {
            let one = |name: &str| vec![name.to_owned()];
            let filter = SpecimenFilter {
                models: one("lif"),
                resets: one("gated"),
                reset_gradients: one(rule),
                surrogates: one("atan"),
            };
            filter.cells().unwrap().into_iter().map(|s| s.name).collect::<Vec<_>>()
        };
        assert_eq!(of("scaled:0.5"), ["lif/gated/scaled:0.5/atan"]);
        assert_eq!(of("scaled-0.5"), of("scaled:0.5"));
        assert_eq!(of("half"), [""; 0]);
    }

    #[test]
    fn a_report_over_seeds_is_that_of_the_worst() {
        let specimens = conventions(&["paper".into()]).unwrap();
        assert_eq!(specimens.len(), 1);
        let checks = std::sync::atomic::AtomicUsize::new(0);
        let count = || {
            checks.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        };
        let both = verify_specimens(&specimens, &Seeds::first(2), count).unwrap();
        let [first, second] =
            [1, 2].map(|seed| verify_specimens(&specimens, &Seeds(vec![seed]), || ()).unwrap().remove(0));
        assert_eq!(checks.into_inner(), 2);
        assert_eq!(both[0].verdict, CellVerdict::Passed);
        assert_eq!(both[0].errors, first.errors.max(&second.errors));
        let failed = CellReport { verdict: CellVerdict::Failed, ..first.clone() };
        assert_eq!(worse(first.clone(), failed.clone()), failed);
        assert_eq!(worse(failed.clone(), first.clone()), failed);
        let undecided = CellReport { verdict: CellVerdict::Unexercised, ..first.clone() };
        assert_eq!(worse(first.clone(), undecided.clone()), undecided);
        assert_eq!(worse(undecided.clone(), first), undecided);
        assert_eq!(worse(undecided.clone(), failed.clone()), failed);
        assert_eq!(worse(failed.clone(), undecided), failed);
    }

    #[test]
    fn an_unknown_convention_is_named_with_those_there_are() {
        let error = conventions(&["tensorflow".into()]).unwrap_err().to_string();
        assert!(error.contains("tensorflow") && error.contains("snntorch"), "{error}");
    }
}
