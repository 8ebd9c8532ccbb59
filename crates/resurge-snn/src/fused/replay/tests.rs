use super::*;
use crate::{Cell, Surrogate};

/// The spikes are kept twice where the reset sees others than the next layer does, and nowhere else.
#[test]
fn what_the_reset_sees_is_kept_where_it_differs() {
    let current = [0.7, 1.2, 0.1, 0.9];
    let plane = Plane { steps: 2, neurons: 2 };
    for (rule, apart) in [
        (ResetGradient::Full, false),
        (ResetGradient::Detached, true),
        (ResetGradient::Scaled(0.5), true),
        (ResetGradient::SpatialOnly, true),
    ] {
        let cell = Cell::lif(Surrogate::atan(2.0).unwrap()).with_reset_gradient(rule);
        let recurrence = Recurrence::<f64>::of(&cell).unwrap();
        let seen = |mode| History::run(&recurrence, &current, plane, mode).seen.is_some();
        let modes = [Mode::Real, Mode::Smooth, Mode::Anchored(&current)];
        assert_eq!(modes.map(seen), [false, false, apart], "{rule:?}");
    }
}
