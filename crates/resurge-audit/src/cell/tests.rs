use super::*;
use crate::description::Description;
use resurge_snn::{ResetGradient, ResetKind, ResetTiming};
use serde_json::{Value, json};

/// A layer as a description has it.
fn layer(value: &Value) -> Layer {
    let description = json!({
        "version": 1, "framework": {"name": "a", "version": "1"}, "layers": [value],
        "loss": {"kind": "weighted-sum"}
    });
    Description::parse(&description.to_string()).unwrap().layers.remove(0)
}

/// A neuron with every number, in a table that changes are made to.
fn neuron(changes: &[(&str, Value)]) -> Value {
    let mut value = json!({
        "kind": "neuron", "decay": 0.9, "input_gain": 0.7, "drive": 0.1, "initial_potential": 0.2,
        "threshold": 1.5, "reset": {"kind": "value", "timing": "after-decay", "value": -0.3},
        "synapse": {"decay": 0.5, "gain": 0.6}, "adaptation": {"decay": 0.4, "scale": 0.05},
        "reset_gradient": {"scaled": 0.25}, "refractory": 3, "output_delay": true, "trace_decay": 0.8,
        "output": "trace", "surrogate": {"kind": "sigmoid", "width": 0.2}
    });
    changed(&mut value, changes);
    value
}

fn integrator(changes: &[(&str, Value)]) -> Value {
    let mut value = json!({
        "kind": "integrator", "decay": 0.9, "input_gain": 0.7, "drive": 0.1, "initial_potential": 0.2,
        "synapse": {"decay": 0.5, "gain": 0.6}
    });
    changed(&mut value, changes);
    value
}

/// Puts values at pointers; null takes the key out.
fn changed(value: &mut Value, changes: &[(&str, Value)]) {
    for (pointer, to) in changes {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let table = value.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        match to {
            Value::Null => drop(table.remove(key)),
            to => drop(table.insert(key.to_owned(), to.clone())),
        }
    }
}

fn constants(value: &Value, shape: &[usize]) -> Result<LayerConstants> {
    LayerConstants::new(4, &layer(value), shape).map(Option::unwrap)
}

const SIX: [usize; 3] = [5, 2, 6];

#[test]
fn every_constant_of_a_neuron_is_its_own() {
    let all = constants(&neuron(&[]), &SIX).unwrap();
    assert!(!all.vary());
    let Constants { cell, reset_value, output, spiking, min_potential, adaptation_detached } = *all;
    let same = Cell {
        decay: 0.9,
        input_gain: 0.7,
        drive: 0.1,
        initial_potential: 0.2,
        threshold: 1.5,
        trace_decay: 0.8,
        synapse: Some(Synapse { decay: 0.5, gain: 0.6 }),
        adaptation: Some(Adaptation { decay: 0.4, scale: 0.05 }),
        surrogate: Surrogate::sigmoid(0.2).unwrap(),
        reset: Reset { kind: ResetKind::ToValue(-0.3), timing: ResetTiming::AfterDecay },
        reset_gradient: ResetGradient::Scaled(0.25),
        firing: Firing::Above,
        threshold_in_spike: ThresholdInSpike::Attached,
        refractory_steps: 3,
        output_delay: true,
        residual_reset: false,
    };
    assert_eq!((cell, reset_value, output, spiking), (same, -0.3, Output::Trace, true));
    assert_eq!((min_potential, adaptation_detached), (None, false));

    let of = constants(&integrator(&[]), &SIX).unwrap();
    let leak = Cell {
        decay: 0.9,
        input_gain: 0.7,
        drive: 0.1,
        initial_potential: 0.2,
        trace_decay: 0.0,
        synapse: Some(Synapse { decay: 0.5, gain: 0.6 }),
        reset: Reset::NONE,
        ..Cell::lif(Surrogate::straight_through())
    };
    assert_eq!((of.cell, of.reset_value, of.output, of.spiking), (leak, 0.0, Output::Potential, false));
}

/// What a description calls by words is what the cell calls so.
#[test]
fn a_cell_has_the_choices_of_the_description() {
    let cell = |changes: &[(&str, Value)]| constants(&neuron(changes), &SIX).unwrap().cell;
    for &firing in Firing::ALL {
        assert_eq!(cell(&[("/firing", json!(firing.name()))]).firing, firing);
    }
    for &threshold in ThresholdInSpike::ALL {
        let of = constants(&neuron(&[("/threshold_in_spike", json!(threshold.name()))]), &SIX).unwrap();
        assert_eq!(of.cell.threshold_in_spike, threshold);
        assert_eq!(of.in_thresholds(), threshold == ThresholdInSpike::Relative);
    }
    for entry in ResetKind::ALL {
        for &timing in ResetTiming::ALL {
            let described = json!({"kind": entry.name, "timing": timing.name(), "value": 0.4});
            let numbers = vec![0.4; entry.parameters.len()];
            let reset = Reset { kind: entry.of(&numbers).unwrap(), timing };
            let of = constants(&neuron(&[("/reset", described)]), &SIX).unwrap();
            // The value is kept for other resets that may be tried.
            assert_eq!((of.cell.reset, of.reset_value), (reset, 0.4));
        }
        let bare = cell(&[("/reset", json!({"kind": entry.name}))]).reset;
        assert_eq!((bare.timing, bare.kind.value().unwrap_or(0.0)), (ResetTiming::BeforeDecay, 0.0));
    }
    let subtract = json!({"kind": "subtract", "timing": "before-decay"});
    assert!(cell(&[("/residual_reset", json!(true)), ("/reset", subtract)]).residual_reset);
}

#[test]
fn a_neuron_fires_as_often_as_its_firing_says() {
    let count =
        |firing: &str, x: f64| constants(&neuron(&[("/firing", json!(firing))]), &SIX).unwrap().count(x);
    assert_eq!([-0.1, 0.0, 0.1, 7.0].map(|x| count("above", x)), [0.0, 0.0, 1.0, 1.0]);
    assert_eq!([-0.1, 0.0, 0.1, 7.0].map(|x| count("at-or-above", x)), [0.0, 1.0, 1.0, 1.0]);
    let many = [-3.5, -1.0, -0.1, 0.0, 0.9, 1.0, 2.5].map(|x| count("repeatedly", x));
    assert_eq!(many, [0.0, 0.0, 0.0, 1.0, 1.0, 2.0, 3.0]);
    let repeatedly = constants(&neuron(&[("/firing", json!("repeatedly"))]), &SIX).unwrap();
    assert!(repeatedly.in_thresholds());
}

/// Each number may be a list: of the six neurons, or of the two channels of a layer with images.
#[test]
fn lists_are_of_neurons_or_channels() {
    let six = json!([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
    type Of = fn(&Constants) -> f64;
    let read: [(&str, Of); 10] = [
        ("/decay", |c| c.cell.decay),
        ("/input_gain", |c| c.cell.input_gain),
        ("/drive", |c| c.cell.drive),
        ("/initial_potential", |c| c.cell.initial_potential),
        ("/threshold", |c| c.cell.threshold),
        ("/reset/value", |c| c.reset_value),
        ("/synapse/decay", |c| c.cell.synapse.unwrap().decay),
        ("/synapse/gain", |c| c.cell.synapse.unwrap().gain),
        ("/adaptation/decay", |c| c.cell.adaptation.unwrap().decay),
        ("/adaptation/scale", |c| c.cell.adaptation.unwrap().scale),
    ];
    for (key, of) in read {
        // An initial potential above the threshold is no matter here.
        let all = constants(&neuron(&[(key, six.clone())]), &SIX).unwrap();
        assert!(all.vary(), "{key}");
        let found: Vec<f64> = (0..6).map(|k| of(all.of(k))).collect();
        assert_eq!(found, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], "{key}");
        assert_eq!((all.entries().0.len(), all.entries().1), (6, 1));
        let wrong = constants(&neuron(&[(key, json!([0.5, 0.5]))]), &SIX).unwrap_err().to_string();
        let path = format!("layer 4, `layers[4].{}`: it has 2 numbers", key[1..].replace('/', "."));
        assert!(wrong.starts_with(&path), "{wrong}");
    }
    let keys = ["/decay", "/input_gain", "/drive", "/initial_potential", "/synapse/decay", "/synapse/gain"];
    for key in keys {
        let all = constants(&integrator(&[(key, six.clone())]), &SIX).unwrap();
        assert!(all.vary());
        let wrong = constants(&integrator(&[(key, json!([0.5, 0.5]))]), &SIX).unwrap_err().to_string();
        assert!(wrong.contains(&key[1..].replace('/', ".")) && wrong.contains("it has 2 numbers"), "{wrong}");
    }
    // Two channels of 2 x 3.
    let images = constants(&neuron(&[("/decay", json!([0.5, 0.6]))]), &[5, 2, 2, 2, 3]).unwrap();
    assert_eq!(images.entries().1, 6);
    assert_eq!([0, 5, 6, 11].map(|k| images.of(k).cell.decay), [0.5, 0.5, 0.6, 0.6]);
    // One neuron with a list of one has nothing that varies.
    assert!(!constants(&neuron(&[("/decay", json!([0.5]))]), &[5, 2, 1]).unwrap().vary());
}

/// What a cell refuses is said at the key, and at the place in its list, that it comes from.
#[test]
fn a_number_out_of_its_range_is_named_by_its_key() {
    let wrong = |value: &Value, shape: &[usize]| constants(value, shape).unwrap_err().to_string();
    for (key, bad, place) in [
        ("/decay", 1.5, "decay"),
        ("/threshold", -1.0, "threshold"),
        ("/trace_decay", 1.5, "trace_decay"),
        ("/synapse/decay", -0.5, "synapse.decay"),
        ("/adaptation/decay", 1.5, "adaptation.decay"),
    ] {
        let error = wrong(&neuron(&[(key, json!(bad))]), &SIX);
        assert!(error.starts_with(&format!("layer 4, `layers[4].{place}`: ")), "{error}");
    }
    for (key, place) in [
        ("/decay", "decay"),
        ("/threshold", "threshold"),
        ("/synapse/decay", "synapse.decay"),
        ("/adaptation/decay", "adaptation.decay"),
    ] {
        let error = wrong(&neuron(&[(key, json!([0.5, 0.5, 0.5, -2.0, 0.5, 0.5]))]), &SIX);
        assert!(error.starts_with(&format!("layer 4, `layers[4].{place}[3]`: ")), "{error}");
    }
    // In a layer of images whose entries are neurons, the index is that of the list: a channel's.
    let images = neuron(&[("/decay", json!([0.5, 1.5])), ("/drive", json!(vec![0.1; 12]))]);
    let error = wrong(&images, &[5, 2, 2, 2, 3]);
    assert!(error.starts_with("layer 4, `layers[4].decay[1]`: "), "{error}");
    let error = wrong(&integrator(&[("/decay", json!([0.5, 0.5, 1.5, 0.5, 0.5, 0.5]))]), &SIX);
    assert!(error.starts_with("layer 4, `layers[4].decay[2]`: "), "{error}");
}

#[test]
fn what_does_not_go_together_is_refused_with_its_key() {
    let said = |value: &Value| constants(value, &SIX).err().map(|error| error.to_string());
    let subtract = json!({"kind": "subtract", "timing": "before-decay"});
    let residual = |reset: &Value, firing: &str| {
        said(&neuron(&[
            ("/residual_reset", json!(true)),
            ("/reset", reset.clone()),
            ("/firing", json!(firing)),
        ]))
    };
    assert_eq!(residual(&subtract, "above"), None);
    for reset in [json!({"kind": "zero"}), json!({"kind": "subtract", "timing": "after-decay"})] {
        let error = residual(&reset, "above").unwrap();
        assert!(error.starts_with("layer 4, `layers[4].residual_reset`: it goes with"), "{error}");
        // Without it, these resets are fine.
        assert_eq!(said(&neuron(&[("/reset", reset)])), None);
    }
    let error = residual(&subtract, "repeatedly").unwrap();
    assert!(error.starts_with("layer 4, `layers[4].residual_reset`: it is of one spike"), "{error}");
    assert_eq!(said(&neuron(&[("/reset", subtract.clone()), ("/firing", json!("repeatedly"))])), None);

    let least = |reset: &Value, residual: bool| {
        said(&neuron(&[
            ("/min_potential", json!(-0.5)),
            ("/residual_reset", json!(residual)),
            ("/reset", reset.clone()),
        ]))
    };
    let after = json!({"kind": "subtract", "timing": "after-decay"});
    assert_eq!(least(&subtract, false), None);
    for error in [least(&after, false), least(&subtract, true)] {
        assert!(error.unwrap().starts_with("layer 4, `layers[4].min_potential`: it bounds what"));
    }
    let autapses =
        |recurrent: bool| said(&neuron(&[("/autapses", json!(false)), ("/recurrent", json!(recurrent))]));
    assert_eq!(autapses(true), None);
    assert!(autapses(false).unwrap().starts_with("layer 4, `layers[4].autapses`: it is of recurrent"));

    let output = |output: &str, recurrent: bool| {
        said(&neuron(&[("/output", json!(output)), ("/recurrent", json!(recurrent))]))
    };
    assert!(output("potential", true).unwrap().starts_with("layer 4, `layers[4].output`: a recurrent layer"));
    assert_eq!((output("potential", false), output("spikes", true)), (None, None));
}

#[test]
fn learned_constants_are_some_that_the_layer_has() {
    let said = |value: &Value| constants(value, &SIX).err().map(|error| error.to_string());
    let learned = |constant: &str| ("/learned", json!({"tau": {(constant): 1.0}}));
    let all = [
        "decay",
        "threshold",
        "input_gain",
        "drive",
        "reset_value",
        "synapse_decay",
        "synapse_gain",
        "adaptation_decay",
        "adaptation_scale",
    ];
    type Make = fn(&[(&str, Value)]) -> Value;
    let refused = |value: Make, without: &[(&str, Value)]| -> Vec<&str> {
        let wrong = |constant: &&str| {
            let changes: Vec<_> = without.iter().cloned().chain([learned(constant)]).collect();
            match said(&value(&changes)) {
                None => false,
                Some(error) => {
                    let start =
                        format!("layer 4, `layers[4].learned.tau`: it names `{constant}`, which this ");
                    assert!(error.starts_with(&start), "{error}");
                    true
                }
            }
        };
        all.into_iter().filter(wrong).collect()
    };
    let none: [&str; 0] = [];
    assert_eq!(refused(neuron, &[]), none);
    assert_eq!(refused(neuron, &[("/synapse", Value::Null)]), ["synapse_decay", "synapse_gain"]);
    assert_eq!(refused(neuron, &[("/adaptation", Value::Null)]), ["adaptation_decay", "adaptation_scale"]);
    for (kind, refuses) in
        [("zero", true), ("none", true), ("subtract", true), ("value", false), ("zero-then-add", false)]
    {
        let reset = ("/reset", json!({"kind": kind}));
        let expected: &[&str] = if refuses { &["reset_value"] } else { &[] };
        assert_eq!(refused(neuron, &[reset]), expected, "{kind}");
    }
    let never = ["threshold", "reset_value", "adaptation_decay", "adaptation_scale"];
    assert_eq!(refused(integrator, &[]), never);
    let without = refused(integrator, &[("/synapse", Value::Null)]);
    assert_eq!(without, ["threshold", "reset_value", "synapse_decay", "synapse_gain", never[2], never[3]]);

    let list = json!({"tau": {"decay": [1.0, 2.0]}});
    for value in [neuron(&[("/learned", list.clone())]), integrator(&[("/learned", list)])] {
        let error = said(&value).unwrap();
        assert!(error.starts_with("layer 4, `layers[4].learned.tau.decay`: it has 2 numbers"), "{error}");
    }
    for (name, good) in [
        ("tau_2", true),
        ("Tau", true),
        ("", false),
        ("a.b", false),
        ("a b", false),
        ("weight", false),
        ("bias", false),
        ("recurrent", false),
    ] {
        let of = json!({(name): {"decay": 1.0}});
        for value in [neuron(&[("/learned", of.clone())]), integrator(&[("/learned", of.clone())])] {
            assert_eq!(said(&value).is_none(), good, "{name}");
        }
    }
}

#[test]
fn a_threshold_adapts_without_a_gradient_where_it_is_said() {
    let of = |adaptation: Value| {
        constants(&neuron(&[("/adaptation", adaptation)]), &SIX).unwrap().adaptation_detached
    };
    assert!(of(json!({"decay": 0.4, "scale": 0.05, "detached": true})));
    assert!(!of(json!({"decay": 0.4, "scale": 0.05})));
    assert!(!of(Value::Null));
}

/// By the names of their kinds alone; a number that is out of its range is named by its own key.
#[test]
fn a_surrogate_is_read_or_its_key_is_named() {
    let of = |surrogate: Value| match constants(&neuron(&[("/surrogate", surrogate)]), &SIX) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    };
    let wings = |width: f64, wings: f64, ratio: f64| {
        of(json!({"kind": "multi-gaussian", "width": width, "wings": wings, "ratio": ratio}))
    };
    let peak = |peak: f64| of(json!({"kind": "heaviside", "width": 0.5, "scale": {"peak": peak}}));
    for (said, key) in [
        (
            of(json!({"kind": "tanh", "slope": 1.0})),
            "kind`: `tanh` is not known; take one of sigmoid, atan, ",
        ),
        (of(json!({"kind": "erf", "slope": 1.0})), "kind`: `erf` is not known"),
        (of(json!({"kind": "atan", "width": 1.0})), "width`: `atan` has none"),
        (of(json!({"kind": "atan"})), "slope`: it is missing, but `atan` needs it"),
        (wings(-1.0, 0.1, 6.0), "width`: "),
        (wings(1.0, 0.7, 6.0), "wings`: "),
        (wings(1.0, 0.1, -6.0), "ratio`: "),
        (
            of(json!({"kind": "heaviside", "width": 0.5, "scale": "unit-area"})),
            "scale`: `heaviside` has no area",
        ),
        (peak(0.0), "scale.peak`: it is 0, but must be positive"),
        (peak(-1.0), "scale.peak`: it is -1, but must be positive"),
    ] {
        assert!(said.starts_with(&format!("layer 4, `layers[4].surrogate.{key}")), "{said}");
    }
    assert_eq!((wings(1.0, 0.1, 6.0), peak(2.0)), (String::new(), String::new()));
}
