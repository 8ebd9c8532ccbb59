//! Layers between cells, each over a whole sequence `[T, B, features...]`.

mod linear;

pub use linear::linear;
