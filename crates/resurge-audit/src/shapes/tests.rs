use super::*;
use resurge_tensor::Tensor;

#[test]
fn products_stop_at_the_largest_number() {
    assert_eq!((product(&[]), product(&[2, 3, 4]), product(&[usize::MAX, 2])), (1, 24, usize::MAX));
}

/// The positions of a window, counted one by one.
#[test]
fn a_window_has_as_many_positions_as_fit() {
    for (size, kernel, stride, padding) in
        [(7, 3, 2, 0), (7, 3, 2, 1), (8, 3, 2, 1), (5, 5, 1, 0), (5, 1, 4, 0), (1, 3, 1, 1), (2, 6, 1, 2)]
    {
        let padded = size + 2 * padding;
        let counted = (0..padded).step_by(stride).filter(|start| start + kernel <= padded).count();
        assert_eq!(positions(size, kernel, stride, padding), Some(counted), "{size} {kernel} {stride}");
    }
    // No window, no step, a window that can lie in the padding alone, one that is larger than the image.
    for (size, kernel, stride, padding) in [
        (5, 0, 1, 0),
        (5, 2, 0, 0),
        (5, 2, 1, 2),
        (5, 2, 1, 3),
        (4, 6, 1, 0),
        (2, 6, 1, 1),
        (1, 2, 1, usize::MAX),
    ] {
        assert_eq!(positions(size, kernel, stride, padding), None, "{size} {kernel} {stride} {padding}");
    }
}

fn conv(stride: [usize; 2], padding: [usize; 2], groups: usize) -> Conv {
    Conv { bias: false, stride, padding, groups, class: None }
}

fn shape_of(conv: &Conv, kernel: &[usize], images: [usize; 5]) -> Option<Vec<usize>> {
    let data = LayerData { weight: Some(Tensor::zeros(kernel).unwrap()), ..LayerData::default() };
    convolved(0, conv, &data, images).ok().map(|shape| shape.to_vec())
}

/// Rows and columns by a window that is moved, each with its own stride, padding and kernel.
#[test]
fn a_convolution_has_the_shape_of_its_positions() {
    for (stride, padding, kernel, [h, w]) in [
        ([1, 1], [0, 0], [3, 2], [5, 7]),
        ([2, 3], [1, 0], [3, 3], [7, 8]),
        ([1, 2], [2, 3], [1, 3], [4, 3]),
        ([3, 1], [4, 5], [2, 5], [4, 3]),
    ] {
        let counted = |axis: usize, size: usize| {
            let padded = size + 2 * padding[axis];
            (0..padded).step_by(stride[axis]).filter(|start| start + kernel[axis] <= padded).count()
        };
        let expected = vec![2, 3, 4, counted(0, h), counted(1, w)];
        let found = shape_of(&conv(stride, padding, 1), &[4, 6, kernel[0], kernel[1]], [2, 3, 6, h, w]);
        assert_eq!(found, Some(expected), "{stride:?} {padding:?} {kernel:?}");
    }
}

#[test]
fn groups_and_windows_that_do_not_fit_are_refused() {
    let of = |groups: usize, kernel: [usize; 4], channels: usize| {
        shape_of(&conv([1, 1], [0, 0], groups), &kernel, [1, 1, channels, 5, 5]).is_some()
    };
    assert!(of(1, [4, 6, 3, 3], 6) && of(2, [4, 3, 3, 3], 6) && of(6, [6, 1, 3, 3], 6));
    // No group; channels, or outputs, that it does not divide; a kernel of other channels.
    assert!(!of(0, [4, 6, 3, 3], 6) && !of(4, [4, 1, 3, 3], 6) && !of(3, [4, 2, 3, 3], 6));
    assert!(!of(2, [4, 6, 3, 3], 6) && !of(1, [4, 5, 3, 3], 6));
    let of = |stride: [usize; 2], padding: [usize; 2], kernel: [usize; 2], images: [usize; 2]| {
        let [h, w] = images;
        shape_of(&conv(stride, padding, 1), &[1, 1, kernel[0], kernel[1]], [1, 1, 1, h, w]).is_some()
    };
    for axis in [0, 1] {
        let at = |value: usize, other: usize| if axis == 0 { [value, other] } else { [other, value] };
        assert!(!of(at(0, 1), [0, 0], [1, 1], [3, 3]));
        // A padding as large as the image or the kernel, and no larger.
        assert!(of([1, 1], at(3, 0), [1, 1], [3, 3]) && !of([1, 1], at(4, 0), [1, 1], [3, 3]));
        assert!(of([1, 1], at(5, 0), at(5, 1), [3, 3]) && !of([1, 1], at(6, 0), at(5, 1), [3, 3]));
        assert!(of([1, 1], [0, 0], at(3, 1), [3, 3]) && !of([1, 1], [0, 0], at(4, 1), [3, 3]));
        assert!(!of([1, 1], at(usize::MAX, 0), [1, 1], [3, 3]));
    }
    let none = LayerData::default();
    let error = convolved(3, &conv([1, 1], [0, 0], 1), &none, [1, 1, 1, 3, 3]).unwrap_err().to_string();
    assert!(error.contains("layers.3.weight") && error.contains("it is no kernel"), "{error}");
}

/// Rows from the height and columns from the width, each with its own window.
#[test]
fn a_pool_has_rows_and_columns_of_its_own() {
    let pool = |kernel, stride, padding| Pool { kernel, stride, padding, class: None };
    let of = |pool: &Pool| pooled("a place", pool, [2, 3, 4, 9, 5]).ok().map(|shape| shape.to_vec());
    assert_eq!(of(&pool([3, 2], None, [0, 0])), Some(vec![2, 3, 4, 3, 2]));
    assert_eq!(of(&pool([3, 2], Some([1, 3]), [1, 0])), Some(vec![2, 3, 4, 9, 2]));
    assert_eq!(of(&pool([1, 5], None, [0, 0])), Some(vec![2, 3, 4, 9, 1]));
    assert_eq!(of(&pool([1, 6], None, [0, 0])), None);
    let error = pooled("a place", &pool([10, 1], None, [0, 0]), [2, 3, 4, 9, 5]).unwrap_err().to_string();
    assert!(error.contains("a place") && error.contains("does not fit images of 9 x 5"), "{error}");
}

/// One weight a channel, and two values of each at the least, of which the run has those of all steps.
#[test]
fn a_norm_has_two_values_of_each_channel() {
    let norm = |over: Over, epsilon: f64| Norm { bias: false, over, epsilon, class: None };
    let of = |norm: &Norm, weights: Option<usize>, input: &[usize]| {
        let weight = weights.map(|n| Tensor::zeros([n]).unwrap());
        let data = LayerData { weight, ..LayerData::default() };
        normalised(3, norm, &data, &input.into()).err().map(|error| error.to_string()).unwrap_or_default()
    };
    let [run, step] = [Over::Run, Over::Step].map(|over| norm(over, 1e-5));
    for (norm, input) in [
        (&run, &[2, 1, 3][..]),
        (&run, &[1, 2, 3]),
        (&run, &[1, 1, 3, 2, 1]),
        (&step, &[1, 2, 3]),
        (&step, &[1, 1, 3, 1, 2]),
    ] {
        assert_eq!(of(norm, Some(3), input), "", "{norm:?} {input:?}");
    }
    for (norm, input) in [(&run, &[1, 1, 3][..]), (&step, &[2, 1, 3]), (&step, &[2, 1, 3, 1, 1])] {
        let said = of(norm, Some(3), input);
        assert!(said.starts_with("layer 3, `layers[3].over`: each channel has one value"), "{said}");
    }
    let said = of(&run, Some(2), &[2, 2, 3]);
    assert!(said.starts_with("tensor `layers.3.weight`: it has 2 numbers, but 3 channels come in"), "{said}");
    assert!(of(&run, None, &[2, 2, 1]).starts_with("tensor `layers.3.weight`: it has 0 numbers"));
    // Whatever is positive.
    assert_eq!(of(&norm(Over::Run, 5e-324), Some(3), &[2, 2, 3]), "");
    for epsilon in [0.0, -1e-5] {
        let said = of(&norm(Over::Run, epsilon), Some(3), &[2, 2, 3]);
        assert!(said.starts_with("layer 3, `layers[3].epsilon`: it is"), "{said}");
    }
}
