use super::*;
use crate::file::tests::with_neurons;
use crate::reader::tests::Draft;
use serde_json::json;

/// A potential that was had from its difference to the threshold is off by that one's rounding, whatever its sign.
#[test]
fn potentials_may_be_off_by_the_rounding_of_a_threshold() {
    let neuron = json!({
        "kind": "neuron", "decay": 0.5, "threshold": 1, "reset": {"kind": "none"}, "reset_gradient": "full",
        "surrogate": {"kind": "fast-sigmoid", "slope": 5},
    });
    let shape = [1, 1, 1];
    let diverges = |threshold: f64, roundoffs: f64| {
        let file = Draft::new(&json!([neuron]), &json!({"kind": "weighted-sum"}))
            .with("input", &shape, &[0.0])
            .with("potentials.0", &shape, &[roundoffs * 0.5_f64.powi(53)])
            .with("loss.weight", &shape, &[1.0])
            .filled("gradients.input", &shape)
            .read()
            .unwrap();
        let file = with_neurons(&file, 0, |c| c.cell.threshold = threshold);
        let run = NetworkRun::new(&file).unwrap();
        check(&run, run.loss()).divergence.is_some()
    };
    // Twice 64 units of roundoff, of the file's type and of the audit's own: 256 in all.
    for threshold in [64.0, -64.0] {
        let found = [0.0, 1.0, 100.0, 1000.0, 1e9].map(|off| diverges(threshold, off));
        assert_eq!(found, [false, false, false, true, true], "{threshold}");
    }
}

/// Every step is compared, and the first that differs is the place.
#[test]
fn a_later_step_may_be_the_first_that_differs() {
    let leak = json!({"kind": "integrator", "decay": 0.5});
    let shape = [3, 1, 1];
    let diverges = |potentials: [f64; 3]| {
        let file = Draft::new(&json!([leak]), &json!({"kind": "weighted-sum"}))
            .with("input", &shape, &[1.0, 0.0, 0.0])
            .with("potentials.0", &shape, &potentials)
            .with("loss.weight", &shape, &[1.0; 3])
            .filled("gradients.input", &shape)
            .read()
            .unwrap();
        let run = NetworkRun::new(&file).unwrap();
        check(&run, run.loss()).divergence.map(|at| at.step)
    };
    assert_eq!(diverges([1.0, 0.5, 0.25]), None);
    assert_eq!(diverges([1.0, 0.75, 0.75]), Some(1));
    assert_eq!(diverges([1.0, 0.5, 0.75]), Some(2));
}
