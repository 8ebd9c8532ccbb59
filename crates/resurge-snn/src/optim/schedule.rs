//! Learning-rate schedules.

use std::f64::consts::PI;

/// A learning rate as a function of the step (or epoch: whatever is counted), from 0.
///
/// A schedule is data, and every value is allowed; a rate that is not positive is refused by
/// [`Optimiser::set_learning_rate`](crate::Optimiser::set_learning_rate).
///
/// ```
/// use resurge_snn::Schedule;
///
/// let cosine = Schedule::Cosine { rate: 1.0, floor: 0.5, steps: 4 };
/// let schedule = Schedule::WarmUp { steps: 2, then: Box::new(cosine) };
/// let rates: Vec<f64> = (0..8).map(|step| schedule.at(step)).collect();
/// assert_eq!(rates[..3], [0.5, 1.0, 1.0]); // two steps of warm-up, then the start of the cosine
/// assert!((rates[4] - 0.75).abs() < 1e-15); // halfway down
/// assert_eq!(rates[6..], [0.5, 0.5]);
/// # Ok::<(), resurge_snn::SnnError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Schedule {
    /// Always `rate`.
    Constant {
        /// The rate.
        rate: f64,
    },
    /// `rate * factor^floor(step / every)`. An `every` of 0 never drops.
    Step {
        /// The rate at the start.
        rate: f64,
        /// How many steps lie between drops.
        every: usize,
        /// By what the rate is multiplied at each drop.
        factor: f64,
    },
    /// `rate * factor^step`.
    Exponential {
        /// The rate at the start.
        rate: f64,
        /// By what the rate is multiplied at each step.
        factor: f64,
    },
    /// `floor + (rate - floor) (1 + cos(pi step / steps)) / 2`, and `floor` from `steps` on: half a cosine without
    /// restarts (Loshchilov and Hutter 2017).
    Cosine {
        /// The rate at the start.
        rate: f64,
        /// The rate at the end.
        floor: f64,
        /// How many steps the descent takes.
        steps: usize,
    },
    /// A linear rise to the first rate of another schedule, which begins after it: `then(0) * (step + 1) / steps` for
    /// `step < steps`, and `then(step - steps)` from there on.
    WarmUp {
        /// How many steps the rise takes.
        steps: usize,
        /// What follows.
        then: Box<Schedule>,
    },
}

impl Schedule {
    /// The learning rate of a step.
    ///
    /// ```
    /// use resurge_snn::Schedule;
    ///
    /// let halved = Schedule::Step { rate: 0.1, every: 10, factor: 0.5 };
    /// assert_eq!([0, 9, 10].map(|step| halved.at(step)), [0.1, 0.1, 0.05]);
    /// ```
    pub fn at(&self, step: usize) -> f64 {
        match self {
            Self::Constant { rate } => *rate,
            Self::Step { rate, every, factor } => {
                rate * factor.powf(step.checked_div(*every).unwrap_or(0) as f64)
            }
            Self::Exponential { rate, factor } => rate * factor.powf(step as f64),
            Self::Cosine { floor, steps, .. } if step >= *steps => *floor,
            Self::Cosine { rate, floor, steps } => {
                let angle = PI * step as f64 / *steps as f64;
                floor + (rate - floor) * 0.5 * (1.0 + angle.cos())
            }
            Self::WarmUp { steps, then } => match step.checked_sub(*steps) {
                Some(after) => then.at(after),
                None => then.at(0) * (step + 1) as f64 / *steps as f64,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn rates(schedule: &Schedule, steps: &[usize]) -> Vec<f64> {
        steps.iter().map(|&step| schedule.at(step)).collect()
    }

    #[test]
    fn values_by_hand() {
        let constant = Schedule::Constant { rate: 0.3 };
        assert_eq!(rates(&constant, &[0, 1, usize::MAX]), [0.3; 3]);
        let step = Schedule::Step { rate: 8.0, every: 3, factor: 0.5 };
        assert_eq!(rates(&step, &[0, 2, 3, 5, 6, 9]), [8.0, 8.0, 4.0, 4.0, 2.0, 1.0]);
        let exponential = Schedule::Exponential { rate: 8.0, factor: 0.5 };
        assert_eq!(rates(&exponential, &[0, 1, 2, 3]), [8.0, 4.0, 2.0, 1.0]);
        let cosine = Schedule::Cosine { rate: 3.0, floor: 1.0, steps: 6 };
        for (rate, expected) in
            rates(&cosine, &[0, 2, 3, 4, 6, 100]).iter().zip([3.0, 2.5, 2.0, 1.5, 1.0, 1.0])
        {
            assert_relative_eq!(*rate, expected, max_relative = 1e-15);
        }
        let warm_up = Schedule::WarmUp { steps: 4, then: Box::new(exponential) };
        assert_eq!(rates(&warm_up, &[0, 1, 2, 3, 4, 5, 6]), [2.0, 4.0, 6.0, 8.0, 8.0, 4.0, 2.0]);
    }

    #[test]
    fn lengths_of_zero() {
        assert_eq!(Schedule::Step { rate: 2.0, every: 0, factor: 0.5 }.at(7), 2.0);
        assert_eq!(Schedule::Cosine { rate: 2.0, floor: 1.0, steps: 0 }.at(0), 1.0);
        let constant = Box::new(Schedule::Constant { rate: 2.0 });
        assert_eq!(Schedule::WarmUp { steps: 0, then: constant }.at(0), 2.0);
    }
}
