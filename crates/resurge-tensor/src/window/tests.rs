use super::*;
use crate::Tensor;

fn ramp(shape: [usize; 4]) -> Tensor<f64> {
    Tensor::from_fn(shape, |i| (i as f64 * 1.7).sin()).unwrap()
}

#[test]
fn rows_that_no_whole_window_covers_are_left_out() {
    let image = Tensor::from_fn([1, 1, 3, 5], |i| i as f64).unwrap();
    let pooled = image.sum_pool2d(Window2d::new([2, 2])).unwrap();
    assert_eq!(pooled.shape(), &[1, 1, 1, 2].into());
    assert_eq!(pooled.as_slice(), &[0.0 + 1.0 + 5.0 + 6.0, 2.0 + 3.0 + 7.0 + 8.0]);
}

#[test]
fn overlapping_and_padded_windows() {
    let image = Tensor::from_vec([1, 1, 1, 3], vec![1.0, 2.0, 4.0]).unwrap();
    let window = Window2d::new([1, 2]).with_stride([1, 1]);
    assert_eq!(image.sum_pool2d(window).unwrap().as_slice(), &[3.0, 6.0]);
    let padded = window.with_padding([0, 1]);
    assert_eq!(image.sum_pool2d(padded).unwrap().as_slice(), &[1.0, 3.0, 6.0, 4.0]);
    // The maximum of a negative image is not the padding's 0.
    let (_, places) = image.scale(-1.0).argmax_pool2d(padded).unwrap();
    assert_eq!(places, vec![0, 0, 1, 2]);
}

/// By the definition: element after element of the window, and position after position.
#[test]
fn runs_are_the_parts_of_a_window_that_lie_on_the_image() {
    let mut windows = 0;
    for bits in 0..5 * 4 * 7 * 4 {
        let (kernel, stride, padding, extent) =
            (bits % 5 + 1, bits / 5 % 4 + 1, bits / 20 % 7, bits / 140 + 1);
        let window = Window2d::new([kernel, 2]).with_stride([stride, 1]).with_padding([padding, 1]);
        let image = [extent, 3];
        let Ok(positions) = window.positions("test", image) else { continue };
        let mut expected = Vec::new();
        for tap in 0..kernel * 2 {
            for place in 0..positions[0] * positions[1] {
                let row = (place / positions[1] * stride + tap / 2).checked_sub(padding);
                let column = (place % positions[1] + tap % 2).checked_sub(1);
                let (Some(row), Some(column)) = (row, column) else { continue };
                if row < extent && column < 3 {
                    expected.push((tap, place, row * 3 + column));
                }
            }
        }
        let mut found = Vec::new();
        window.runs(image, positions, |run| {
            found.extend((0..run.len).map(|k| (run.tap, run.place + k, run.at + k)));
        });
        assert_eq!(found, expected, "{window}");
        windows += 1;
    }
    assert!(windows > 400, "{windows}");
}

/// A loop over these windows would not come to an end.
#[test]
fn a_window_far_beyond_the_image_costs_no_more_than_the_image() {
    let far = 1 << 40;
    let window = Window2d::new([far + 1, far + 1]).with_padding([far, far]).with_stride([far / 2, far]);
    let image = Tensor::from_vec([1, 1, 2, 2], vec![1.0, 2.0, 4.0, 8.0]).unwrap();
    // Down, the window ends at the first row, has all of them in its middle, and begins at the first row.
    let sums = image.sum_pool2d(window).unwrap();
    assert_eq!((&sums.shape()[..], sums.as_slice()), (&[1, 1, 3, 2][..], &[1., 3., 5., 15., 5., 15.][..]));
    let shares: Tensor<f64> = sums.map(|x| x * window.share::<f64>());
    assert_eq!(image.avg_pool2d(window).unwrap(), shares);
    assert_eq!(image.argmax_pool2d(window).unwrap().1, vec![0, 1, 2, 3, 2, 3]);
    let back = Tensor::full([1, 1, 3, 2], 1.0).unwrap().sum_pool2d_transposed(window, image.shape()).unwrap();
    assert_eq!(back.as_slice(), &[6.0, 3.0, 4.0, 2.0]);
}

#[test]
fn a_mean_is_the_sum_by_the_size_of_the_window() {
    let window = Window2d::new([2, 2]).with_padding([1, 0]);
    assert_eq!((window.padding(), window.share::<f64>()), ([1, 0], 0.25));
    let x = ramp([1, 2, 4, 6]);
    let (sum, mean) = (x.sum_pool2d(window).unwrap(), x.avg_pool2d(window).unwrap());
    assert_eq!(mean, sum.map(|v| v * 0.25));
}

/// <pool x, y> = <x, transpose y>.
#[test]
fn the_transpose_is_the_transpose() {
    let dot = |a: &Tensor<f64>, b: &Tensor<f64>| a.mul(b).unwrap().sum();
    for (shape, window) in [
        ([2, 3, 4, 6], Window2d::new([2, 3])),
        ([1, 2, 5, 5], Window2d::new([3, 2]).with_stride([1, 2]).with_padding([2, 1])),
        ([0, 2, 2, 2], Window2d::new([2, 2])),
        // Neighbours side by side, and what no window covers.
        ([2, 3, 4, 6], Window2d::new([2, 2])),
        ([1, 1, 2, 7], Window2d::new([2, 2])),
    ] {
        let x = ramp(shape);
        let pooled = x.sum_pool2d(window).unwrap();
        let y = pooled.map(|v| v.cos());
        let back = y.sum_pool2d_transposed(window, x.shape()).unwrap();
        assert!((dot(&pooled, &y) - dot(&x, &back)).abs() < 1e-13);
    }
}

#[test]
fn ties_go_to_the_first_and_nan_is_kept() {
    let places = |values: [f64; 4]| {
        let image = Tensor::from_vec([1, 1, 2, 2], values.to_vec()).unwrap();
        image.argmax_pool2d(Window2d::new([2, 2])).unwrap().1
    };
    assert_eq!(places([1.0, 1.0, 1.0, 1.0]), vec![0]);
    assert_eq!(places([0.0, 1.0, 1.0, 0.0]), vec![1]);
    assert_eq!(places([0.0, 1.0, f64::NAN, f64::NAN]), vec![2]);
    assert_eq!(places([f64::NAN, 1.0, 2.0, 3.0]), vec![0]);
    assert_eq!(places([f64::NEG_INFINITY; 4]), vec![0]);
}

#[test]
fn windows_that_do_not_fit_are_named() {
    let image = ramp([1, 1, 3, 3]);
    let message = |window: Window2d| image.sum_pool2d(window).unwrap_err().to_string();
    assert!(message(Window2d::new([4, 1])).contains("fit into the padded image"));
    assert!(message(Window2d::new([0, 1])).contains("at least 1"));
    assert!(message(Window2d::new([1, 1]).with_stride([1, 0])).contains("at least 1"));
    let padded = message(Window2d::new([2, 2]).with_padding([0, 2]));
    assert!(padded.contains("sum_pool2d: a window of 2x2, stride 2x2, padding 0x2"), "{padded}");
    assert!(padded.contains("smaller than its window"), "{padded}");
    let huge = Window2d::new([1, 1]).with_padding([usize::MAX, 0]);
    assert!(huge.positions("test", [3, 3]).unwrap_err().to_string().contains("test: "));
    assert!(ramp([1, 1, 0, 3]).sum_pool2d(Window2d::new([1, 1])).is_err());
    let flat = Tensor::<f64>::zeros([3, 3]).unwrap();
    let window = Window2d::new([2, 2]);
    assert!(matches!(flat.argmax_pool2d(window), Err(TensorError::Rank { op: "max_pool2d", .. })));
    assert!(matches!(flat.sum_pool2d_transposed(window, image.shape()), Err(TensorError::Shape { .. })));
}
