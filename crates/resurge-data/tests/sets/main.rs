//! The readers of the larger data sets, on small files made here; `official.rs` reads the real ones where they are.
// Tests write whatever they need.
#![allow(clippy::disallowed_methods)]

mod check;
mod cifar10;
mod dataset;
#[cfg(feature = "fetch")]
mod fetch;
mod idx;
mod make;
mod mnist;
mod nmnist;
mod official;
mod places;
