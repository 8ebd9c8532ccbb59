//! The settings that ship with Resurge.

use resurge_data::Dataset;

/// The settings that ship with Resurge.
///
/// ```
/// use resurge_experiments::train::{Config, Preset};
///
/// assert_eq!(Preset::ALL.map(Preset::name), ["mnist", "nmnist", "cifar10", "small"]);
/// assert_eq!(Config::preset(Preset::NMnist).steps, 30);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Preset {
    /// 15C5-P2-40C5-P2-300-10 in 5 steps, for MNIST and Fashion-MNIST.
    Mnist,
    /// 12C5-P2-64C5-P2-10 in 30 steps, for N-MNIST.
    NMnist,
    /// 96C3-256C3-P2-384C3-P2-384C3-256C3-1024-1024-10 in 5 steps, for CIFAR-10.
    Cifar10,
    /// 4C5-P4-10, for tests and a first look.
    Small,
}

impl Preset {
    /// All of them.
    ///
    /// ```
    /// use resurge_experiments::train::{Config, Preset};
    ///
    /// assert!(Preset::ALL.iter().all(|&preset| Config::from_toml(preset.text()).is_ok()));
    /// ```
    pub const ALL: [Self; 4] = [Self::Mnist, Self::NMnist, Self::Cifar10, Self::Small];

    /// That of a data set.
    ///
    /// ```
    /// use resurge_data::Dataset;
    /// use resurge_experiments::train::Preset;
    ///
    /// assert_eq!(Preset::of(Dataset::FashionMnist), Preset::Mnist);
    /// ```
    pub fn of(dataset: Dataset) -> Self {
        match dataset {
            Dataset::Mnist | Dataset::FashionMnist => Self::Mnist,
            Dataset::NMnist => Self::NMnist,
            Dataset::Cifar10 => Self::Cifar10,
        }
    }

    /// The name on the command line.
    ///
    /// ```
    /// assert_eq!(resurge_experiments::train::Preset::NMnist.name(), "nmnist");
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::Mnist => "mnist",
            Self::NMnist => "nmnist",
            Self::Cifar10 => "cifar10",
            Self::Small => "small",
        }
    }

    /// The TOML text.
    ///
    /// ```
    /// assert!(resurge_experiments::train::Preset::Mnist.text().contains("conv 15 5"));
    /// ```
    pub fn text(self) -> &'static str {
        match self {
            Self::Mnist => include_str!("presets/mnist.toml"),
            Self::NMnist => include_str!("presets/nmnist.toml"),
            Self::Cifar10 => include_str!("presets/cifar10.toml"),
            Self::Small => include_str!("presets/small.toml"),
        }
    }
}
