use super::*;

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
