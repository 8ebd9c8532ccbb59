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
}

#[test]
fn sums_are_those_of_the_dense_products_at_every_width() {
    for outputs in [1, 10, 16, 17, 40, 63, 64, 65, 100, 130] {
        let weight: Vec<f64> = (0..outputs * 5).map(|i| ((i * 37 + 11) % 101) as f64).collect();
        let stripes = Stripes::from_weight(&weight, 5, outputs);
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

#[test]
fn tiles_of_inputs_add_up() {
    let inputs = 2 * TILE + 7;
    let spikes: [&[usize]; 3] = [&[0, TILE - 1, TILE, 2 * TILE + 6], &[2 * TILE], &[]];
    let mut events = Events::default();
    events.clear(inputs);
    for row in spikes {
        let mut words = vec![0; inputs.div_ceil(WORD)];
        row.iter().for_each(|i| words[i / WORD] |= 1 << (i % WORD));
        events.push_row(&words);
    }
    let weight: Vec<f64> = (0..40 * inputs).map(|i| (i % 97) as f64).collect();
    let mut out = vec![f64::NAN; 3 * 40];
    Stripes::from_weight(&weight, inputs, 40).gather(&events, &mut out);
    for (row, spikes) in spikes.iter().enumerate() {
        for k in 0..40 {
            let sum: f64 = spikes.iter().map(|i| weight[k * inputs + i]).sum();
            assert_eq!(out[row * 40 + k], sum, "row {row}, column {k}");
        }
    }
}

#[test]
fn dense_rows() {
    let mut dense = vec![7.0; 3];
    events().to_dense(5, &mut dense);
    let expected = [1., 0., 0., 1., 0., 0., 0., 0., 0., 0., 0., 1., 1., 0., 1., 0., 0., 0., 0., 1.];
    assert_eq!(dense, expected);
}
