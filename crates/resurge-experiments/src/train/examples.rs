//! The samples of a data set as inputs of a network.

use super::{Config, TrainError};
use rayon::prelude::*;
use resurge_data::nmnist::{self, Binning, Event, Recordings, Spikes};
use resurge_data::{Dataset, ImageDataset, Split, Verify, cifar10, mnist};
use resurge_report::counted;
use resurge_snn::trace_filter;
use resurge_tensor::Tensor;
use sha2::{Digest, Sha256};
use std::path::Path;

/// The samples of one split: images in memory, or recordings of events that are read when they are needed.
///
/// ```
/// use resurge_data::ImageDataset;
/// use resurge_experiments::train::{Config, Examples, Preset};
///
/// let set = ImageDataset::new(vec![0, 255], &[1, 1, 1], vec![0, 1], 2)?; // two images of one pixel
/// let examples = Examples::of_images(set, &Config::preset(Preset::Small))?;
/// assert_eq!((examples.len(), examples.classes(), examples.image()?), (2, 2, [1, 1, 1]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Examples {
    source: Source,
    classes: usize,
    /// For each channel, what is taken off and what is multiplied then.
    scaling: Vec<(f32, f32)>,
    trace_decay: f64,
    notices: Vec<String>,
}

#[derive(Debug)]
enum Source {
    Images(ImageDataset),
    Recordings(Recordings, Binning),
}

/// Some samples.
///
/// ```
/// use resurge_tensor::Tensor;
/// use resurge_experiments::train::Batch;
///
/// let batch = Batch { input: Tensor::zeros([1, 2, 1, 28, 28])?, classes: vec![3, 7] };
/// assert_eq!(batch.input.shape()[1], batch.classes.len());
/// # Ok::<(), resurge_tensor::TensorError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Images `[1, B, C, H, W]`, scaled, or the traces `[T, B, C, H, W]` of events.
    pub input: Tensor<f32>,
    /// The class of each sample.
    pub classes: Vec<usize>,
}

impl Examples {
    /// Loads a split from a directory, at most `limit` samples of it, as equally many of each class as there are.
    ///
    /// # Errors
    /// [`TrainError::Data`] names the file that is missing, damaged or not the official one; [`TrainError::Config`]
    /// names `mean` or `deviation` where it does not have a number for each channel.
    ///
    /// ```
    /// use resurge_data::{Dataset, Split, Verify};
    /// use resurge_experiments::train::{Config, Examples, Preset};
    ///
    /// let (config, place) = (Config::preset(Preset::Mnist), "/no/such/place".as_ref());
    /// let error = Examples::load(Dataset::Mnist, place, Split::Train, Verify::Official, &config, None).unwrap_err();
    /// assert!(error.to_string().starts_with("/no/such/place/train-images-idx3-ubyte.gz: not there"));
    /// ```
    pub fn load(
        dataset: Dataset,
        place: &Path,
        split: Split,
        verify: Verify,
        config: &Config,
        limit: Option<usize>,
    ) -> Result<Self, TrainError> {
        let images = match dataset {
            Dataset::Mnist => mnist::load(place, split, verify)?,
            Dataset::FashionMnist => mnist::load_fashion(place, split, verify)?,
            Dataset::Cifar10 => cifar10::load(place, split, verify)?,
            Dataset::NMnist => {
                let mut recordings = Recordings::open(place, split, verify)?;
                if let Some(limit) = limit {
                    recordings = recordings.limit(limit)?;
                }
                return Self::of_recordings(recordings, config);
            }
        };
        let images = match limit {
            Some(limit) => images.limit(limit)?,
            None => images,
        };
        Self::of_images(images, config)
    }

    /// The samples of a set of images `[C, H, W]`.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    ///
    /// ```
    /// use resurge_data::ImageDataset;
    /// use resurge_experiments::train::{Config, Examples, Preset};
    ///
    /// let set = ImageDataset::new(vec![0, 255], &[1, 1, 1], vec![1, 0], 2)?;
    /// let batch = Examples::of_images(set, &Config::preset(Preset::Small))?.batch(&[1, 0])?;
    /// assert_eq!((batch.input.as_slice(), &batch.classes[..]), (&[1.0, 0.0][..], &[0, 1][..]));
    /// assert_eq!(batch.input.shape(), &[1, 2, 1, 1, 1].into());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of_images(images: ImageDataset, config: &Config) -> Result<Self, TrainError> {
        let channels = images.shape().first().copied().unwrap_or(0);
        let scaling = scaling(config, channels)?;
        let classes = images.classes();
        Ok(Self { source: Source::Images(images), classes, scaling, trace_decay: 0.0, notices: Vec::new() })
    }

    fn of_recordings(recordings: Recordings, config: &Config) -> Result<Self, TrainError> {
        if !config.mean.is_empty() || !config.deviation.is_empty() {
            return Err(TrainError::Config("mean and deviation scale images, but these are events".into()));
        }
        let binning = match config.window {
            0 => Binning::equal_parts(config.steps)?,
            window => Binning::windows(window, config.steps)?,
        };
        let notices = recordings.notices(binning)?;
        let (source, classes) = (Source::Recordings(recordings, binning), nmnist::CLASSES);
        let trace_decay = config.input_trace_decay()?;
        Ok(Self { source, classes, scaling: Vec::new(), trace_decay, notices })
    }

    /// What is doubtful about the files, which can be read all the same: for recordings of events what
    /// [`Recordings::notices`] says, for images nothing.
    ///
    /// ```
    /// # use resurge_data::ImageDataset;
    /// # use resurge_experiments::train::{Config, Examples, Preset};
    /// let set = ImageDataset::new(vec![0, 255], &[1, 1, 1], vec![0, 1], 2)?;
    /// assert!(Examples::of_images(set, &Config::preset(Preset::Small))?.notices().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// The number of samples, at least 1.
    ///
    /// ```
    /// # use resurge_data::ImageDataset;
    /// # use resurge_experiments::train::{Config, Examples, Preset};
    /// let set = ImageDataset::new(vec![0, 128, 255], &[1, 1, 1], vec![0, 1, 1], 2)?;
    /// assert_eq!(Examples::of_images(set, &Config::preset(Preset::Small))?.len(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn len(&self) -> usize {
        match &self.source {
            Source::Images(images) => images.len(),
            Source::Recordings(recordings, _) => recordings.len(),
        }
    }

    /// Whether there is no sample, which the loaders refuse: `false`.
    ///
    /// ```
    /// # use resurge_data::ImageDataset;
    /// # use resurge_experiments::train::{Config, Examples, Preset};
    /// let set = ImageDataset::new(vec![0], &[1, 1, 1], vec![0], 2)?;
    /// assert!(!Examples::of_images(set, &Config::preset(Preset::Small))?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of classes.
    ///
    /// ```
    /// # use resurge_data::ImageDataset;
    /// # use resurge_experiments::train::{Config, Examples, Preset};
    /// let set = ImageDataset::new(vec![0, 255], &[1, 1, 1], vec![0, 1], 10)?; // the set need not show them all
    /// assert_eq!(Examples::of_images(set, &Config::preset(Preset::Small))?.classes(), 10);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Whether the images stand still, so that a batch has one step.
    ///
    /// ```
    /// # use resurge_data::ImageDataset;
    /// # use resurge_experiments::train::{Config, Examples, Preset};
    /// let set = ImageDataset::new(vec![0, 255], &[1, 1, 1], vec![0, 1], 2)?;
    /// assert!(Examples::of_images(set, &Config::preset(Preset::Small))?.are_still());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn are_still(&self) -> bool {
        matches!(self.source, Source::Images(_))
    }

    /// Channels, rows and columns.
    ///
    /// # Errors
    /// [`TrainError::Config`] for images of other axes.
    ///
    /// ```
    /// # use resurge_data::ImageDataset;
    /// # use resurge_experiments::train::{Config, Examples, Preset};
    /// let set = ImageDataset::new(vec![0; 6], &[1, 2, 3], vec![0], 2)?;
    /// assert_eq!(Examples::of_images(set, &Config::preset(Preset::Small))?.image()?, [1, 2, 3]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn image(&self) -> Result<[usize; 3], TrainError> {
        match &self.source {
            Source::Images(images) => images.shape().try_into().map_err(|_| {
                TrainError::Config(format!("layers: images [C, H, W] are needed, not {:?}", images.shape()))
            }),
            Source::Recordings(..) => Ok(Dataset::NMnist.image()),
        }
    }

    /// How many samples there are of each class.
    ///
    /// ```
    /// # use resurge_data::ImageDataset;
    /// # use resurge_experiments::train::{Config, Examples, Preset};
    /// let set = ImageDataset::new(vec![0, 128, 255], &[1, 1, 1], vec![0, 2, 2], 3)?;
    /// assert_eq!(Examples::of_images(set, &Config::preset(Preset::Small))?.class_counts(), [1, 0, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes];
        for &label in self.labels() {
            // The loaders refuse a label that is no class.
            if let Some(count) = counts.get_mut(usize::from(label)) {
                *count += 1;
            }
        }
        counts
    }

    fn labels(&self) -> &[u8] {
        match &self.source {
            Source::Images(images) => images.labels(),
            Source::Recordings(recordings, _) => recordings.labels(),
        }
    }

    /// A SHA-256 of the samples as they are stored, all of them in their order with their labels,
    /// in hexadecimal digits. What the settings make of them (the scaling, the binning) does not
    /// enter it.
    ///
    /// # Errors
    /// [`TrainError::Data`] for a recording that cannot be read.
    ///
    /// ```
    /// # use resurge_data::ImageDataset;
    /// # use resurge_experiments::train::{Config, Examples, Preset};
    /// # let config = Config::preset(Preset::Small);
    /// let of = |images: Vec<u8>, labels: Vec<u8>| {
    ///     let set = ImageDataset::new(images, &[1, 1, 1], labels, 2)?;
    ///     Ok::<_, Box<dyn std::error::Error>>(Examples::of_images(set, &config)?.sha256()?)
    /// };
    /// let digest = of(vec![7, 9], vec![0, 1])?;
    /// assert_eq!((digest.len(), &digest), (64, &of(vec![7, 9], vec![0, 1])?));
    /// assert_ne!(digest, of(vec![7, 8], vec![0, 1])?); // another pixel
    /// assert_ne!(digest, of(vec![7, 9], vec![1, 0])?); // other labels
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sha256(&self) -> Result<String, TrainError> {
        let mut digest = Sha256::new();
        for size in [self.len(), self.classes].into_iter().chain(self.image()?) {
            digest.update((size as u64).to_le_bytes());
        }
        digest.update(self.labels());
        match &self.source {
            Source::Images(images) => digest.update(images.images()),
            Source::Recordings(recordings, _) => {
                // Each has a digest of its own, so that they can be read on all threads.
                let digest_of =
                    |index| recordings.recording(index).map(|recording| of_events(recording.events()));
                let all: Result<Vec<_>, _> = (0..recordings.len()).into_par_iter().map(digest_of).collect();
                all?.iter().for_each(|one| digest.update(one));
            }
        }
        Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The chosen samples, in the order given.
    ///
    /// # Errors
    /// [`TrainError::Data`] for an index that is not below [`len`](Self::len), or a damaged recording.
    ///
    /// ```
    /// # use resurge_data::ImageDataset;
    /// # use resurge_experiments::train::{Config, Examples, Preset};
    /// let config = Config::preset(Preset::Small).with(&["mean=[0.5]", "deviation=[0.25]"])?;
    /// let set = ImageDataset::new(vec![0, 255], &[1, 1, 1], vec![0, 1], 2)?;
    /// let batch = Examples::of_images(set, &config)?.batch(&[1, 0])?;
    /// assert_eq!((batch.input.as_slice(), &batch.classes[..]), (&[2.0, -2.0][..], &[1, 0][..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn batch(&self, indices: &[usize]) -> Result<Batch, TrainError> {
        let [channels, height, width] = self.image()?;
        match &self.source {
            Source::Images(images) => {
                let chosen = images.select(indices)?;
                let mut input = Tensor::zeros([1, indices.len(), channels, height, width])?;
                let planes = input.as_mut_slice().chunks_exact_mut((height * width).max(1));
                let bytes = chosen.images().chunks_exact((height * width).max(1));
                for (index, (plane, bytes)) in planes.zip(bytes).enumerate() {
                    let (offset, factor) = self.scaling[index % channels];
                    for (x, &byte) in plane.iter_mut().zip(bytes) {
                        *x = (f32::from(byte) / 255.0 - offset) * factor;
                    }
                }
                Ok(Batch { input, classes: chosen.labels().iter().map(|&c| usize::from(c)).collect() })
            }
            Source::Recordings(recordings, binning) => {
                let frame = channels * height * width;
                let mut spikes = Tensor::zeros([binning.steps(), indices.len(), channels, height, width])?;
                let mut classes = Vec::with_capacity(indices.len());
                for (sample, &index) in indices.iter().enumerate() {
                    let frames = recordings.recording(index)?.frames(*binning, Spikes::Clipped);
                    for (step, frames) in frames.chunks_exact(frame).enumerate() {
                        let to =
                            &mut spikes.as_mut_slice()[(step * indices.len() + sample) * frame..][..frame];
                        to.iter_mut().zip(frames).for_each(|(x, &spike)| *x = f32::from(spike));
                    }
                    classes.extend(recordings.labels().get(index).map(|&class| usize::from(class)));
                }
                Ok(Batch { input: trace_filter(&spikes, self.trace_decay)?, classes })
            }
        }
    }
}

fn of_events(events: &[Event]) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(7 * events.len());
    for event in events {
        bytes.extend([event.x, event.y, u8::from(event.on)]);
        bytes.extend(event.microseconds.to_le_bytes());
    }
    Sha256::digest(&bytes).into()
}

fn scaling(config: &Config, channels: usize) -> Result<Vec<(f32, f32)>, TrainError> {
    for (key, values) in [("mean", &config.mean), ("deviation", &config.deviation)] {
        if !values.is_empty() && values.len() != channels {
            let found = values.len();
            return Err(TrainError::Config(format!(
                "{key} has {}, but the images have {}; give one for each, or none",
                counted(found, "number"),
                counted(channels, "channel")
            )));
        }
    }
    let at = |values: &[f64], channel: usize, default: f64| values.get(channel).copied().unwrap_or(default);
    let of = |c| (at(&config.mean, c, 0.0) as f32, 1.0 / at(&config.deviation, c, 1.0) as f32);
    Ok((0..channels).map(of).collect())
}
