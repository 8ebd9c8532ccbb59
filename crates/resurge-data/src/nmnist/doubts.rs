//! What makes recordings doubtful that can be read: they would be trained on, and their spikes be elsewhere or nowhere.

use std::path::Path;

use super::recording::{Binning, Recording};

/// The longest time of a recording that is none to wonder at. The official ones last about 0.3 s.
const LONG: u32 = 1_000_000;

/// A step back in time by more than half of what 16 bits can count: a clock that wrapped.
const WRAPPED: u32 = 1 << 15;

/// Doubts about a set of recordings: how many, and the first.
#[derive(Debug, Default)]
pub(crate) struct Doubts {
    long: Counted,
    wrapped: Counted,
    events: u64,
    late: u64,
}

#[derive(Debug, Default)]
struct Counted {
    count: usize,
    first: String,
}

impl Counted {
    fn add(&mut self, first: impl FnOnce() -> String) {
        if self.count == 0 {
            self.first = first();
        }
        self.count += 1;
    }

    fn in_words(&self, what: &str) -> Option<String> {
        let recordings = if self.count == 1 { "1 recording" } else { &format!("{} recordings", self.count) };
        (self.count > 0).then(|| format!("{recordings} {what}; {}", self.first))
    }
}

impl Doubts {
    /// Looks at a recording.
    pub(crate) fn of(&mut self, name: &Path, recording: &Recording) {
        let times = || recording.events().iter().map(|event| event.microseconds);
        let last = times().max().unwrap_or(0);
        if last > LONG {
            let seconds = f64::from(last) / 1e6;
            self.long.add(|| format!("{} goes to {seconds:.1} s", name.display()));
        }
        if let Some((from, to)) = times().zip(times().skip(1)).find(|(a, b)| b + WRAPPED < *a) {
            self.wrapped.add(|| format!("{} steps back from {from} to {to} µs", name.display()));
        }
    }

    /// Counts the events that a division into steps leaves out.
    pub(crate) fn binned(&mut self, recording: &Recording, binning: Binning) {
        let last = recording.events().iter().map(|event| event.microseconds).max().unwrap_or(0);
        let late = recording.events().iter().filter(|event| binning.step(event.microseconds, last).is_none());
        self.late += late.count() as u64;
        self.events += recording.events().len() as u64;
    }

    /// Each doubt, with the first recording that gives it.
    pub(crate) fn in_words(&self) -> Vec<String> {
        let long = self.long.in_words("far longer than the official ones of about 0.3 s");
        let wrapped = self.wrapped.in_words(
            "with times that wrap, as a clock of 16 bits does: their later events lie among the first",
        );
        // Half of the events: a preset for other recordings, or recordings for another preset.
        let late = (2 * self.late > self.events).then(|| {
            format!(
                "{} of {} events come after the last time step and are left out; choose longer or more steps",
                self.late, self.events
            )
        });
        [long, wrapped, late].into_iter().flatten().collect()
    }
}
