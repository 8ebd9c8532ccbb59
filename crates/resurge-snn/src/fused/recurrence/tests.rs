use super::*;

fn lif() -> Cell {
    Cell::lif(Surrogate::atan(2.0).unwrap())
}

#[test]
fn pieces_cut_a_row_and_none_is_empty() {
    let of = |neurons| pieces(neurons).map(|piece| (piece.start, piece.end)).collect::<Vec<_>>();
    assert!(of(0).is_empty());
    assert_eq!(of(PIECE), [(0, PIECE)]);
    assert_eq!(of(PIECE + 3), [(0, PIECE), (PIECE, PIECE + 3)]);
    assert_eq!(of(2 * PIECE), [(0, PIECE), (PIECE, 2 * PIECE)]);
}

/// Nothing is added to a first step from rest, and a trace that is the spike is not filtered.
#[test]
fn what_changes_nothing_is_left_out() {
    for (initial, left) in [(0.0, None), (1.0, Some(0.25)), (-0.5, Some(-0.125))] {
        let cell = lif().with_decay(0.25).unwrap().with_initial_potential(initial).unwrap();
        assert_eq!(Recurrence::<f64>::of(&cell).unwrap().initial, left, "{initial}");
    }
    for (beta, trace) in [(0.0, None), (0.25, Some((0.25, 0.75)))] {
        let cell = lif().with_trace_decay(beta).unwrap();
        assert_eq!(Recurrence::<f64>::of(&cell).unwrap().trace, trace, "{beta}");
    }
}

/// Where nothing scales it, `delta` is read where it stands.
#[test]
fn the_gradient_of_a_current_is_written_where_it_is_another_alone() {
    let (delta, gate) = ([2.0, 3.0, 4.0], [1.0, 0.0, 1.0]);
    let cell = lif().with_reset(crate::Reset::GATED_INPUT).unwrap();
    let plain = Recurrence::<f64>::of(&cell).unwrap();
    let mut room = [7.0; 3];
    assert!(std::ptr::eq(plain.current_gradient_in(&delta, None, &mut room), &delta[..]));
    assert_eq!(room, [7.0; 3]);
    assert_eq!(plain.current_gradient_in(&delta, Some(&gate[..]), &mut room), [0.0, 3.0, 0.0]);
    let scaled = Recurrence::<f64>::of(&cell.with_input_gain(0.5).unwrap()).unwrap();
    assert_eq!(scaled.current_gradient_in(&delta, None, &mut room), [1.0, 1.5, 2.0]);
    assert_eq!(scaled.current_gradient_in(&delta, Some(&gate[..]), &mut room), [0.0, 1.5, 0.0]);
}
