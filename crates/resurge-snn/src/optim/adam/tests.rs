use super::*;
use crate::SnnError;
use approx::assert_relative_eq;

fn trajectory(mut optimiser: impl Optimiser<f64>, gradients: &[f64]) -> Vec<f64> {
    let mut w = [Tensor::scalar(1.0)];
    let mut step = |&g: &f64| {
        optimiser.step(&mut w, &[Tensor::scalar(g)]).unwrap();
        w[0].item().unwrap()
    };
    gradients.iter().map(&mut step).collect()
}

fn adam() -> Adam<f64> {
    Adam::new(0.1).unwrap().with_betas(0.5, 0.75).unwrap().with_epsilon(0.25).unwrap()
}

#[test]
fn trajectories_by_hand() {
    // g = 2: m = 1, v = 1; corrected by 1/2 and 1/4: 2 and 4; step 0.1 * 2 / (2 + 1/4).
    let first = 1.0 - 0.1 * 2.0 / 2.25;
    // g = -1: m = 1/2 - 1/2 = 0, v = 3/4 + 1/4 = 1; the step is 0.
    // g = 3: m = 3/2, v = 3/4 + 9/4 = 3; corrected by 7/8 and 37/64.
    let third = first - 0.1 * (1.5 / 0.875) / ((3.0_f64 * 64.0 / 37.0).sqrt() + 0.25);
    for (w, expected) in trajectory(adam(), &[2.0, -1.0, 3.0]).iter().zip([first, first, third]) {
        assert_relative_eq!(*w, expected, max_relative = 1e-15);
    }
    // Coupled decay: the gradient 1.5 at w = 1 becomes 2.
    let coupled = trajectory(adam().with_weight_decay(0.5).unwrap(), &[1.5]);
    assert_relative_eq!(coupled[0], first, max_relative = 1e-15);
    // Decoupled: w is multiplied by 1 - 0.1 * 0.5, then Adam's step of the bare gradient is taken.
    let decoupled = AdamW::new(0.1, 0.5).unwrap().with_betas(0.5, 0.75).unwrap();
    let decoupled = trajectory(decoupled.with_epsilon(0.25).unwrap(), &[2.0, -1.0]);
    assert_relative_eq!(decoupled[0], first - 0.05, max_relative = 1e-15);
    assert_relative_eq!(decoupled[1], (first - 0.05) * 0.95, max_relative = 1e-15);
}

#[test]
fn without_decay_adamw_is_adam() {
    let gradients: Vec<f64> = (0..20).map(|i| f64::from(i).sin()).collect();
    let adamw = AdamW::new(0.01, 0.0).unwrap();
    assert_eq!(trajectory(adamw, &gradients), trajectory(Adam::new(0.01).unwrap(), &gradients));
}

/// A constant gradient leaves both corrected moments at it and its square: every step has the same length.
#[test]
fn under_a_constant_gradient_adam_walks_at_the_learning_rate() {
    let path = trajectory(Adam::new(0.01).unwrap().with_epsilon(1e-30).unwrap(), &[5.0; 50]);
    for (n, w) in path.iter().enumerate() {
        assert!((w - (1.0 - 0.01 * (n + 1) as f64)).abs() < 1e-13, "step {n}");
    }
}

#[test]
fn adam_comes_to_rest_in_a_quadratic_bowl_of_any_curvature() {
    for curvature in [1e-3, 1.0, 1e3] {
        let mut adam = Adam::<f32>::new(0.05).unwrap();
        let mut w = [Tensor::scalar(1.0)];
        for _ in 0..1000 {
            let gradient = [w[0].scale(curvature)];
            adam.step(&mut w, &gradient).unwrap();
        }
        assert!(w[0].item().unwrap().abs() < 1e-3, "{curvature}: {w:?}");
    }
}

#[test]
fn a_restored_state_continues_the_run() {
    let (mut adam, mut w) = (adam(), [Tensor::scalar(1.0)]);
    assert_eq!(adam.moments(), &Moments::default());
    adam.step(&mut w, &[Tensor::scalar(1.0)]).unwrap();
    assert_eq!(adam.moments().steps, 1);
    let (mut restored, mut same) = (self::adam().with_moments(adam.moments().clone()), w.clone());
    adam.step(&mut w, &[Tensor::scalar(1.0)]).unwrap();
    restored.step(&mut same, &[Tensor::scalar(1.0)]).unwrap();
    assert_eq!((adam, w), (restored, same));
    let adamw = AdamW::<f64>::new(0.1, 0.1).unwrap();
    let moments = Moments { steps: 3, ..Moments::default() };
    assert_eq!(adamw.with_moments(moments.clone()).moments(), &moments);
}

#[test]
fn a_restored_state_of_other_parameters_is_refused_and_kept() {
    let one = || vec![Tensor::scalar(1.0)];
    for (first, second) in
        [(vec![], vec![Tensor::zeros([2]).unwrap()]), (vec![Tensor::zeros([2]).unwrap()], one())]
    {
        let mut adam = adam().with_moments(Moments { steps: 1, first, second });
        let before = adam.clone();
        assert_eq!(adam.step(&mut one(), &one()), Err(SnnError::OptimiserState));
        assert_eq!(adam, before);
    }
}

#[test]
fn bad_parameters_are_named() {
    let named = |result: Result<Adam<f64>>| match result {
        Err(SnnError::Parameter { parameter, .. }) => parameter,
        other => panic!("{other:?}"),
    };
    assert_eq!(named(Adam::new(-1.0)), "learning rate");
    assert_eq!(named(adam().with_betas(1.0, 0.9)), "first beta");
    assert_eq!(named(adam().with_betas(0.9, -0.1)), "second beta");
    assert_eq!(named(adam().with_epsilon(0.0)), "epsilon");
    assert_eq!(named(adam().with_weight_decay(f64::NAN)), "weight decay");
    assert!(AdamW::<f64>::new(0.1, -1.0).is_err() && AdamW::<f64>::new(0.0, 0.1).is_err());
    assert!(AdamW::<f64>::new(0.1, 0.1).unwrap().with_betas(2.0, 0.9).is_err());
    assert!(AdamW::<f64>::new(0.1, 0.1).unwrap().with_epsilon(-1.0).is_err());
}
