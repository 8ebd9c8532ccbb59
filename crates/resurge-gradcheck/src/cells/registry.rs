//! Every neuron model under every reset, reset gradient and surrogate.

use super::check::{Probes, check, check_cell};
use super::models::{MODELS, Model, base};
use super::{CellExtents, CellNetwork, CellReport};
use crate::Result;
use resurge_snn::{Cell, Entry, Learnable, Reset, ResetGradient, Surrogate, SurrogateScale};
use std::sync::OnceLock;

/// One specimen of the registry: a neuron model with a reset, a reset gradient and a surrogate.
///
/// ```
/// use resurge_gradcheck::{CellCase, CellVerdict, cell_registry};
///
/// let registry = cell_registry();
/// let wanted = |case: &&CellCase| case.name() == "lif/zero/detached/sigmoid";
/// let case = registry.iter().find(wanted).ok_or("not in the registry")?;
/// assert_eq!(case.check(1)?.verdict, CellVerdict::Passed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct CellCase {
    model: &'static Model,
    reset: (&'static str, Reset),
    reset_gradient: ResetGradient,
    surrogate: (&'static str, Surrogate),
}

/// Every specimen: the product of the neuron models with every reset, reset gradient and surrogate, where the
/// model is one under that reset.
///
/// ```
/// use resurge_gradcheck::{CellVerdict, cell_registry};
///
/// let registry = cell_registry();
/// let wanted = "recurrent-alif/subtract/full/atan";
/// let case = registry.iter().find(|case| case.name() == wanted).expect("in the registry");
/// assert_eq!(case.check(1)?.verdict, CellVerdict::Passed);
/// # Ok::<(), resurge_gradcheck::GradcheckError>(())
/// ```
pub fn cell_registry() -> Vec<CellCase> {
    let mut cases = Vec::new();
    for model in &MODELS {
        for reset in samples(Reset::ALL).filter(|(_, reset)| (model.applies)(*reset)) {
            for (_, reset_gradient) in samples(ResetGradient::ALL) {
                for surrogate in surrogates() {
                    cases.push(CellCase { model, reset, reset_gradient, surrogate });
                }
            }
        }
    }
    cases
}

/// Samples of a table by name. The samples are valid, says a test of the tables.
fn samples<T>(all: &'static [Entry<T>]) -> impl Iterator<Item = (&'static str, T)> {
    all.iter().filter_map(|entry| Some((entry.name, entry.of(entry.sample).ok()?)))
}

/// Every shape of surrogate, and every way to scale one. Made once: a custom one lives as long as the program.
fn surrogates() -> Vec<(&'static str, Surrogate)> {
    static MADE: OnceLock<Vec<(&'static str, Surrogate)>> = OnceLock::new();
    let make = || {
        let softened = |x: f64| x / (1.0 + 2.0 * x * x).sqrt();
        let custom = Surrogate::custom(0.75, move |order, x| {
            let q = 1.0 + 2.0 * x * x;
            match order {
                0 => softened(x),
                1 => q.powf(-1.5),
                _ => -6.0 * x * q.powf(-2.5),
            }
        });
        let peak_one = Surrogate::sigmoid(0.25).map(|s| s.with_scale(SurrogateScale::PeakOne));
        let named = Surrogate::ALL.iter().map(|one| (one.entry.name, one.entry.of(one.entry.sample)));
        let made = named.chain([("sigmoid-peak-one", peak_one), ("custom", custom)]);
        // The parameters above are valid; the test of the registry counts the surrogates.
        made.filter_map(|(name, surrogate)| Some((name, surrogate.ok()?))).collect()
    };
    MADE.get_or_init(make).clone()
}

impl CellCase {
    /// The model, reset, reset gradient and surrogate, with slashes between; unique in the registry.
    ///
    /// ```
    /// use resurge_gradcheck::{CellCase, cell_registry};
    ///
    /// let registry = cell_registry();
    /// let wanted = |case: &&CellCase| case.name() == "lif/zero/detached/sigmoid";
    /// let case = registry.iter().find(wanted).ok_or("not in the registry")?;
    /// assert_eq!(case.name(), "lif/zero/detached/sigmoid");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn name(&self) -> String {
        let rule = self.reset_gradient.name();
        format!("{}/{}/{rule}/{}", self.model.name, self.reset.0, self.surrogate.0)
    }

    /// The name of the neuron model.
    ///
    /// ```
    /// use resurge_gradcheck::{CellCase, cell_registry};
    ///
    /// let registry = cell_registry();
    /// let wanted = |case: &&CellCase| case.name() == "lif/zero/detached/sigmoid";
    /// let case = registry.iter().find(wanted).ok_or("not in the registry")?;
    /// assert_eq!(case.model(), "lif");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn model(&self) -> &'static str {
        self.model.name
    }

    /// The name of the reset. Unlike [`Reset::name`], it tells apart resets that compute the same.
    ///
    /// ```
    /// use resurge_gradcheck::{CellCase, cell_registry};
    ///
    /// let registry = cell_registry();
    /// let wanted = |case: &&CellCase| case.name() == "lif/zero/detached/sigmoid";
    /// let case = registry.iter().find(wanted).ok_or("not in the registry")?;
    /// assert_eq!(case.reset(), "zero");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reset(&self) -> &'static str {
        self.reset.0
    }

    /// The reset gradient.
    ///
    /// ```
    /// use resurge_gradcheck::{CellCase, cell_registry};
    /// use resurge_snn::ResetGradient;
    ///
    /// let registry = cell_registry();
    /// let wanted = |case: &&CellCase| case.name() == "lif/zero/detached/sigmoid";
    /// let case = registry.iter().find(wanted).ok_or("not in the registry")?;
    /// assert_eq!(case.reset_gradient(), ResetGradient::Detached);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reset_gradient(&self) -> ResetGradient {
        self.reset_gradient
    }

    /// The name of the surrogate.
    ///
    /// ```
    /// use resurge_gradcheck::{CellCase, cell_registry};
    ///
    /// let registry = cell_registry();
    /// let wanted = |case: &&CellCase| case.name() == "lif/zero/detached/sigmoid";
    /// let case = registry.iter().find(wanted).ok_or("not in the registry")?;
    /// assert_eq!(case.surrogate(), "sigmoid");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn surrogate(&self) -> &'static str {
        self.surrogate.0
    }

    /// The cell.
    ///
    /// # Errors
    /// None in practice: the constants of the registry are valid.
    ///
    /// ```
    /// use resurge_gradcheck::{CellCase, cell_registry};
    /// use resurge_snn::ResetGradient;
    ///
    /// let registry = cell_registry();
    /// let wanted = |case: &&CellCase| case.name() == "lif/zero/detached/sigmoid";
    /// let case = registry.iter().find(wanted).ok_or("not in the registry")?;
    /// assert_eq!(case.cell()?.reset_gradient(), ResetGradient::Detached);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cell(&self) -> Result<Cell> {
        let cell = (self.model.build)(base(self.surrogate.1)?)?;
        Ok(cell.with_reset(self.reset.1)?.with_reset_gradient(self.reset_gradient))
    }

    /// What is learned besides weights and biases.
    ///
    /// # Errors
    /// None in practice: the constants of the registry are valid.
    ///
    /// ```
    /// use resurge_gradcheck::{CellCase, cell_registry};
    ///
    /// let registry = cell_registry();
    /// let wanted = |case: &&CellCase| case.name() == "lif/zero/detached/sigmoid";
    /// let case = registry.iter().find(wanted).ok_or("not in the registry")?;
    /// assert!(case.learnables()?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn learnables(&self) -> Result<Vec<Learnable>> {
        let mut learnables = self.model.learnables.to_vec();
        if !learnables.is_empty() && Learnable::VReset.applies(&self.cell()?) {
            learnables.push(Learnable::VReset);
        }
        Ok(learnables)
    }

    /// The specimen in a network of the given extents, with everything else drawn by `seed`.
    ///
    /// # Errors
    /// Shape errors for extents that cannot be addressed.
    ///
    /// ```
    /// use resurge_gradcheck::{CellCase, CellExtents, cell_registry};
    ///
    /// let registry = cell_registry();
    /// let wanted = |case: &&CellCase| case.name() == "lif/zero/detached/sigmoid";
    /// let case = registry.iter().find(wanted).ok_or("not in the registry")?;
    /// assert_eq!(case.network(CellExtents::REGISTRY, 1)?.parameters().len(), 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn network(&self, extents: CellExtents, seed: u64) -> Result<CellNetwork> {
        CellNetwork::new(self.cell()?, &self.learnables()?, extents, seed)
    }

    /// Holds the tape's gradient of the specimen against dual numbers, the complex step and finite differences of
    /// its anchored program, and against forward sensitivities on the real one, at a point drawn by `seed`.
    ///
    /// Where the point proves nothing, another is drawn: see [`check_cell`].
    ///
    /// # Errors
    /// [`GradcheckError`](crate::GradcheckError) when the loss or the gradient is not finite. A gradient that is
    /// wrong is not an error but a verdict.
    ///
    /// ```
    /// use resurge_gradcheck::{CellCase, CellVerdict, cell_registry};
    ///
    /// let registry = cell_registry();
    /// let wanted = |case: &&CellCase| case.name() == "lif/zero/detached/sigmoid";
    /// let case = registry.iter().find(wanted).ok_or("not in the registry")?;
    /// assert_eq!(case.check(1)?.verdict, CellVerdict::Passed);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check(&self, seed: u64) -> Result<CellReport> {
        check_cell(self.name(), self.cell()?, &self.learnables()?, seed)
    }

    /// [`check`](Self::check) at one point only, in a network of any extents, with as many probes as wanted.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    ///
    /// ```
    /// use resurge_gradcheck::{CellCase, CellExtents, Probes, cell_registry};
    ///
    /// let registry = cell_registry();
    /// let wanted = |case: &&CellCase| case.name() == "lif/zero/detached/sigmoid";
    /// let case = registry.iter().find(wanted).ok_or("not in the registry")?;
    /// let report = case.check_at(CellExtents::REGISTRY, Probes::EachInput, 1)?;
    /// assert!(report.anchored_loss_exact);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check_at(&self, extents: CellExtents, probes: Probes, seed: u64) -> Result<CellReport> {
        check(self.name(), &self.network(extents, seed)?, probes, seed)
    }
}
