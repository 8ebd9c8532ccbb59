//! A training on disk: weights, moments and counters, in safetensors, with a digest of all of it.

use super::{Config, Progress, TrainError};
use resurge_report::write_atomically;
use resurge_tensor::{Shape, Tensor};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// What a training is of: what must be the same when it is resumed.
///
/// ```
/// use resurge_experiments::train::Origin;
///
/// let dataset = "mnist".to_owned();
/// let origin = Origin { dataset, limit: Some(20), verified: true, train_samples: 20, test_samples: 20 };
/// let again: Origin = serde_json::from_str(&serde_json::to_string(&origin)?)?;
/// assert_eq!(again, origin);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The name of the data set.
    pub dataset: String,
    /// The most samples that were taken of each split, if it is a subset.
    pub limit: Option<u64>,
    /// Whether the files are the official ones, by their checksums.
    pub verified: bool,
    /// Samples to learn from.
    pub train_samples: u64,
    /// Samples to measure on.
    pub test_samples: u64,
}

impl Origin {
    /// The first thing in which this origin, "there", differs from another, "here"; in words.
    pub(crate) fn difference(&self, here: &Self) -> Option<String> {
        let subset = |limit: Option<u64>| match limit {
            Some(limit) => format!("at most {limit} samples of each split"),
            None => "all samples".into(),
        };
        let files = |verified| if verified { "the official files" } else { "files not verified" }.to_owned();
        let samples = |count: u64, split| format!("{count} {split} samples");
        let pairs = [
            (self.dataset.clone(), here.dataset.clone()),
            (subset(self.limit), subset(here.limit)),
            (files(self.verified), files(here.verified)),
            (samples(self.train_samples, "training"), samples(here.train_samples, "training")),
            (samples(self.test_samples, "test"), samples(here.test_samples, "test")),
        ];
        let differ = pairs.into_iter().find(|(there, here)| there != here);
        differ.map(|(there, here)| format!("{there} there and {here} here"))
    }
}

/// All that a training needs to go on as if it had not been stopped.
///
/// ```
/// use resurge_experiments::train::Checkpoint;
///
/// let trial = "../resurge/examples/results/compare/trials/full-seed1/checkpoint.safetensors";
/// let checkpoint = Checkpoint::read(trial.as_ref())?;
/// assert_eq!((&checkpoint.origin.dataset[..], checkpoint.progress.epochs), ("mnist", 2));
/// let (name, weight) = &checkpoint.weights[0];
/// assert_eq!((&name[..], weight.shape()), ("linear1", checkpoint.moments[0][0].shape()));
/// # Ok::<(), resurge_experiments::train::TrainError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// What it is of.
    pub origin: Origin,
    /// The settings.
    pub config: Config,
    /// How far it is.
    pub progress: Progress,
    /// The weights with their names.
    pub weights: Vec<(String, Tensor<f32>)>,
    /// AdamW's first and second moments of each weight; none before the first update.
    pub moments: [Vec<Tensor<f32>>; 2],
    /// The digests of the samples to learn from and of those to measure on
    /// ([`Examples::sha256`](super::Examples::sha256)); none in files of before they were kept, and
    /// of a training that was not run.
    pub samples_sha256: Option<[String; 2]>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    format: u32,
    origin: Origin,
    config: Config,
    progress: Progress,
    weights: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    samples_sha256: Option<[String; 2]>,
}

const FORMAT: u32 = 1;
/// How the header of the file begins its one entry of metadata: 64 digits of the digest, then the state.
const MARK: &[u8] = b"\"resurge\":\"";
const DIGITS: usize = 64;

impl Checkpoint {
    /// Writes the file so that its name never shows anything half-written.
    ///
    /// # Errors
    /// [`TrainError::Write`], [`TrainError::Checkpoint`].
    ///
    /// ```
    /// use resurge_experiments::train::Checkpoint;
    ///
    /// let trial = "../resurge/examples/results/compare/trials/full-seed1/checkpoint.safetensors";
    /// let (checkpoint, directory) = (Checkpoint::read(trial.as_ref())?, tempfile::tempdir()?);
    /// let path = directory.path().join("copy.safetensors");
    /// checkpoint.write(&path)?;
    /// assert_eq!(Checkpoint::read(&path)?, checkpoint);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write(&self, path: &Path) -> Result<(), TrainError> {
        let bytes = self.to_bytes().map_err(|problem| at(path, problem))?;
        write_atomically(path, &bytes).map_err(|source| TrainError::Write { path: path.to_owned(), source })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] for a file that is missing, of another kind, or not as it was written, down to a bit.
    ///
    /// ```
    /// let error = resurge_experiments::train::Checkpoint::read("/no/such/file".as_ref()).unwrap_err();
    /// assert!(error.to_string().starts_with("/no/such/file: "));
    /// ```
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let bytes = std::fs::read(path).map_err(|error| at(path, format!("cannot be read: {error}")))?;
        Self::from_bytes(&bytes).map_err(|problem| at(path, problem))
    }

    /// The bytes of the file. Equal trainings give equal bytes.
    ///
    /// # Errors
    /// Two weights of one name, numbers that are not finite, and what cannot be written as JSON or
    /// safetensors.
    ///
    /// ```
    /// use resurge_experiments::train::Checkpoint;
    ///
    /// let trial = "../resurge/examples/results/compare/trials/full-seed1/checkpoint.safetensors";
    /// let mut bytes = Checkpoint::read(trial.as_ref())?.to_bytes()?;
    /// assert_eq!(Checkpoint::from_bytes(&bytes)?.to_bytes()?, bytes);
    /// if let Some(last) = bytes.last_mut() {
    ///     *last ^= 1;
    /// }
    /// assert!(Checkpoint::from_bytes(&bytes).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_bytes(&self) -> Result<Vec<u8>, String> {
        no_name_twice(self.weights.iter().map(|(name, _)| name))?;
        let state = State {
            format: FORMAT,
            origin: self.origin.clone(),
            config: self.config.clone(),
            progress: self.progress.clone(),
            weights: self.weights.iter().map(|(name, _)| name.clone()).collect(),
            samples_sha256: self.samples_sha256.clone(),
        };
        let state = serde_json::to_string(&state).map_err(|error| error.to_string())?;
        let mut tensors = Vec::new();
        for (index, (name, weight)) in self.weights.iter().enumerate() {
            tensors.push((format!("{name}.weight"), weight));
            for (which, moments) in ["first", "second"].iter().zip(&self.moments) {
                tensors.extend(moments.get(index).map(|moment| (format!("{name}.{which}"), moment)));
            }
        }
        tensors.iter().try_for_each(|(name, tensor)| finite(name, tensor))?;
        let data: Vec<Vec<u8>> = tensors.iter().map(|(_, tensor)| to_le_bytes(tensor)).collect();
        let views = tensors.iter().zip(&data).map(|((name, tensor), data)| {
            let view = TensorView::new(Dtype::F32, tensor.shape().to_vec(), data);
            view.map(|view| (name.as_str(), view)).map_err(|error| error.to_string())
        });
        let views = views.collect::<Result<Vec<_>, String>>()?;
        // One entry, since a map of several has no order; the digest is of the file with zeros in its own place.
        let metadata = HashMap::from([("resurge".to_owned(), format!("{} {state}", "0".repeat(DIGITS)))]);
        let bytes = safetensors::serialize(views, Some(metadata)).map_err(|error| error.to_string())?;
        Ok(sealed(bytes).ok_or("the header has no place for the digest")?)
    }

    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// What is wrong and what to do.
    ///
    /// ```
    /// use resurge_experiments::train::Checkpoint;
    ///
    /// assert!(Checkpoint::from_bytes(b"no checkpoint").unwrap_err().contains("damaged"));
    /// ```
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let damaged = "damaged, or no checkpoint of resurge: the digest in it is not that of its content; \
                       resume from another, or train anew";
        if sealed(bytes.to_vec()).as_deref() != Some(bytes) {
            return Err(damaged.into());
        }
        // From here on the file is as a program wrote it: this one, another version, or one that forges digests.
        let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
        let metadata = header.metadata().as_ref().and_then(|all| all.get("resurge")).ok_or(damaged)?;
        let text = metadata.get(DIGITS + 1..).ok_or(damaged)?;
        let state: State = serde_json::from_str(text)
            .map_err(|error| format!("of another version of resurge ({error}); resume with that one"))?;
        if state.format != FORMAT {
            let found = state.format;
            return Err(format!(
                "of format {found}, but {FORMAT} is read; resume with the version that wrote it"
            ));
        }
        no_name_twice(&state.weights)?;
        let tensor = |name: String| {
            let view = file.tensor(&name).map_err(|error| format!("{name}: {error}"))?;
            let tensor = from_view(&view).map_err(|error| format!("{name}: {error}"))?;
            finite(&name, &tensor).map(|()| tensor)
        };
        let of = |what: &str| {
            let names = state.weights.iter().map(|name| tensor(format!("{name}.{what}")));
            names.collect::<Result<Vec<_>, String>>()
        };
        let weights = state.weights.iter().cloned().zip(of("weight")?).collect();
        let moments =
            if state.progress.updates == 0 { [vec![], vec![]] } else { [of("first")?, of("second")?] };
        let State { origin, config, progress, samples_sha256, .. } = state;
        Ok(Self { origin, config, progress, weights, moments, samples_sha256 })
    }
}

fn at(path: &Path, problem: String) -> TrainError {
    TrainError::Checkpoint { path: path.to_owned(), problem }
}

/// The file keeps each weight under its name, so that of two with one name one would be lost.
fn no_name_twice<'a>(names: impl IntoIterator<Item = &'a String>) -> Result<(), String> {
    let mut seen = HashSet::new();
    let twice = names.into_iter().find(|name| !seen.insert(name.as_str()));
    twice.map_or(Ok(()), |name| Err(format!("two weights are named {name}; give each its own name")))
}

/// A training stops before it keeps a number that is not finite; such a one would make all that
/// follow it so.
fn finite(name: &str, tensor: &Tensor<f32>) -> Result<(), String> {
    let Some(at) = tensor.as_slice().iter().position(|x| !x.is_finite()) else { return Ok(()) };
    let (value, mut rest, mut entry) = (tensor.as_slice()[at], at, vec![0; tensor.shape().rank()]);
    for (index, &length) in entry.iter_mut().zip(tensor.shape().iter()).rev() {
        (*index, rest) = (rest % length, rest / length);
    }
    Err(format!(
        "{name}, entry {entry:?}, is {value}, which no training keeps; resume from another checkpoint, or train anew"
    ))
}

/// The file with the digest that is right in its place, that of the file with zeros there; none where there is no place.
fn sealed(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let place = digest_place(&bytes)?;
    bytes[place..][..DIGITS].fill(b'0');
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    bytes[place..][..DIGITS].copy_from_slice(digest.as_bytes());
    Some(bytes)
}

/// Where the digest stands in a file.
fn digest_place(bytes: &[u8]) -> Option<usize> {
    let place = bytes.windows(MARK.len()).position(|window| window == MARK)? + MARK.len();
    (place + DIGITS <= bytes.len()).then_some(place)
}

fn to_le_bytes(tensor: &Tensor<f32>) -> Vec<u8> {
    tensor.as_slice().iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn from_view(view: &TensorView<'_>) -> Result<Tensor<f32>, String> {
    if view.dtype() != Dtype::F32 {
        return Err(format!("numbers of type {:?}, but F32 is needed", view.dtype()));
    }
    let values = view.data().as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    Tensor::from_vec(Shape::from(view.shape()), values).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
