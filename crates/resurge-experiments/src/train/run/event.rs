//! How a run ends, and what it tells while it goes on.

use crate::train::progress::{EpochRow, Totals};

/// How a run ended.
///
/// ```
/// # use resurge_data::ImageDataset;
/// # use resurge_experiments::train::{Config, End, Examples, Preset, Training};
/// # let config = Config::preset(Preset::Small).with(&["layers=[\"linear 2\"]", "epochs=1"])?;
/// # let set = ImageDataset::new(vec![0, 255], &[1, 1, 1], vec![0, 1], 2)?;
/// # let data = || Examples::of_images(set.clone(), &config);
/// let mut training = Training::new(&config, "dark-and-light", (data()?, data()?))?;
/// let stop = std::sync::atomic::AtomicBool::new(true);
/// assert_eq!(training.run(&stop, &mut |_| {})?, End::Stopped);
/// assert_eq!(training.progress().updates, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All epochs are done.
    Finished,
    /// The stop flag was set. All that was done is saved.
    Stopped,
}

/// What happened in a run.
///
/// ```
/// # use resurge_data::ImageDataset;
/// # use resurge_experiments::train::{Config, Event, Examples, Preset, Training};
/// # let config = Config::preset(Preset::Small).with(&["layers=[\"linear 2\"]", "epochs=2"])?;
/// # let set = ImageDataset::new(vec![0, 255], &[1, 1, 1], vec![0, 1], 2)?;
/// # let data = || Examples::of_images(set.clone(), &config);
/// # let stop = std::sync::atomic::AtomicBool::new(false);
/// let mut epochs = Vec::new();
/// Training::new(&config, "dark-and-light", (data()?, data()?))?.run(&stop, &mut |event| match event {
///     Event::Batch { epoch, done, batches, .. } => assert!(epoch <= 2 && done <= batches),
///     Event::Testing { done, samples } => assert!(done <= samples),
///     Event::Epoch(row) => epochs.push(row.epoch),
///     Event::Notice { text, .. } => println!("{text}"),
/// })?;
/// assert_eq!(epochs, [1, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub enum Event<'a> {
    /// A batch was learned.
    Batch {
        /// The epoch, from 1.
        epoch: u64,
        /// Batches of it that are done.
        done: u64,
        /// Its batches.
        batches: u64,
        /// What was measured of it so far.
        totals: &'a Totals,
        /// The norm of the last gradient, before it was clipped.
        gradient_norm: f64,
        /// Spikes per neuron and step of each layer, so far.
        firing_rates: &'a [f64],
    },
    /// Part of the test set was measured.
    Testing {
        /// Samples that are done.
        done: usize,
        /// All of them.
        samples: usize,
    },
    /// An epoch ended.
    Epoch(&'a EpochRow),
    /// Something that should not be overlooked: see
    /// [`Training::notices`](super::Training::notices).
    Notice {
        /// The epoch that it is of; none if it is of the settings or the samples.
        epoch: Option<u64>,
        /// What it is and, where there is one, the remedy.
        text: &'a str,
    },
}
