//! Every variant of [`TensorError`] is the answer to a call that deserves it, and its text names what is wrong.
//!
//! A new variant does not compile here until it is listed, and once listed has to be provoked.

use crate::{Conv2d, Tensor, TensorError, Window2d};

/// The names of the variants, and of the variant of an error.
macro_rules! variants {
    ($error:ident: $($variant:ident),+ $(,)?) => {
        const VARIANTS: &[&str] = &[$(stringify!($variant)),+];

        fn variant(error: &$error) -> &'static str {
            match error {
                $($error::$variant { .. } => stringify!($variant),)+
            }
        }
    };
}

variants!(TensorError:
    ElementCount, TooLarge, Broadcast, Shape, Rank, InnerDimension, OutOfRange, Empty, Permutation, Window, Channels
);

fn provoked() -> Vec<(TensorError, &'static str)> {
    let zeros = |shape: &[usize]| Tensor::<f64>::zeros(shape).unwrap();
    let (matrix, image) = (zeros(&[2, 3]), zeros(&[1, 2, 4, 4]));
    vec![
        (Tensor::from_vec([2], vec![1.0]).unwrap_err(), "has 2 elements but 1 values"),
        (Tensor::<f64>::zeros([usize::MAX, 2]).unwrap_err(), "too many elements"),
        (matrix.add(&zeros(&[2])).unwrap_err(), "add: shapes [2, 3] and [2]"),
        (Tensor::stack(&[&matrix, &zeros(&[3])]).unwrap_err(), "stack: expected shape [2, 3], found [3]"),
        (zeros(&[3]).matmul(&matrix).unwrap_err(), "needs a tensor of 2 axes, found shape [3]"),
        (matrix.matmul(&matrix).unwrap_err(), "[2, 3] times [2, 3]"),
        (matrix.select(2).unwrap_err(), "index 2 is out of range for shape [2, 3], which has 2"),
        (Tensor::<f64>::stack(&[]).unwrap_err(), "stack: needs at least one tensor"),
        (matrix.permute(&[0, 0]).unwrap_err(), "[0, 0] is not a permutation"),
        (image.sum_pool2d(Window2d::new([5, 1])).unwrap_err(), "5x1, stride 5x1, padding 0x0"),
        (Conv2d::new().apply(&image, &zeros(&[1, 3, 1, 1])).unwrap_err(), "2 input channels do not fit"),
    ]
}

#[test]
fn every_variant_is_reached_and_names_what_is_wrong() {
    let provoked = provoked();
    for (error, says) in &provoked {
        assert!(error.to_string().contains(says), "{error} does not say {says:?}");
    }
    for name in VARIANTS {
        assert!(provoked.iter().any(|(error, _)| variant(error) == *name), "nothing provokes {name}");
    }
}
