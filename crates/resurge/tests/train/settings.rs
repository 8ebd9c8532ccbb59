//! Settings that do not fit are named.

use resurge::train::{Config, LayerSpec, Network, Preset, TrainError};

#[test]
fn the_presets_are_valid_and_their_networks_those_of_the_derivation() {
    let sizes = |preset, image, expected: &[usize]| {
        let network = Network::new(&Config::preset(preset), image, 10).unwrap();
        let sizes: Vec<usize> =
            network.parameters().iter().map(|parameter| parameter.shape.iter().product()).collect();
        assert_eq!(sizes, expected, "{preset:?}");
    };
    sizes(Preset::Mnist, [1, 28, 28], &[15 * 25, 40 * 15 * 25, 300 * 640, 10 * 300]);
    sizes(Preset::NMnist, [2, 34, 34], &[12 * 2 * 25, 64 * 12 * 25, 10 * 64 * 36]);
    sizes(
        Preset::Cifar10,
        [3, 32, 32],
        &[
            96 * 3 * 9,
            256 * 96 * 9,
            384 * 256 * 9,
            384 * 384 * 9,
            256 * 384 * 9,
            1024 * 256 * 64,
            1024 * 1024,
            10 * 1024,
        ],
    );
    sizes(Preset::Small, [1, 28, 28], &[4 * 25, 10 * 4 * 36]);
    let expected = [
        (Preset::Mnist, 5, 5.0, 2.0, 5e-4, 100, 100),
        (Preset::NMnist, 30, 8.0, 4.0, 5e-4, 50, 100),
        (Preset::Cifar10, 5, 5.0, 2.0, 2e-4, 50, 150),
    ];
    for (preset, steps, tau_m, tau_s, rate, batch, epochs) in expected {
        let c = Config::preset(preset);
        assert_eq!((c.steps, c.tau_m, c.tau_s, c.learning_rate), (steps, tau_m, tau_s, rate));
        assert_eq!((c.batch, c.epochs, c.clip, c.clamp, c.threshold), (batch, epochs, 1.0, 4.0, 1.0));
        assert_eq!((c.betas, c.reset.as_str(), c.reset_gradient.as_str()), ([0.9, 0.999], "zero", "full"));
    }
}

#[test]
fn settings_come_back_from_toml() {
    for preset in Preset::ALL {
        let config = Config::preset(preset);
        assert_eq!(Config::from_toml(&config.to_toml().unwrap()).unwrap(), config);
    }
}

#[test]
fn settings_that_do_not_fit_are_named() {
    let expected = [
        ("stepps=5", "stepps is unknown; there are"),
        ("steps", "\"steps\" has no value; write it as key=value"),
        ("schedule=step", "schedule is \"step\"; it must be constant or cosine"),
        ("steps=0", "steps is 0, but must be at least 1"),
        (
            "seed=18446744073709551615",
            "seed is 18446744073709551615, but must be at most 9223372036854775807 (2^63 - 1)",
        ),
        ("seed=9223372036854775808", "at most 9223372036854775807 (2^63 - 1)"),
        ("steps=many", "steps is many, but must be a whole number from 1 on, such as 5"),
        ("steps=-1", "steps is -1, but must be a whole number from 1 on"),
        ("seed=-1", "seed is -1, but must be a whole number from 0 on"),
        ("epochs=-1", "epochs is -1, but must be a whole number from 0 on"),
        ("tau_m=0.5", "tau_m is 0.5, but must be at least 1"),
        ("tau_s=nan", "tau_s is NaN, but must be at least 1, and finite"),
        ("tau_m=inf", "tau_m is inf, but must be at least 1, and finite"),
        ("learning_rate=inf", "learning_rate is inf, but must be positive, and finite"),
        ("learning_rate=fast", "learning_rate is fast, but must be a number, such as 0.5"),
        ("threshold=1e400", "threshold is inf, but must be positive, and finite"),
        ("batch=abc", "batch is abc, but must be a whole number from 1 on, such as 5"),
        ("batch=1.5", "batch is 1.5, but must be a whole number from 1 on, such as 5"),
        ("batch=", "batch is \"\", but must be a whole number from 1 on, such as 5"),
        ("=3", "\"=3\" has no key; write it as key=value"),
        ("window=-1", "window is -1, but must be a whole number from 0 to 4294967295"),
        ("reset=3", "reset is \"3\"; it must be one of: none, zero"),
        ("loss=1.5", "loss is \"1.5\"; it must be"),
        ("mean=0.5", "mean is 0.5, but must be a list of numbers, such as [0.5]"),
        ("mean=[nan]", "mean holds NaN, but each must be finite"),
        ("betas=0.9", "betas is 0.9, but must be two numbers, such as [0.9, 0.999]"),
        ("layers=conv 3 3", "layers is conv 3 3, but must be a list of layers, such as [\"conv 15 5\""),
        ("layers=[3]", "layers is [3], but must be a list of layers"),
        ("threshold=0", "threshold is 0, but must be positive"),
        ("surrogate=step", "surrogate is \"step\"; it must be one of: sigmoid WIDTH, "),
        ("surrogate=atan -1", "surrogate: "),
        ("reset=one", "reset is \"one\"; it must be one of: none, zero,"),
        ("reset_gradient=half", "reset_gradient: no rule is named half: use one of: full, detached"),
        ("reset_gradient=scaled-2", "reset_gradient: no rule is named scaled-2"),
        ("loss=kernel 012", "loss is \"kernel 012\"; it must be"),
        ("loss=count 3", "loss is \"count 3\""),
        ("loss=count -3 1", "loss: desired spike count is -3, but must be at least 0"),
        ("loss=weighted-sum", "loss is \"weighted-sum\", which compares with weights, but data have classes"),
        ("loss=mse last scale -1", "which is smallest where the classes are told apart worst"),
        ("loss=mse never", "readout is \"never\"; it must be one of: sum, mean, last, max, all"),
        ("output=traces and spikes", "output is \"traces and spikes\"; it must be auto, traces or spikes"),
        ("output=spikes", "output is \"spikes\", but the loss \"kernel 01111\" compares traces; write auto"),
        ("between=currents", "between is currents, but must be traces or spikes"),
        ("cell=tau 5", "cell is \"tau 5\", but tau is a setting of its own: write tau_m"),
        ("cell=refractory 1 reset zero", "but reset is a setting of its own: write reset"),
        ("cell=synapse 0.5", "cell"),
        ("cell=synapse 1.5 1", "cell: synapse decay is 1.5"),
        ("cell=refractory -1", "cell"),
        ("cell=residual-reset", "cell: "),
        (
            "learned=[\"weight\"]",
            "learned constant is \"weight\"; it must be one of: recurrent weight, decay,",
        ),
        ("learned=[\"recurrent weight\"]", "which is of one layer: write \"linear NEURONS recurrent\""),
        ("learned=[\"synapse decay\"]", "learned has \"synapse decay\", which these cells do not have"),
        ("learned=[\"decay\", \"decay\"]", "learned has \"decay\", twice"),
        ("learned=[\"decay\", \"decay logit\"]", "and the decay besides; learn one of them"),
        ("learned=decay", "learned is decay, but must be a list of names, such as [\"decay\"]"),
        ("loss=kernel 0000", "loss is \"kernel 0000\", which has no target spike in 5 steps"),
        (
            "loss=kernel 000001",
            "no target spike in 5 steps, so that silence is right for every class; give it a 1",
        ),
        (
            "loss=count 15 3",
            "but in 5 steps a neuron spikes at most 5 times; ask for fewer, or take more steps",
        ),
        ("loss=count 5 15", "the right class must spike more often than the others"),
        ("loss=count 3 3", "write the larger number first"),
        ("learning_rate=-1", "learning_rate is -1, but must be positive"),
        ("betas=[0.9, 1]", "betas"),
        ("betas=[0.9, 1.0]", "betas[1] is 1, but must be at least 0 and less than 1"),
        ("weight_decay=-1", "weight_decay is -1"),
        ("batch=0", "batch is 0"),
        ("part=0", "part is 0"),
        ("clip=-1", "clip is -1"),
        ("clamp=inf", "clamp is inf"),
        ("gain=0", "gain is 0"),
        ("deviation=[0.0]", "deviation holds 0, but each must be positive and finite"),
        ("layers=[\"conf 3 3\"]", "\"conf 3 3\" is no layer; write conv FILTERS KERNEL"),
        ("layers=[\"dropout 1\"]", "\"dropout 1\" is no layer"),
        ("layers=[\"conv 3 3 pad\"]", "\"conv 3 3 pad\" is no layer"),
    ];
    for (setting, message) in expected {
        let error = Config::preset(Preset::Small).with(&[setting]).unwrap_err().to_string();
        assert!(error.starts_with("setting ") && error.contains(message), "{setting}: {error}");
        assert!(!error.contains('\n') && !error.contains("expected"), "{setting}: {error}");
    }
    for fits in ["loss=count 3 1 one-sided", "loss=mse last", "output=traces", "cell=firing at-or-above"] {
        assert!(Config::preset(Preset::Small).with(&[fits]).is_ok(), "{fits}");
    }
    for fits in ["loss=kernel 1", "loss=kernel 0000110", "loss=count 5 0", "loss=count 0.5 0.25"] {
        assert!(Config::preset(Preset::Small).with(&[fits]).is_ok(), "{fits}");
    }
    let text = Preset::Small.text().replace("steps", "stepps");
    let error = Config::from_toml(&text).unwrap_err().to_string();
    assert!(error.contains("unknown field `stepps`"), "{error}");
}

#[test]
fn numbers_are_taken_as_people_write_them() {
    let small = Config::preset(Preset::Small);
    for (setting, rate) in [("1", 1.0), (".5", 0.5), ("2.", 2.0), ("1e-3", 1e-3), ("+0.25", 0.25)] {
        let config = small.with(&[format!("learning_rate={setting}")]).unwrap();
        assert_eq!(config.learning_rate, rate, "{setting}");
    }
    assert_eq!(small.with(&["betas=[0, 0.5]"]).unwrap().betas, [0.0, 0.5]);
}

#[test]
fn layers_that_do_not_fit_are_named() {
    let expected = [
        ("[\"conv 4 5\", \"pool 30\", \"linear 10\"]", "layer 2, \"pool 30\": "),
        ("[\"linear 10\", \"conv 4 5\"]", "layer 2, \"conv 4 5\": it needs an image"),
        ("[\"linear 300\"]", "layer 1, \"linear 300\": the last layer must be \"linear 10\""),
    ];
    for (layers, message) in expected {
        let config = Config::preset(Preset::Small).with(&[format!("layers={layers}")]).unwrap();
        let error = Network::new(&config, [1, 28, 28], 10).unwrap_err();
        assert!(matches!(error, TrainError::Layer { .. }));
        assert!(error.to_string().starts_with(message), "{error}");
    }
    let config = Config::preset(Preset::Small).with(&["layers=[]"]).unwrap();
    let error = Network::new(&config, [1, 28, 28], 10).unwrap_err().to_string();
    assert!(error.starts_with("setting layers is empty, but") && error.contains("\"linear 10\""), "{error}");
}

#[test]
fn layers_are_written_as_they_are_read() {
    for text in
        ["conv 4 5", "conv 4 5 pad 2", "conv 4 5 pad 1 stride 2", "linear 3", "pool 2", "dropout 0.25"]
    {
        assert_eq!(text.parse::<LayerSpec>().unwrap().to_string(), text);
    }
    let recurrent = "linear 3 recurrent";
    assert_eq!(recurrent.parse(), Ok(LayerSpec::Linear { neurons: 3, recurrent: true }));
    assert_eq!(recurrent.parse::<LayerSpec>().unwrap().to_string(), recurrent);
    assert!("linear 3 recurring".parse::<LayerSpec>().unwrap_err().contains("linear NEURONS [recurrent]"));
}
