//! Labelled images in memory.

use crate::DataError;

/// Labelled images (or frames of events) of bytes, all of one shape.
///
/// It holds at least one image.
///
/// ```
/// use resurge_data::ImageDataset;
///
/// let set = ImageDataset::new(vec![0, 255, 7, 9], &[1, 1, 2], vec![0, 1], 2)?;
/// assert_eq!((set.len(), set.shape(), set.classes()), (2, &[1, 1, 2][..], 2));
/// assert_eq!((set.image(1), set.label(1)), (Some(&[7, 9][..]), Some(1)));
/// # Ok::<(), resurge_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageDataset {
    images: Vec<u8>,
    shape: Vec<usize>,
    labels: Vec<u8>,
    classes: usize,
}

impl ImageDataset {
    /// Images `[len, shape...]` with their labels, `[len]`, each below `classes`.
    ///
    /// # Errors
    ///
    /// [`DataError::Empty`] without labels, [`DataError::Size`] unless there are exactly as many bytes as the labels
    /// and the shape ask for, [`DataError::Class`] for a label that is no class.
    ///
    /// ```
    /// use resurge_data::{DataError, ImageDataset};
    ///
    /// let error = ImageDataset::new(vec![0; 5], &[1, 1, 2], vec![0, 1], 2).unwrap_err();
    /// assert!(matches!(error, DataError::Size { expected: Some(4), found: 5 }));
    /// ```
    pub fn new(images: Vec<u8>, shape: &[usize], labels: Vec<u8>, classes: usize) -> Result<Self, DataError> {
        if labels.is_empty() {
            return Err(DataError::Empty);
        }
        let expected = shape.iter().try_fold(labels.len(), |size, &axis| size.checked_mul(axis));
        if expected != Some(images.len()) {
            return Err(DataError::Size { expected, found: images.len() });
        }
        if let Some(index) = labels.iter().position(|&label| usize::from(label) >= classes) {
            return Err(DataError::Class { index, label: labels[index], classes });
        }
        Ok(Self { images, shape: shape.to_vec(), labels, classes })
    }

    /// The number of images, at least 1.
    ///
    /// ```
    /// let set = resurge_data::ImageDataset::new(vec![0; 6], &[1, 1, 2], vec![0, 1, 1], 2)?;
    /// assert_eq!(set.len(), 3);
    /// # Ok::<(), resurge_data::DataError>(())
    /// ```
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image, which [`new`](Self::new) refuses: `false`.
    ///
    /// ```
    /// let set = resurge_data::ImageDataset::new(vec![0], &[1], vec![0], 1)?;
    /// assert!(!set.is_empty());
    /// # Ok::<(), resurge_data::DataError>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The shape of one image: `[channels, rows, columns]`, or `[steps, channels, rows, columns]` for frames of
    /// events.
    ///
    /// ```
    /// let set = resurge_data::ImageDataset::new(vec![0; 6], &[3, 1, 2], vec![0], 2)?;
    /// assert_eq!(set.shape(), [3, 1, 2]);
    /// # Ok::<(), resurge_data::DataError>(())
    /// ```
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of classes.
    ///
    /// ```
    /// let set = resurge_data::ImageDataset::new(vec![0], &[1], vec![0], 7)?;
    /// assert_eq!(set.classes(), 7);
    /// # Ok::<(), resurge_data::DataError>(())
    /// ```
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// All bytes, shape `[len, shape...]`.
    ///
    /// ```
    /// let set = resurge_data::ImageDataset::new(vec![3, 4], &[1], vec![0, 0], 1)?;
    /// assert_eq!(set.images(), [3, 4]);
    /// # Ok::<(), resurge_data::DataError>(())
    /// ```
    pub fn images(&self) -> &[u8] {
        &self.images
    }

    /// The bytes of image `index`; `None` if there is no such image.
    ///
    /// ```
    /// let set = resurge_data::ImageDataset::new(vec![3, 4], &[1], vec![0, 0], 1)?;
    /// assert_eq!((set.image(1), set.image(2)), (Some(&[4][..]), None));
    /// # Ok::<(), resurge_data::DataError>(())
    /// ```
    pub fn image(&self, index: usize) -> Option<&[u8]> {
        let size = self.images.len() / self.len();
        let start = index.checked_mul(size)?;
        (index < self.len()).then(|| &self.images[start..start + size])
    }

    /// All labels, shape `[len]`.
    ///
    /// ```
    /// let set = resurge_data::ImageDataset::new(vec![3, 4], &[1], vec![1, 0], 2)?;
    /// assert_eq!(set.labels(), [1, 0]);
    /// # Ok::<(), resurge_data::DataError>(())
    /// ```
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The class of image `index`; `None` if there is no such image.
    ///
    /// ```
    /// let set = resurge_data::ImageDataset::new(vec![3, 4], &[1], vec![1, 0], 2)?;
    /// assert_eq!((set.label(0), set.label(2)), (Some(1), None));
    /// # Ok::<(), resurge_data::DataError>(())
    /// ```
    pub fn label(&self, index: usize) -> Option<u8> {
        self.labels.get(index).copied()
    }

    /// The first `n` images, or all if there are fewer.
    ///
    /// # Errors
    ///
    /// [`DataError::Empty`] for `n = 0`.
    ///
    /// ```
    /// let set = resurge_data::ImageDataset::new(vec![3, 4, 5], &[1], vec![0; 3], 1)?;
    /// assert_eq!(set.first(2)?.images(), [3, 4]);
    /// # Ok::<(), resurge_data::DataError>(())
    /// ```
    pub fn first(&self, n: usize) -> Result<Self, DataError> {
        self.select(&(0..n.min(self.len())).collect::<Vec<_>>())
    }

    /// `n` images, as equally many of each class as there are, or all if there are fewer: see
    /// [`balanced`], which chooses them.
    ///
    /// # Errors
    ///
    /// [`DataError::Empty`] for `n = 0`.
    ///
    /// ```
    /// let set = resurge_data::ImageDataset::new(vec![3, 4, 5], &[1], vec![0, 0, 1], 2)?;
    /// assert_eq!(set.limit(2)?.images(), [3, 5]);
    /// # Ok::<(), resurge_data::DataError>(())
    /// ```
    pub fn limit(&self, n: usize) -> Result<Self, DataError> {
        self.select(&balanced(&self.labels, n))
    }

    /// The chosen images with their labels, in the order given. An index may come twice.
    ///
    /// # Errors
    ///
    /// [`DataError::Index`] for the first index that is not below [`len`](Self::len), [`DataError::Empty`] for none.
    ///
    /// ```
    /// let set = resurge_data::ImageDataset::new(vec![3, 4, 5], &[1], vec![0, 0, 1], 2)?;
    /// let two = set.select(&[2, 0])?;
    /// assert_eq!((two.images(), two.labels()), (&[5, 3][..], &[1, 0][..]));
    /// # Ok::<(), resurge_data::DataError>(())
    /// ```
    pub fn select(&self, indices: &[usize]) -> Result<Self, DataError> {
        if indices.is_empty() {
            return Err(DataError::Empty);
        }
        let mut images = Vec::with_capacity(indices.len() * (self.images.len() / self.len()));
        let mut labels = Vec::with_capacity(indices.len());
        for &index in indices {
            let image = self.image(index).ok_or(DataError::Index { index, len: self.len() })?;
            images.extend_from_slice(image);
            labels.push(self.labels[index]);
        }
        Ok(Self { images, labels, shape: self.shape.clone(), classes: self.classes })
    }
}

/// Chooses `n` of the labelled things, as equally many of each class as there are; all if there are fewer.
///
/// The first of each class are taken, in rounds: one of every class that has any left, the classes in their order,
/// then the next. The indices come in ascending order, so that a limited set keeps the order of the whole.
///
/// ```
/// use resurge_data::balanced;
///
/// // One of each class, then the second of class 0.
/// assert_eq!(balanced(&[1, 1, 1, 0, 0, 2], 4), [0, 3, 4, 5]);
/// ```
pub fn balanced(labels: &[u8], n: usize) -> Vec<usize> {
    let mut seen = [0_usize; 256];
    let mut rounds: Vec<(usize, u8, usize)> = labels
        .iter()
        .enumerate()
        .map(|(index, &label)| {
            let round = seen[usize::from(label)];
            seen[usize::from(label)] += 1;
            (round, label, index)
        })
        .collect();
    rounds.sort_unstable();
    let mut chosen: Vec<usize> = rounds.into_iter().take(n).map(|(_, _, index)| index).collect();
    chosen.sort_unstable();
    chosen
}
