//! The operations of a random program.

use arbitrary::Arbitrary;
use resurge::autodiff::{Tape, Var};
use resurge::snn;
use resurge::snn::{
    Cell, CellOutput, CountTarget, Firing, Readout, Reset, ResetGradient, SnnError, Surrogate, SurrogateScale,
};
use resurge::tensor::{Conv2d, Scalar, Shape, Window2d};

/// An operation, which of the values so far it takes, counted from the last, and its parameters.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub struct Instruction {
    operation: u8,
    a: u8,
    b: u8,
    parameter: u8,
    more: u8,
}

type Result<T> = std::result::Result<T, SnnError>;

impl Instruction {
    /// How many operations there are.
    pub const OPERATIONS: u8 = 53;

    /// Runs it.
    pub fn apply<S: Scalar>(&self, tape: &mut Tape<S>, values: &[Var]) -> Result<Var> {
        let pick = |which: u8| values[values.len() - 1 - usize::from(which) % values.len()];
        let (x, y, p) = (pick(self.a), pick(self.b), usize::from(self.parameter));
        let small = f64::from(self.more as i8) / 32.0;
        let shape = tape.value(x)?.shape().clone();
        let window = Window2d::new([1 + p % 3, 1 + p / 3 % 3])
            .with_stride([1 + p / 9 % 2, 1 + p / 18 % 2])
            .with_padding([p / 36 % 2, p / 72 % 2]);
        Ok(match self.operation % Self::OPERATIONS {
            0 => tape.add(x, y)?,
            1 => tape.sub(x, y)?,
            2 => tape.mul(x, y)?,
            3 => tape.div(x, y)?,
            4 => tape.neg(x)?,
            5 => tape.exp(x)?,
            6 => tape.ln(x)?,
            7 => tape.sqrt(x)?,
            8 => tape.sin(x)?,
            9 => tape.cos(x)?,
            10 => tape.tanh(x)?,
            11 => tape.atan(x)?,
            12 => tape.erf(x)?,
            13 => tape.logistic(x)?,
            14 => tape.abs(x)?,
            15 => tape.relu(x)?,
            16 => tape.powi(x, (p % 9) as i32 - 3)?,
            17 => tape.scale(x, small)?,
            18 => tape.shift(x, small)?,
            19 => tape.detach(x)?,
            20 => tape.scale_grad(x, small)?,
            21 => {
                let shape = reshaped(&shape, p);
                tape.reshape(x, shape)?
            }
            22 => {
                let mut axes: Vec<usize> = (0..shape.rank()).collect();
                axes.rotate_left(p % shape.rank().max(1));
                let last = axes.len().saturating_sub(1);
                if p / 8 % 2 == 1 && last > 0 {
                    axes.swap(0, last);
                }
                tape.permute(x, &axes)?
            }
            23 => {
                let target = tape.value(y)?.shape().clone();
                tape.broadcast_to(x, target)?
            }
            24 => tape.sum(x)?,
            25 => tape.sum_axis(x, p % 5)?,
            26 => tape.max_axis(x, p % 5)?,
            27 => tape.select(x, p % 5)?,
            28 => tape.stack(&[x, y, x][..1 + p % 3])?,
            29 => tape.matmul(x, y)?,
            30 => tape.matmul_transposed(x, p % 2 == 1, y, p / 2 % 2 == 1)?,
            31 => {
                let conv = Conv2d::new()
                    .with_stride(window.stride())
                    .with_padding(window.padding())
                    .with_groups(1 + usize::from(self.more) % 2);
                tape.conv2d(x, y, conv)?
            }
            32 => tape.avg_pool2d(x, window)?,
            33 => tape.sum_pool2d(x, window)?,
            34 => tape.max_pool2d(x, window)?,
            35 => tape.log_softmax(x)?,
            36 => snn::spike(tape, x, self.surrogate()?, self.firing())?,
            37 => {
                let run = self.cell()?.run(tape, x)?;
                let steps = [&run.spikes, &run.traces, &run.potentials, &run.outputs][p % 4];
                tape.stack(steps)?
            }
            38 => self.fused(tape, x, p)?,
            39 => {
                let factors: Vec<f64> = (0..1 + p % 4).map(|t| 1.0 - small * t as f64).collect();
                self.cell()?.run_still(tape, x, &factors, output(p / 4))?
            }
            40 => {
                let bias = (p % 2 == 1).then(|| pick(self.more));
                snn::linear(tape, x, y, bias)?
            }
            41 => snn::batch_norm(tape, x, y, pick(self.more), 0.1)?.output,
            42 => snn::batch_norm_per_step(tape, x, y, 0.1)?.0,
            43 => snn::dropout(tape, x, f64::from(self.more % 10) / 10.0, p as u64)?,
            44 => snn::flatten(tape, x)?,
            45 => snn::residual(tape, x, y)?,
            46 => {
                let target = tape.value(y)?.map(|y| S::from_f64(f64::from(u8::from(y.re() > 0.5))));
                snn::kernel_loss(tape, x, &target, 0.5)?
            }
            47 => snn::cross_entropy(tape, x, &classes(&shape, 0, p))?,
            48 => {
                let target = CountTarget::new(small.abs(), 0.5)?;
                let target = if p % 2 == 1 { target.one_sided() } else { target };
                snn::spike_count_loss(tape, x, &classes(&shape, 1, p), target)?
            }
            49 => {
                let kind = [Readout::Last, Readout::Max, Readout::Mean][p % 3];
                snn::readout_cross_entropy(tape, x, kind, &classes(&shape, 1, p))?
            }
            50 => {
                let conv = Conv2d::new().with_stride(window.stride()).with_padding(window.padding());
                snn::conv2d(tape, x, y, (p % 2 == 1).then(|| pick(self.more)), conv)?
            }
            51 => {
                let pool = [snn::avg_pool2d, snn::sum_pool2d, snn::max_pool2d][usize::from(self.more) % 3];
                pool(tape, x, window)?
            }
            _ => snn::spike_count_cross_entropy(tape, x, &classes(&shape, 1, p))?,
        })
    }

    fn surrogate(&self) -> Result<Surrogate> {
        // Peaks of at most 8, so that slopes stay moderate.
        let width = 0.125 * f64::from(1 + self.parameter % 8);
        let one = Surrogate::ALL[usize::from(self.more) % Surrogate::ALL.len()];
        let surrogate = one.of_width.map_or_else(|| one.entry.of(one.entry.sample), |of| of(width))?;
        Ok(match self.more / 16 % 3 {
            0 => surrogate,
            1 => surrogate.with_scale(SurrogateScale::PeakOne),
            _ => surrogate.with_scale(SurrogateScale::Peak(0.7)),
        })
    }

    fn firing(&self) -> Firing {
        [Firing::Above, Firing::AtOrAbove, Firing::Repeatedly][usize::from(self.more / 48) % 3]
    }

    fn cell(&self) -> Result<Cell> {
        let p = usize::from(self.b);
        let (reset, gradient) = (&Reset::ALL[p % Reset::ALL.len()], &ResetGradient::ALL[p / 5 % 4]);
        Cell::lif(self.surrogate()?)
            .with_reset_gradient(gradient.of(gradient.sample)?)
            .with_firing(self.firing())
            .with_decay(0.25 * (p / 20 % 5) as f64)?
            .with_trace_decay(0.25 * (p / 100 % 3) as f64)?
            .with_reset(reset.of(reset.sample)?)
    }

    /// The fused cell, whose values must be those of the same cell on the tape.
    fn fused<S: Scalar>(&self, tape: &mut Tape<S>, x: Var, p: usize) -> Result<Var> {
        let cell = self.cell()?;
        let fused = cell.run_fused(tape, x, output(p))?;
        let run = cell.run(tape, x)?;
        let stacked = tape.stack(if output(p) == CellOutput::Spikes { &run.outputs } else { &run.traces })?;
        let (fused_values, values) = (tape.value(fused)?, tape.value(stacked)?);
        let mut pairs = fused_values.as_slice().iter().zip(values.as_slice());
        let finite = fused_values.is_finite() && values.is_finite();
        assert!(!finite || pairs.all(|(a, b)| a.re() == b.re()), "the fused cell differs:\n{tape}");
        Ok(fused)
    }
}

fn output(p: usize) -> CellOutput {
    if p % 2 == 1 { CellOutput::Traces } else { CellOutput::Spikes }
}

/// One class a sample, where `batch` is the axis of samples and the last that of classes.
fn classes(shape: &Shape, batch: usize, seed: usize) -> Vec<usize> {
    let extent = |axis: usize| shape.get(axis).copied().unwrap_or(1);
    let neurons = extent(shape.rank().saturating_sub(1)).max(1);
    (0..extent(batch)).map(|sample| (sample + seed) % neurons).collect()
}

/// Another shape of as many entries: flat, or with axes put together, taken apart or put in.
fn reshaped(shape: &Shape, p: usize) -> Shape {
    let mut extents = shape.to_vec();
    match p % 6 {
        0 => extents = vec![extents.iter().product()],
        1 => extents.insert(p / 6 % (extents.len() + 1), 1),
        2 if extents.len() > 1 => {
            let last = extents.pop().unwrap_or(1);
            let before = extents.pop().unwrap_or(1);
            extents.push(before * last);
        }
        3 => {
            let last = extents.pop().unwrap_or(1);
            extents.extend(if last.is_multiple_of(2) { [last / 2, 2] } else { [1, last] });
        }
        4 => extents.retain(|&extent| extent != 1),
        // Does not fit, in most cases.
        _ => extents.push(p / 6 % 3),
    }
    Shape::from(&extents[..])
}
