use super::*;
use crate::fused::fused_cells;
use crate::{Cell, Firing, Reset, Surrogate};

/// The sets of vector instructions that this processor has.
fn instruction_sets() -> Vec<Arch> {
    let mut all = vec![Arch::Scalar];
    #[cfg(target_arch = "x86_64")]
    {
        all.extend(pulp::x86::V3::try_new().map(Arch::V3));
        all.extend(pulp::x86::V4::try_new().map(Arch::V4));
    }
    all
}

/// All blocks, one after the other, with rows that hold something else already.
fn run<S: Scalar>(
    arch: Arch,
    shape: &Shape,
    plane: Plane,
    width: usize,
    scratch: &mut Scratch<S>,
    kernel: &impl Kernel<S>,
) -> Tensor<S> {
    let made = Tensor::build(shape, |values| {
        for (index, rows) in plane.blocks(values, width).into_iter().enumerate() {
            let block = index * width..((index + 1) * width).min(plane.neurons);
            arch.dispatch(OnBlock { kernel, block, rows, scratch: &mut *scratch });
        }
    });
    made.unwrap()
}

/// Quarters and halves, so that potentials come to lie exactly at the threshold.
fn values<S: Scalar>(shape: &[usize]) -> Tensor<S> {
    Tensor::from_fn(shape, |i| S::from_f64(((i * 37 + i / 11) % 9) as f64 / 4.0 - 0.5)).unwrap()
}

/// On every set of instructions, in blocks of any width, with rows left by a larger run on what is not a number.
fn check<S: Scalar>(cell: &Cell, factors: Option<&[S]>) {
    let recurrence = Recurrence::<S>::of(cell).unwrap();
    let (steps, neurons) = (factors.map_or(4, <[S]>::len), 70);
    let of = |neurons: usize| -> Shape {
        if factors.is_some() { [neurons].into() } else { [steps, neurons].into() }
    };
    let (shape, used) = (of(neurons), of(2 * neurons));
    let nan = Tensor::full(&used, S::from_f64(f64::NAN)).unwrap();
    let (input, cotangent) = (values::<S>(&shape), values::<S>(&[steps, neurons]));
    let nan_cotangent = Tensor::full([steps, 2 * neurons], S::from_f64(f64::NAN)).unwrap();
    let (current, before) = (Current::of(&input, factors), Current::of(&nan, factors));
    for output in [CellOutput::Spikes, CellOutput::Traces] {
        let of_traces = output == CellOutput::Traces;
        let spikes = forward(&recurrence, current, output, &[steps, neurons].into()).unwrap();
        let gradient = vjp(&recurrence, current, &cotangent, of_traces, &shape).unwrap();
        for arch in instruction_sets() {
            for width in [1, 3, 16, 33, 64, 70] {
                let what = format!("{arch:?} width {width} {output:?} {cell:?}");
                let mut scratch = Scratch::default();
                let kernel = |current| Forward { recurrence: &recurrence, current, output };
                let wide = [steps, 2 * neurons].into();
                run(arch, &wide, before.plane, 2 * neurons, &mut scratch, &kernel(before));
                scratch.spikes.fill(S::from_f64(f64::NAN));
                let made = run(arch, spikes.shape(), current.plane, width, &mut scratch, &kernel(current));
                assert_eq!(made, spikes, "{what}: forward");
                let kernel =
                    |current, cotangent| Reverse { recurrence: &recurrence, current, cotangent, of_traces };
                let wide = kernel(before, nan_cotangent.as_slice());
                run(arch, &used, before.plane, 2 * neurons, &mut scratch, &wide);
                let own = kernel(current, cotangent.as_slice());
                let made = run(arch, &shape, current.plane, width, &mut scratch, &own);
                assert_eq!(made, gradient, "{what}: reverse");
            }
        }
    }
}

#[test]
fn the_bits_depend_on_no_block_no_instructions_and_nothing_that_a_row_held() {
    for (index, cell) in fused_cells().iter().step_by(23).enumerate() {
        if index % 2 == 0 {
            check::<f64>(cell, None);
            check::<f32>(cell, Some(&[1.0, 0.5, -1.0, 1.0]));
        } else {
            check::<f32>(cell, None);
            check::<f64>(cell, Some(&[0.5, 2.0, 1.0]));
        }
    }
    for firing in [Firing::Above, Firing::AtOrAbove, Firing::Repeatedly] {
        for reset in [Reset::TO_ZERO, Reset::GATED_INPUT] {
            let cell = Cell::lif(Surrogate::atan(2.0).unwrap()).with_decay(0.5).unwrap();
            let cell = cell.with_reset(reset).unwrap().with_firing(firing);
            check::<f32>(&cell, None);
            check::<f64>(&cell, None);
        }
    }
}

/// Whole vectors, as many as fit, within the stated bounds.
#[test]
fn a_block_is_as_wide_as_the_cache_lets_it() {
    fn check<S>() {
        for steps in (1..3000).step_by(7) {
            let (width, bytes) = (width::<S>(steps), |neurons: usize| neurons * steps * size_of::<S>());
            assert!(width.is_multiple_of(64) && (64..=2048).contains(&width), "{steps}: {width}");
            assert!(width == 64 || bytes(width) <= 256 * 1024, "{steps}: {width}");
            assert!(width == 2048 || bytes(width + 64) > 256 * 1024, "{steps}: {width}");
        }
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn blocks_cut_every_row_and_none_is_empty() {
    for (neurons, width, expected) in
        [(7, 3, &[3, 3, 1][..]), (6, 3, &[3, 3]), (2, 3, &[2]), (3, 3, &[3]), (0, 3, &[])]
    {
        let plane = Plane { steps: 2, neurons };
        let made = Tensor::<f64>::build([2, neurons], |values| {
            let blocks = plane.blocks(values, width);
            assert_eq!(blocks.iter().map(|rows| rows[0].len()).collect::<Vec<_>>(), expected);
            for (block, rows) in blocks.into_iter().enumerate() {
                assert_eq!(rows.len(), 2);
                rows.into_iter().for_each(|row| row.fill(&vec![block as f64; neurons]));
            }
        });
        let row = (0..neurons).map(|i| (i / width) as f64);
        assert_eq!(made.unwrap().as_slice(), [row.clone(), row].into_iter().flatten().collect::<Vec<_>>());
    }
}

/// In a step whose factor is 1 the current is read where it stands.
#[test]
fn a_still_current_is_copied_for_its_product_alone() {
    let input = values::<f64>(&[5]);
    let current = Current::of(&input, Some(&[1.0, 0.5]));
    let mut room = vec![7.0];
    assert!(std::ptr::eq(current.row(0, &(1..4), &mut room), &input.as_slice()[1..4]));
    assert_eq!(room, [7.0]);
    let half: Vec<f64> = input.as_slice()[1..4].iter().map(|x| x * 0.5).collect();
    assert_eq!(current.row(1, &(1..4), &mut room), half);
}

/// Notes the widths of its blocks, and whether they are done on threads that were woken for it.
struct Witness(std::sync::Mutex<Vec<(usize, bool)>>);

impl Kernel<f64> for Witness {
    fn run(&self, block: &Range<usize>, rows: Vec<Unfilled<'_, f64>>, _: &mut Scratch<f64>) {
        let woken = rayon::current_thread_index().is_some();
        self.0.lock().unwrap().push((block.len(), woken));
        rows.into_iter().for_each(|row| row.fill(&vec![block.start as f64; block.len()]));
    }
}

/// A block is given its own neurons, and no thread is woken for less work than pays.
#[test]
fn little_work_is_done_where_it_is_asked_for() {
    for (neurons, woken) in [(PARALLEL / 4, true), (PARALLEL / 4 - 1, false)] {
        let witness = Witness(Default::default());
        let plane = Plane { steps: 4, neurons };
        let made = build(&[4, neurons].into(), plane, &witness).unwrap();
        assert_eq!(made.as_slice()[neurons - 1], 2048.0);
        let mut seen = witness.0.into_inner().unwrap();
        seen.sort_unstable();
        assert_eq!(seen, [(neurons - 2048, woken), (2048, woken)]);
    }
}
