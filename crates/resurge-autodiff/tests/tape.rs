//! The tape as a whole: programs, errors, listings, anchored evaluation.

use approx::assert_relative_eq;
use resurge_autodiff::{AutodiffError, Contributions, Op, OpMode, Saved, SpikeMode, Tape, Var, Vjp};
use resurge_tensor::{Complex, Dual, Scalar, Tensor, TensorError};
use std::sync::{Arc, Mutex};

type Built<S> = Result<(Tape<S>, Var, Var), AutodiffError>;

/// sum(tanh(W x) * x) in the leaf W, written once for every scalar.
fn program<S: Scalar>(mut tape: Tape<S>, w: Tensor<S>) -> Built<S> {
    let w = tape.leaf(w);
    let x = tape.constant(Tensor::from_vec([2, 1], vec![S::from_f64(1.5), S::from_f64(-0.5)])?);
    let y = tape.matmul(w, x)?;
    let y = tape.tanh(y)?;
    let y = tape.mul(y, x)?;
    let loss = tape.sum(y)?;
    Ok((tape, w, loss))
}

fn weights() -> Tensor<f64> {
    Tensor::from_vec([2, 2], vec![0.3, -0.2, 0.7, 0.1]).unwrap()
}

#[test]
fn reverse_mode_agrees_with_dual_numbers_and_complex_step() {
    let (tape, w, loss) = program(Tape::new(), weights()).unwrap();
    let gradients = tape.backward(loss).unwrap();
    for entry in 0..4 {
        let mut dual: Tensor<Dual<f64>> = weights().cast();
        dual.as_mut_slice()[entry].eps = 1.0;
        let (tape, _, loss) = program(Tape::new(), dual).unwrap();
        let by_dual = tape.value(loss).unwrap().item().unwrap().eps;

        let mut complex: Tensor<Complex<f64>> = weights().cast();
        complex.as_mut_slice()[entry].im = 1e-30;
        let (tape, _, loss) = program(Tape::new(), complex).unwrap();
        let by_complex_step = tape.value(loss).unwrap().item().unwrap().im / 1e-30;

        let reverse = gradients.wrt(w).unwrap().as_slice()[entry];
        assert_relative_eq!(reverse, by_dual, max_relative = 1e-14);
        assert_relative_eq!(reverse, by_complex_step, max_relative = 1e-14);
    }
}

#[test]
fn a_tape_of_duals_gives_a_hessian_vector_product() {
    // loss = sum(x^3): the Hessian is diag(6 x).
    let mut tape = Tape::new();
    let x = tape.leaf(Tensor::from_vec([2], vec![Dual::new(2.0, 1.0), Dual::new(-1.0, 0.5)]).unwrap());
    let cube = tape.powi(x, 3).unwrap();
    let loss = tape.sum(cube).unwrap();
    let gradients = tape.backward(loss).unwrap();
    let product: Vec<f64> = gradients.wrt(x).unwrap().as_slice().iter().map(|g| g.eps).collect();
    assert_eq!(product, vec![12.0, -3.0]);
}

#[test]
fn backward_changes_nothing_and_repeats_to_the_bit() {
    let (tape, w, loss) = program(Tape::new(), weights()).unwrap();
    let (before, first) = (tape.to_string(), tape.backward(loss).unwrap());
    let second = tape.backward(loss).unwrap();
    assert_eq!(first.wrt(w).unwrap(), second.wrt(w).unwrap());
    assert_eq!(tape.to_string(), before);
}

#[test]
fn misuse_is_a_typed_error() {
    let (mut tape, w, loss) = program(Tape::new(), weights()).unwrap();
    let (other, theirs, _) = program(Tape::new(), weights()).unwrap();
    let foreign = |op| AutodiffError::ForeignVariable { op };
    assert_eq!(tape.add(w, theirs).unwrap_err(), foreign("add"));
    assert_eq!(tape.value(theirs).unwrap_err(), foreign("value"));
    assert_eq!(tape.label(theirs, "w", None).unwrap_err(), foreign("label"));
    assert_eq!(other.backward(loss).unwrap_err(), foreign("backward"));
    assert_eq!(tape.backward(w).unwrap_err(), AutodiffError::NonScalarLoss { shape: [2, 2].into() });

    let gradients = tape.backward(loss).unwrap();
    assert_eq!(gradients.wrt(theirs).unwrap_err(), foreign("gradients"));
    assert_eq!(gradients.wrt(loss).unwrap_err(), AutodiffError::NotALeaf { node: "sum" });
    let late = tape.leaf(weights());
    assert!(matches!(gradients.wrt(late), Err(AutodiffError::NotALeaf { .. })));
    assert!(matches!(
        tape.vjp(w, Tensor::zeros([3]).unwrap()).unwrap_err(),
        AutodiffError::Tensor(TensorError::Shape { op: "backward", .. })
    ));
}

#[test]
fn a_vjp_needs_no_scalar_output() {
    let mut tape = Tape::new();
    let x = tape.leaf(Tensor::from_vec([2], vec![3.0, 4.0]).unwrap());
    let y = tape.square(x).unwrap();
    let gradients = tape.vjp(y, Tensor::from_vec([2], vec![1.0, -1.0]).unwrap()).unwrap();
    assert_eq!(gradients.wrt(x).unwrap().as_slice(), &[6.0, -8.0]);
}

#[test]
fn constants_get_no_gradient_and_unused_leaves_get_zeros() {
    let mut tape = Tape::new();
    let (c, unused) = (tape.constant(Tensor::scalar(2.0)), tape.leaf(weights()));
    let x = tape.leaf(Tensor::scalar(3.0));
    let y = tape.mul(c, x).unwrap();
    let gradients = tape.backward(y).unwrap();
    assert_eq!(gradients.wrt(c).unwrap_err(), AutodiffError::NotALeaf { node: "constant" });
    assert_eq!(gradients.wrt(unused).unwrap(), &Tensor::zeros([2, 2]).unwrap());
}

/// `a + b`, noting which of its inputs are said to need a gradient.
#[derive(Debug, Default, Clone)]
struct NotingSum(Arc<Mutex<Vec<[bool; 2]>>>);

impl Op<f64> for NotingSum {
    fn name(&self) -> &'static str {
        "noting_sum"
    }

    fn forward(&self, inputs: &[&Tensor<f64>]) -> Result<Tensor<f64>, AutodiffError> {
        Ok(inputs[0].add(inputs[1])?)
    }

    fn vjp(&self, at: &Vjp<'_, f64>) -> Result<Contributions<f64>, AutodiffError> {
        self.0.lock().unwrap().push([at.needs(0), at.needs(1)]);
        Ok(at.inputs.iter().map(|_| Some(at.cotangent.clone().into())).collect())
    }
}

#[test]
fn an_operation_is_told_which_inputs_lead_to_a_leaf() {
    let noting = NotingSum::default();
    let mut tape = Tape::new();
    let (c, x) = (tape.constant(Tensor::scalar(2.0)), tape.leaf(Tensor::scalar(3.0)));
    let y = tape.apply(noting.clone(), &[c, x]).unwrap();
    let z = tape.apply(noting.clone(), &[y, c]).unwrap();
    // What comes for an input that needs nothing is dropped.
    assert_eq!(tape.backward(z).unwrap().wrt(x).unwrap().item(), Some(1.0));
    assert_eq!(*noting.0.lock().unwrap(), [[true, false], [false, true]]);

    // Neither what is made of constants nor what is detached leads to one.
    let noting = NotingSum::default();
    let (fixed, held) = (tape.add(c, c).unwrap(), tape.detach(x).unwrap());
    let with_fixed = tape.apply(noting.clone(), &[fixed, x]).unwrap();
    let with_both = tape.apply(noting.clone(), &[with_fixed, held]).unwrap();
    assert_eq!(tape.backward(with_both).unwrap().wrt(x).unwrap().item(), Some(1.0));
    assert_eq!(*noting.0.lock().unwrap(), [[true, false], [false, true]]);
}

#[test]
fn a_node_tells_what_it_is() {
    let mut tape = Tape::new();
    let (c, x) = (tape.constant(Tensor::scalar(2.0)), tape.leaf(Tensor::scalar(3.0)));
    let y = tape.mul(x, c).unwrap();
    tape.label(c, "c", None).unwrap();
    tape.label(y, "y", Some(7)).unwrap();
    let seen = tape.nodes().iter().map(|node| {
        (
            node.name(),
            node.op().map(|op| op.name()),
            node.parents().to_vec(),
            node.value().item(),
            node.label(),
        )
    });
    let expected = [
        ("constant", None, vec![], Some(2.0), Some("c".into())),
        ("leaf", None, vec![], Some(3.0), None),
        ("mul", Some("mul"), vec![1, 0], Some(6.0), Some("y[7]".into())),
    ];
    assert_eq!(seen.collect::<Vec<_>>(), expected);
}

/// `x^2`, whose slope at evaluation is kept for the vector-Jacobian product, with a piece for each sign.
#[derive(Debug)]
struct KeepingSquare;

impl Op<f64> for KeepingSquare {
    fn name(&self) -> &'static str {
        "keeping_square"
    }

    fn forward(&self, inputs: &[&Tensor<f64>]) -> Result<Tensor<f64>, AutodiffError> {
        Ok(inputs[0].map(|x: f64| x * x))
    }

    fn evaluate(
        &self,
        inputs: &[&Tensor<f64>],
        _at: OpMode<'_, f64>,
    ) -> Result<(Tensor<f64>, Saved), AutodiffError> {
        let slope: Tensor<f64> = inputs[0].map(|x: f64| 2.0 * x);
        let pieces = Some(inputs[0].as_slice().iter().map(|x| i8::from(*x > 0.0)).collect());
        Ok((self.forward(inputs)?, Saved { state: Some(Arc::new(slope)), pieces }))
    }

    fn vjp(&self, at: &Vjp<'_, f64>) -> Result<Contributions<f64>, AutodiffError> {
        assert!(at.saved::<f32>().is_none(), "another type");
        let contribution = match at.saved::<Tensor<f64>>() {
            Some(slope) => Some(at.cotangent.mul(slope)?.into()),
            None => None,
        };
        Ok([contribution].into_iter().collect())
    }
}

#[test]
fn what_an_operation_kept_comes_back_in_its_backward_pass() {
    let mut tape = Tape::new();
    let x = tape.leaf(Tensor::from_vec([2], vec![3.0, -4.0]).unwrap());
    let y = tape.apply(KeepingSquare, &[x]).unwrap();
    assert_eq!(tape.value(y).unwrap().as_slice(), &[9.0, 16.0]);
    let gradients = tape.vjp(y, Tensor::full([2], 1.0).unwrap()).unwrap();
    assert_eq!(gradients.wrt(x).unwrap().as_slice(), &[6.0, -8.0]);
    assert_eq!(tape.pieces(), vec![1, 0]);
    let (input, value) = (tape.value(x).unwrap(), tape.value(y).unwrap());
    let nothing = KeepingSquare.vjp(&Vjp::new(&[input], value, value)).unwrap();
    assert_eq!(nothing.as_slice(), &[None]);
}

#[test]
fn listings_and_drawings_show_what_is_detached() {
    let mut tape = Tape::new();
    let o = tape.leaf(Tensor::scalar(1.0));
    let held = tape.detach(o).unwrap();
    tape.label(held, "reset", Some(3)).unwrap();
    let half = tape.scale_grad(o, 0.5).unwrap();
    tape.label(half, "dialled", None).unwrap();
    tape.add(held, half).unwrap();
    assert_eq!(
        tape.to_string(),
        "%0 = leaf() []\n%1 = detach(%0) [] # reset[3]\n%2 = scale_grad(%0) [] x 0.5 # dialled\n%3 = add(%1, %2) []\n"
    );
    let dot = tape.to_dot();
    assert!(dot.starts_with("digraph tape {") && dot.ends_with("}\n"));
    assert!(dot.contains("n1 [label=\"reset[3]\\ndetach\\n[]\", color=red"), "{dot}");
    assert!(dot.contains("n0 -> n1 [style=dashed"), "{dot}");
    assert!(dot.contains("n1 -> n3 [style=dashed"), "{dot}");
    assert!(dot.contains("n0 -> n2;") && dot.contains("n2 -> n3;"), "{dot}");
}

/// x * detach(x) + scale_grad(x, 0.5)^2
fn surrogate_program<S: Scalar>(mut tape: Tape<S>, x: S) -> Built<S> {
    let x = tape.leaf(Tensor::scalar(x));
    let held = tape.detach(x)?;
    let first = tape.mul(x, held)?;
    let half = tape.scale_grad(x, 0.5)?;
    let second = tape.square(half)?;
    let loss = tape.add(first, second)?;
    Ok((tape, x, loss))
}

#[test]
fn the_anchored_program_is_differentiated_by_the_surrogate_gradient() {
    let (tape, x, loss) = surrogate_program(Tape::new(), 0.7).unwrap();
    let real = tape.value(loss).unwrap().clone();
    let gradient = tape.backward(loss).unwrap().wrt(x).unwrap().item().unwrap();
    assert_relative_eq!(gradient, 0.7 + 0.5 * 2.0 * 0.7);

    let record = tape.anchors();
    assert_eq!(record.len(), 2);
    assert!(!record.is_empty() && Tape::<f64>::new().anchors().is_empty());
    assert_eq!(record.iter().map(|a| a.op).collect::<Vec<_>>(), ["detach", "scale_grad"]);
    let at_base = surrogate_program(Tape::anchored(Arc::new(record.clone())), 0.7).unwrap();
    assert_eq!(at_base.0.value(at_base.2).unwrap(), &real, "to the bit");

    let dual = surrogate_program(Tape::anchored(Arc::new(record.cast())), Dual::variable(0.7)).unwrap();
    assert_relative_eq!(dual.0.value(dual.2).unwrap().item().unwrap().eps, gradient, max_relative = 1e-15);
}

#[test]
fn another_program_than_the_recorded_one_is_refused() {
    let (tape, ..) = surrogate_program(Tape::new(), 0.7).unwrap();
    let record = Arc::new(tape.anchors());
    let mut replay = Tape::anchored(Arc::clone(&record));
    let x = replay.leaf(Tensor::scalar(0.7));
    let error = replay.scale_grad(x, 0.5).unwrap_err();
    assert_eq!(
        error,
        AutodiffError::ReplayDiverged {
            index: 0,
            found: "scale_grad([])".into(),
            recorded: "detach([])".into()
        }
    );
    let wide = replay.leaf(weights());
    assert!(replay.detach(wide).is_err(), "another shape");
    replay.detach(x).unwrap();
    replay.scale_grad(x, 0.5).unwrap();
    let error = replay.detach(x).unwrap_err();
    assert!(error.to_string().contains("but nothing was recorded"), "{error}");
}

#[test]
fn the_smooth_mode_passes_values_through() {
    let (tape, _, loss) = surrogate_program(Tape::with_mode(SpikeMode::Smooth), 0.7).unwrap();
    assert_relative_eq!(tape.value(loss).unwrap().item().unwrap(), 0.98);
}

#[test]
fn adjoints_of_variables_on_the_way_are_the_gradients_of_what_comes_after_them() {
    // a = x^2, b = a x, L = sum(c b): dL/db = c, dL/da = c x, dL/dx = 3 c x^2; and c is used after a was.
    let at = [0.5, -2.0];
    let mut tape = Tape::<f64>::new();
    let x = tape.leaf(Tensor::from_vec([2], at.to_vec()).unwrap());
    let idle = tape.leaf(Tensor::scalar(1.0));
    let held = tape.detach(x).unwrap();
    let a = tape.mul(x, x).unwrap();
    let b = tape.mul(a, x).unwrap();
    let later = tape.mul(b, b).unwrap();
    let cotangent = || Tensor::from_vec([2], vec![3.0, 0.25]).unwrap();
    let adjoints = tape.adjoints(b, cotangent(), &[x, a, b, a, idle, later]).unwrap();
    let values: Vec<&[f64]> = adjoints.iter().map(Tensor::as_slice).collect();
    assert_eq!(values[..4], [&[2.25, 3.0][..], &[1.5, -0.5], &[3.0, 0.25], &[1.5, -0.5]]);
    assert_eq!(values[4..], [&[0.0][..], &[0.0, 0.0]]);
    assert_eq!(tape.vjp(b, cotangent()).unwrap().wrt(x).unwrap(), &adjoints[0]);
    let error = tape.adjoints(b, cotangent(), &[held]).unwrap_err();
    assert_eq!(error, AutodiffError::NoGradient { node: "detach" });
    let other = Tape::<f64>::new().leaf(Tensor::scalar(1.0));
    assert_eq!(
        tape.adjoints(b, cotangent(), &[other]).unwrap_err(),
        AutodiffError::ForeignVariable { op: "adjoints" }
    );
}
