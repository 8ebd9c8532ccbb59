//! The gradients of losses and readouts on the tape against dual numbers and the complex step, entry by entry.

mod gradient;

use gradient::{Program, check, check_surrogate, numbers};
use resurge_autodiff::{Tape, Var};
use resurge_snn::{
    CLASS_PATTERN, Cell, CountTarget, Readout, Result, Surrogate, class_spikes, cross_entropy, kernel_loss,
    linear, readout, readout_cross_entropy, spike_count_cross_entropy, spike_count_loss, trace_loss,
};
use resurge_tensor::{Scalar, Tensor};

program!(CrossEntropy, |tape, inputs| cross_entropy(tape, inputs[0], &[2, 0]));
program!(CountCrossEntropy, |tape, inputs| spike_count_cross_entropy(tape, inputs[0], &[2, 0]));

#[test]
fn cross_entropies() {
    check(&CrossEntropy, &[numbers(&[2, 4], 0.3)]);
    check(&CrossEntropy, &[numbers(&[2, 4], 0.3).scale(30.0)]);
    check(&CountCrossEntropy, &[numbers(&[3, 2, 4], 0.3)]);
}

program!(Count, |tape, inputs| spike_count_loss(tape, inputs[0], &[2, 0], CountTarget::new(1.5, 0.25)?));
program!(CountOneSided, |tape, inputs| {
    spike_count_loss(tape, inputs[0], &[2, 0], CountTarget::new(1.5, 0.25)?.one_sided())
});

#[test]
fn count_losses() {
    check(&Count, &[numbers(&[3, 2, 4], 0.3)]);
    check(&CountOneSided, &[numbers(&[3, 2, 4], 0.3)]);
}

program!(Kernel, |tape, inputs| {
    kernel_loss(tape, inputs[0], &class_spikes(&[2, 0], 3, 6, &CLASS_PATTERN)?, 0.5)
});
program!(Trace, |tape, inputs| trace_loss(tape, inputs[0], &Tensor::full([6, 2, 3], S::from_f64(0.5))?));

#[test]
fn trace_losses() {
    check(&Kernel, &[numbers(&[6, 2, 3], 0.3)]);
    check(&Trace, &[numbers(&[6, 2, 3], 0.3)]);
}

program!(Last, |tape, inputs| readout(tape, inputs[0], Readout::Last));
program!(Max, |tape, inputs| readout(tape, inputs[0], Readout::Max));
program!(Mean, |tape, inputs| readout(tape, inputs[0], Readout::Mean));
program!(MaxCrossEntropy, |tape, inputs| readout_cross_entropy(tape, inputs[0], Readout::Max, &[2, 0]));

#[test]
fn readouts() {
    let potentials = [numbers(&[4, 2, 3], 0.3)];
    check(&Last, &potentials);
    check(&Max, &potentials);
    check(&Mean, &potentials);
    check(&MaxCrossEntropy, &potentials);
}

// A loss behind real spikes: its surrogate gradient, on the anchored program.
program!(SpikingClassifier, |tape, inputs| {
    let current = linear(tape, inputs[0], inputs[1], None)?;
    let run = Cell::lif(Surrogate::atan(2.0)?).with_threshold(0.5)?.run(tape, current)?;
    let spikes = tape.stack(&run.spikes)?;
    let potentials = tape.stack(&run.potentials)?;
    let counts = spike_count_cross_entropy(tape, spikes, &[2, 0])?;
    let error = spike_count_loss(tape, spikes, &[2, 0], CountTarget::new(3.0, 1.0)?.one_sided())?;
    let membrane = readout_cross_entropy(tape, potentials, Readout::Max, &[2, 0])?;
    let sum = tape.add(counts, error)?;
    Ok(tape.add(sum, membrane)?)
});

#[test]
fn losses_behind_spikes() {
    check_surrogate(&SpikingClassifier, &[numbers(&[5, 2, 4], 0.3), numbers(&[3, 4], 0.9)]);
}
