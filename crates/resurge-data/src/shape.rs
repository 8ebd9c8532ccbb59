//! What the samples of each data set are like, from its reader.

use crate::{Dataset, cifar10, mnist, nmnist};

impl Dataset {
    /// The shape of a sample: channels (of colour, or polarities of events), height, width.
    ///
    /// ```
    /// assert_eq!(resurge_data::Dataset::Cifar10.image(), [3, 32, 32]);
    /// ```
    pub fn image(self) -> [usize; 3] {
        match self {
            Self::Mnist | Self::FashionMnist => [1, mnist::SIDE, mnist::SIDE],
            Self::NMnist => [2, nmnist::SIDE, nmnist::SIDE],
            Self::Cifar10 => [cifar10::CHANNELS, cifar10::SIDE, cifar10::SIDE],
        }
    }

    /// The number of classes.
    ///
    /// ```
    /// assert_eq!(resurge_data::Dataset::Mnist.classes(), 10);
    /// ```
    pub fn classes(self) -> usize {
        match self {
            Self::Mnist | Self::FashionMnist => mnist::CLASSES,
            Self::NMnist => nmnist::CLASSES,
            Self::Cifar10 => cifar10::CLASSES,
        }
    }
}
