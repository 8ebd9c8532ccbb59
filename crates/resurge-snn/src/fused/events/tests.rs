use super::*;

const ROWS: [&[u32]; 4] = [&[0, 3], &[], &[1, 2, 4], &[4]];

fn events() -> Events {
    let mut events = Events::default();
    events.clear(5);
    for row in ROWS {
        events.push_row(&[row.iter().map(|&i| 1 << i).sum()]);
    }
    events
}

#[test]
fn rows_are_the_positions_of_bits() {
    let events = events();
    assert_eq!((events.rows(), events.len()), (4, 6));
    for (row, expected) in ROWS.iter().enumerate() {
        assert_eq!(&events.row(row), expected);
    }
    let mut long = Events::default();
    // Used before, with other sizes: what is left in the buffers does not matter.
    long.clear(1);
    long.push_row(&[1]);
    long.clear(2 * TILE + 1);
    let all = [u64::MAX; 2 * TILE / WORD + 1];
    long.push_row(&all);
    long.push_row(&[0, 1 << 63, 1]);
    assert_eq!(long.row(0), Vec::from_iter(0..2 * TILE as u32 + 64));
    assert_eq!(long.row(1), &[127, 128]);
    assert_eq!(long.tile(0, 1), Vec::from_iter(TILE as u32..2 * TILE as u32));
    assert_eq!((long.tile(1, 0), long.tile(1, 1), long.tile(1, 2)), (&[127, 128][..], &[][..], &[][..]));
}

#[test]
fn transposed() {
    let mut by_input = Events::default();
    by_input.clear(TILE);
    events().transpose_into(5, &mut by_input);
    let columns: Vec<&[u32]> = (0..5).map(|column| by_input.row(column)).collect();
    assert_eq!(columns, [&[0][..], &[2], &[2], &[0], &[2, 3]]);
    assert_eq!(by_input.rows(), 5);
    // Room that is there already stays.
    let room = by_input.indices.len();
    let mut few = Events::default();
    few.clear(5);
    few.push_row(&[0b10]);
    few.transpose_into(5, &mut by_input);
    assert_eq!((by_input.len(), by_input.row(1), by_input.indices.len()), (1, &[0][..], room));
}

#[test]
fn sums_are_those_of_the_dense_products_at_every_width() {
    for outputs in [1, 10, 16, 17, 31, 40, 62, 63, 64, 65, 100, 130] {
        let weight: Vec<f64> = (0..outputs * 5).map(|i| ((i * 37 + 11) % 101) as f64).collect();
        let stripes = Stripes::from_weight(&weight, 5, outputs);
        assert_eq!(stripes.stored(), 5 * 16 * outputs.div_ceil(16), "{outputs}: whole halves of stripes");
        let mut out = vec![f64::NAN; 4 * outputs];
        stripes.gather(&events(), &mut out);
        for (row, expected) in ROWS.iter().enumerate() {
            for k in 0..outputs {
                let sum: f64 = expected.iter().map(|&i| weight[k * 5 + i as usize]).sum();
                assert_eq!(out[row * outputs + k], sum, "{outputs} outputs, row {row}, column {k}");
            }
        }
        // Two transposed copies come back, with the scattered rows added.
        let mut by_input = Events::default();
        events().transpose_into(5, &mut by_input);
        let mut gradient = stripes.clone();
        gradient.scatter(&by_input, &out, &mut vec![f64::NAN; 3]);
        let mut total = vec![0.0; outputs * 5];
        gradient.add(&stripes);
        gradient.add_to_weight(&mut total);
        for input in 0..5usize {
            for k in 0..outputs {
                let rows = (0..4).filter(|&row| ROWS[row].contains(&(input as u32)));
                let sum: f64 = rows.map(|row| out[row * outputs + k]).sum();
                assert_eq!(total[k * 5 + input], 2.0 * weight[k * 5 + input] + sum, "{outputs} {input} {k}");
            }
        }
    }
}

/// Also of none, whose sums are 0, and of one, and where the last tile is full.
#[test]
fn tiles_of_inputs_add_up() {
    for inputs in [0, 1, 64, TILE, TILE + 1, 2 * TILE, 2 * TILE + 7] {
        let spikes: [&[usize]; 4] = [&[0, TILE - 1, TILE, 2 * TILE + 6], &[2 * TILE, 5], &[], &[TILE - 1]];
        let within = |row: &[usize]| row.iter().copied().filter(|&i| i < inputs).collect::<Vec<_>>();
        let spikes = spikes.map(within);
        let mut events = Events::default();
        events.clear(inputs);
        for row in &spikes {
            let mut words = vec![0; inputs.div_ceil(WORD)];
            row.iter().for_each(|i| words[i / WORD] |= 1 << (i % WORD));
            events.push_row(&words);
        }
        let weight: Vec<f64> = (0..80 * inputs).map(|i| (i % 97) as f64).collect();
        let stripes = Stripes::from_weight(&weight, inputs, 80);
        let mut out = vec![f64::NAN; 4 * 80];
        stripes.gather(&events, &mut out);
        for (row, spikes) in spikes.iter().enumerate() {
            for k in 0..80 {
                let sum: f64 = spikes.iter().map(|i| weight[k * inputs + i]).sum();
                assert_eq!(out[row * 80 + k], sum, "{inputs} inputs, row {row}, column {k}");
            }
        }
        let mut back = vec![0.0; 80 * inputs];
        stripes.add_to_weight(&mut back);
        assert_eq!(back, weight, "{inputs} inputs");
    }
}

/// A whole stripe goes on with the sum of the tiles before, term by term; what stands behind the last whole one adds
/// up the terms of a tile first. In 2^53 + 1 + 1 the two differ.
#[test]
fn a_whole_stripe_adds_term_by_term() {
    let inputs = TILE + 2;
    let large = 2.0_f64.powi(53);
    let mut weight = vec![0.0; 40 * inputs];
    for row in weight.chunks_mut(inputs) {
        (row[0], row[TILE], row[TILE + 1]) = (large, 1.0, 1.0);
    }
    let mut events = Events::default();
    events.clear(inputs);
    events.push_row(&[1, 0, 0, 0b11]);
    let mut out = vec![f64::NAN; 40];
    Stripes::from_weight(&weight, inputs, 40).gather(&events, &mut out);
    assert_eq!(out[..32], [large; 32]);
    assert_eq!(out[32..], [large + 2.0; 8]);
}

#[test]
fn a_row_has_the_tiles_of_its_columns() {
    let mut events = Events::default();
    assert_eq!(events.len(), 0);
    for (columns, tiles) in [(0, 1), (1, 1), (TILE - 1, 1), (TILE, 1), (TILE + 1, 2), (2 * TILE, 2)] {
        events.clear(columns);
        assert_eq!((events.tiles, events.rows(), events.len()), (tiles, 0, 0), "{columns}");
    }
}

/// Room for the positions doubles when there is none left for a full row, and is kept.
#[test]
fn room_for_positions_doubles() {
    let mut events = Events::default();
    events.clear(WORD);
    for expected in [64, 192, 192, 448, 448] {
        events.push_row(&[u64::MAX]);
        assert_eq!(events.indices.len(), expected);
    }
    events.clear(WORD);
    events.push_row(&[0b100]);
    assert_eq!((events.row(0), events.indices.len()), (&[2][..], 448));
}

#[test]
fn room_grows_and_is_kept() {
    let mut buffer = vec![1.0, 2.0, 3.0];
    assert_eq!(room(&mut buffer, 2), [1.0, 2.0]);
    assert_eq!(buffer, [1.0, 2.0, 3.0]);
    assert_eq!(room(&mut buffer, 5), [1.0, 2.0, 3.0, 0.0, 0.0]);
    // A scatter packs a stripe of each row, and no more.
    let mut by_input = Events::default();
    events().transpose_into(5, &mut by_input);
    let (mut packed, adjoint) = (Vec::new(), vec![1.0; 4 * 40]);
    let mut sums = Stripes::<f64>::default();
    sums.clear(5, 40);
    sums.scatter(&by_input, &adjoint, &mut packed);
    assert_eq!(packed.len(), 4 * 32);
}

#[test]
fn dense_rows() {
    let mut dense = vec![7.0; 3];
    events().to_dense(5, &mut dense);
    let expected = [1., 0., 0., 1., 0., 0., 0., 0., 0., 0., 0., 1., 1., 0., 1., 0., 0., 0., 0., 1.];
    assert_eq!(dense, expected);
}
