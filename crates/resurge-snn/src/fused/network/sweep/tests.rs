use super::*;
use crate::{Cell, CellOutput, Surrogate};

fn cell(beta: f64) -> Cell {
    Cell::lif(Surrogate::atan(2.0).unwrap()).with_trace_decay(beta).unwrap()
}

fn ends(steps: Range<usize>) -> (usize, usize) {
    (steps.start, steps.end)
}

/// A network of so many neurons a layer, the input's first, on spikes of which every `apart`-th is there.
struct Sample {
    network: FusedNetwork,
    input: SpikeTrain,
    weights: Vec<Tensor<f64>>,
}

impl Sample {
    fn new(network: FusedNetwork, [steps, batch]: [usize; 2], sizes: &[usize], apart: usize) -> Self {
        let spikes = Tensor::from_fn([steps, batch, sizes[0]], |i| f64::from(u8::from(i % apart == 0)));
        let weights = sizes.windows(2).map(|layer| Tensor::full([layer[1], layer[0]], 0.3).unwrap());
        let input = SpikeTrain::from_tensor(&spikes.unwrap()).unwrap();
        Self { network, input, weights: weights.collect() }
    }

    fn parameters(&self) -> Vec<Parameters<'_, f64>> {
        self.weights.iter().map(|weight| Parameters { weight, bias: None }).collect()
    }

    /// A forward and a backward pass on one thread, and what they have left in the lane's buffers.
    fn lane(&self) -> Lane<f64> {
        let parameters = self.parameters();
        let passes = || {
            let run = Run::forward(&self.network, &self.input, &parameters).unwrap();
            let cotangent = Tensor::zeros(run.output.shape()).unwrap();
            run.vjp(&self.network, &self.input, &parameters, &cotangent).unwrap();
        };
        rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(passes);
        self.network.pool.take()
    }
}

#[test]
fn segments_and_chunks_cut_time_and_none_is_empty() {
    for (segment, expected) in [
        (None, &[(0, 7)][..]),
        (Some(3), &[(0, 3), (3, 6), (6, 7)]),
        (Some(7), &[(0, 7)]),
        (Some(1000), &[(0, 7)]),
        (Some(usize::MAX), &[(0, 7)]),
    ] {
        let network = FusedNetwork::new([cell(0.0)]).unwrap();
        let network = FusedNetwork { segment, ..network };
        let sample = Sample::new(network, [7, 2], &[3, 2], 2);
        let parameters = sample.parameters();
        let sweep = Sweep::new(&sample.network, &sample.input, &parameters).unwrap();
        assert_eq!(sweep.segments().map(ends).collect::<Vec<_>>(), expected, "{segment:?}");
        let chunks =
            |steps: Range<usize>, samples| sweep.chunks(&steps, samples).map(ends).collect::<Vec<_>>();
        assert_eq!(chunks(3..40, 16), [(3, 15), (15, 27), (27, 39), (39, 40)]);
        assert_eq!(chunks(0..24, 16), [(0, 12), (12, 24)]);
        assert_eq!(chunks(1..ROWS + 2, 1), [(1, ROWS + 1), (ROWS + 1, ROWS + 2)]);
        assert_eq!(chunks(5..20, 15), [(5, 17), (17, 20)]);
    }
}

/// What a pass makes room for: states and histories of the sizes that are used, and no others.
#[test]
fn room_is_made_for_what_is_used() {
    for (segment, steps) in [(None, 7), (Some(3), 3), (Some(1000), 7)] {
        let network = FusedNetwork::new([cell(0.0), cell(0.4), cell(0.3)]).unwrap();
        let sample = Sample::new(FusedNetwork { segment, ..network }, [7, 2], &[3, 70, 5, 4], 2);
        let parameters = sample.parameters();
        let sweep = Sweep::new(&sample.network, &sample.input, &parameters).unwrap();
        let lengths = |state: &LayerState<f64>| {
            [&state.potential, &state.spikes, &state.current, &state.trace].map(Vec::len)
        };
        let states: Vec<_> = sweep.resting(2).iter().map(lengths).collect();
        // The input of the last layer is a trace; so is its output.
        assert_eq!(states, [[140, 140, 0, 0], [10, 10, 0, 0], [8, 8, 8, 8]]);
        let history = sweep.history(2);
        let potentials: Vec<usize> = history.potentials.iter().map(Vec::len).collect();
        assert_eq!(potentials, [140, 10, 8].map(|width| width * steps), "{segment:?}");
        let spikes: Vec<usize> = history.spikes.iter().map(Vec::len).collect();
        assert_eq!(spikes, [2 * 2, 2].map(|words| words * steps), "{segment:?}");
    }
}

#[test]
fn weights_are_laid_out_for_sums_over_events_alone() {
    for (path, layers) in [(EventPath::Auto, 1), (EventPath::Events, 1), (EventPath::Dense, 0)] {
        let network = FusedNetwork::new([cell(0.0)]).unwrap().with_path(path);
        let sample = Sample::new(network, [7, 2], &[3, 2], 2);
        let parameters = sample.parameters();
        let sweep = Sweep::new(&sample.network, &sample.input, &parameters).unwrap();
        assert_eq!(sweep.with_stripes().stripes.len(), layers, "{path:?}");
    }
}

#[test]
fn no_inputs_are_not_dense() {
    let sample = Sample::new(FusedNetwork::new([cell(0.0)]).unwrap(), [7, 2], &[3, 2], 2);
    let parameters = sample.parameters();
    let sweep = Sweep::new(&sample.network, &sample.input, &parameters).unwrap();
    let mut events = Events::default();
    events.clear(3);
    assert!(!sweep.is_dense(&events, 0, 3) && !sweep.is_dense(&events, 1, 0));
    events.push_row(&[0b111]);
    assert!(sweep.is_dense(&events, 1, 3) && !sweep.is_dense(&events, 2, 3));
}

/// The weight gradient is summed on the path that the density asks for, as the current is.
#[test]
fn a_gradient_is_summed_on_the_path_of_its_product() {
    for (path, apart, dense) in [
        (EventPath::Events, 1, false),
        (EventPath::Dense, 9, true),
        (EventPath::Auto, 1, true),
        (EventPath::Auto, 9, false),
    ] {
        let network = FusedNetwork::new([cell(0.0)]).unwrap().with_path(path);
        let lane = Sample::new(network, [7, 2], &[3, 2], apart).lane();
        let gradient = &lane.gradients[0];
        let begun = (gradient.dense.get().is_some(), gradient.by_events.get().is_some());
        assert_eq!(begun, (dense, !dense), "{path:?} {apart}");
    }
}

/// The input has no gradient, and none is made.
#[test]
fn the_product_below_a_layer_is_made_for_layers_alone() {
    for (sizes, below) in [(&[3, 2][..], 0), (&[3, 2, 4], 7 * 2 * 2)] {
        let cells = vec![cell(0.0); sizes.len() - 1];
        let network = FusedNetwork::new(cells).unwrap().with_output(NetworkOutput::Sum(CellOutput::Spikes));
        assert_eq!(Sample::new(network, [7, 2], sizes, 2).lane().scratch.below.len(), below);
    }
}
