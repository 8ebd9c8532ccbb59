//! What the benchmarks share.

use criterion::Criterion;
use std::time::Duration;

/// All benchmarks together take less than ten minutes.
pub(crate) fn quick() -> Criterion {
    let times = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    times.nresamples(5_000).without_plots()
}
