//! Bad values of every option: what is said, word for word. The thing and the remedy, each once.

use crate::resurge;

/// What clap says of a value, without its hint at `--help`.
fn invalid(value: &str, option: &str, problem: &str) -> String {
    format!(
        "error: invalid value '{value}' for '{option}': {problem}\n\nFor more information, try '--help'.\n"
    )
}

fn whole(least: u64, most: u64) -> String {
    format!("give a whole number from {least} to {most}")
}

const REAL: &str = "give a number, such as 0.05 or 1e-3";

/// Command, option as it is shown, bad values, what is said of each.
fn numbers() -> Vec<(&'static [&'static str], &'static str, &'static [&'static str], String)> {
    let any = whole(0, u64::MAX);
    let threads = whole(1, 1024);
    let limit = whole(1, 1_000_000);
    let every = whole(1, 1_000_000_000);
    const TRAIN: &[&str] = &["train", "mnist", "--data", "/nowhere"];
    const COMPARE: &[&str] = &["compare", "mnist", "--data", "/nowhere"];
    const MAP: &[&str] = &["diagnose", "--map"];
    let bad: &[&str] = &["abc", "-1", "1.5", "", "99999999999999999999999"];
    let or_zero: &[&str] = &["abc", "-1", "1.5", "", "0", "99999999999999999999999"];
    let no_number: &[&str] = &["abc", "", "1,5x"];
    vec![
        (&["verify"], "--steps <STEPS>", or_zero, whole(1, 10_000)),
        (&["verify"], "--hidden <HIDDEN>", or_zero, whole(1, 10_000)),
        (&["verify"], "--batch <BATCH>", &["0", "1798", "-4"], whole(1, 1797)),
        (&["verify"], "--seed <SEED>", bad, any.clone()),
        (&["verify"], "--threads <THREADS>", or_zero, threads.clone()),
        (&["audit", "x"], "--threads <THREADS>", or_zero, threads.clone()),
        (&["toy"], "--inputs <INPUTS>", bad, any.clone()),
        (&["toy"], "--updates <UPDATES>", bad, any.clone()),
        (&["toy"], "--per-decade <N>", bad, any.clone()),
        (&["toy"], "--rate-min <RATE>", no_number, REAL.into()),
        (&["toy"], "--rate-max <RATE>", no_number, REAL.into()),
        (&["toy"], "--threads <THREADS>", or_zero, threads.clone()),
        (TRAIN, "--seed <SEED>", bad, any.clone()),
        (TRAIN, "--epochs <EPOCHS>", bad, any.clone()),
        (TRAIN, "--limit <N>", or_zero, limit.clone()),
        (TRAIN, "--checkpoint-every <N>", or_zero, every.clone()),
        (TRAIN, "--threads <THREADS>", or_zero, threads.clone()),
        (COMPARE, "--epochs <EPOCHS>", bad, any.clone()),
        (COMPARE, "--limit <N>", or_zero, limit),
        (COMPARE, "--cost <BATCHES>", bad, whole(0, 100_000)),
        (COMPARE, "--checkpoint-every <N>", or_zero, every),
        (COMPARE, "--threads <THREADS>", or_zero, threads.clone()),
        (&["diagnose"], "--samples <N>", or_zero, whole(1, 100_000)),
        (&["diagnose"], "--seed <SEED>", bad, any.clone()),
        (&["diagnose"], "--input-rate <RATE>", no_number, REAL.into()),
        (&["diagnose"], "--threads <THREADS>", or_zero, threads),
        (MAP, "--decays <DECAYS>", &no_number[..2], REAL.into()),
        (MAP, "--widths <WIDTHS>", &no_number[..2], REAL.into()),
        (MAP, "--rates <RATES>", &no_number[..2], REAL.into()),
        (MAP, "--neurons <N>", bad, any.clone()),
        (MAP, "--steps <STEPS>", bad, any.clone()),
        (MAP, "--repeats <N>", bad, any),
        (MAP, "--noise <SHARE>", no_number, REAL.into()),
        (MAP, "--tolerance <SHARE>", no_number, REAL.into()),
    ]
}

#[test]
fn a_number_that_is_none_is_named_with_what_it_may_be() {
    for (command, option, values, problem) in numbers() {
        let flag = option.split(' ').next().unwrap();
        for value in values {
            let (status, stdout, stderr) = resurge(&[command, &[flag, value]].concat());
            assert_eq!((status, stdout.as_str()), (2, ""), "{command:?} {flag} {value}");
            assert_eq!(stderr, invalid(value, option, &problem), "{command:?} {flag} {value}");
        }
    }
}

const RULES: &str = "use one of: full, detached, spatial-only, scaled:ALPHA with ALPHA from 0 to 1";

const SURROGATES: &str = "it must be one of: sigmoid WIDTH, tanh SLOPE, atan SLOPE, fast-sigmoid SLOPE, \
    superspike-asymptotic SLOPE, triangle WIDTH, rectangle WIDTH, gaussian WIDTH, erf SLOPE, exponential WIDTH, \
    algebraic WIDTH, multi-gaussian WIDTH [WINGS] [RATIO], heaviside WIDTH, periodic-exponential WIDTH PERIOD, \
    straight-through";

const RESETS: &str = "it must be one of: none, zero, zero-after-decay, gated, subtract, subtract-then-decay, \
    subtract-after-input, value VALUE, value-after-decay VALUE, value-gated VALUE, zero-then-add VALUE, \
    zero-then-add-after-decay VALUE, zero-then-add-gated VALUE";

/// Each with all that is said. `train`, `compare`, `diagnose` and `config` read settings in the same way.
fn said() -> Vec<(&'static [&'static str], String)> {
    const SET: &[&str] = &["config", "--preset", "small", "--set"];
    let setting = |value: &'static str, problem: &str| {
        let arguments: Vec<&'static str> = SET.iter().copied().chain([value]).collect();
        (&*arguments.leak(), format!("setting {problem}"))
    };
    let is = |arguments: &'static [&'static str], words: &str| (arguments, words.to_owned());
    let whole = "but must be a whole number from 1 on, such as 5";
    vec![
        is(
            &["toy", "--rate-min", "1", "--rate-max", "0.1"],
            "rate-max is 0.1 and rate-min 1, but must be larger than rate-min",
        ),
        is(&["toy", "--rate-min", "-1"], "rate-min is -1, but must be positive, from 1e-30 to 1e30"),
        is(&["toy", "--rate-max", "inf"], "rate-max is inf, but must be positive, from 1e-30 to 1e30"),
        is(&["toy", "--rate-max", "nan"], "rate-max is NaN, but must be positive, from 1e-30 to 1e30"),
        is(
            &["toy", "--rate-min", "0.5", "--per-decade", "1"],
            "the number of learning rates is 1, but must be from 2 to 1000: change rate-min, rate-max or per-decade",
        ),
        is(&["toy", "--inputs", "0"], "inputs is 0, but must be from 1 to 100000"),
        is(&["toy", "--seeds", "1"], "the number of seeds is 1, but must be from 2 to 10000"),
        is(&["toy", "--seeds", "4,5,4"], "seeds is 4-5,4, but must be each once"),
        is(&["toy", "--updates", "60001"], "updates is 60001, but must be from 1 to 60000"),
        is(&["toy", "--per-decade", "0"], "per-decade is 0, but must be from 1 to 100"),
        is(
            &["toy", "--reset-gradient", "full", "--reset-gradient", "full"],
            "reset-gradient is full,full, but must be one or more, each once",
        ),
        is(&["toy", "--optimisers", "sgd,sgd"], "optimisers is sgd,sgd, but must be one or more, each once"),
        is(
            &["toy", "--from", "/nowhere"],
            "there is no directory /nowhere: name one with the data of `resurge toy`",
        ),
        is(
            &["toy", "--from", "/dev/null"],
            "the directory /dev/null cannot be read: Not a directory (os error 20); name one with the data of `resurge toy`",
        ),
        is(
            &["train", "mnist", "--data", "/nowhere"],
            "there is no directory /nowhere: name the one with the mnist files, or make it: resurge data fetch mnist --data \
             /nowhere",
        ),
        is(
            &["compare", "nmnist", "--data", "/nowhere"],
            "there is no directory /nowhere: name the one with the nmnist files, or make it: resurge data fetch nmnist --data \
             /nowhere",
        ),
        is(
            &["diagnose", "--data", "/nowhere"],
            "there is no directory /nowhere: name the one with the mnist files, or make it: resurge data fetch mnist --data \
             /nowhere",
        ),
        is(
            &["train", "mnist", "--data", "/nowhere", "--set", "reset_gradient=half"],
            &format!("setting reset_gradient: no rule is named half: {RULES}"),
        ),
        is(
            &["compare", "mnist", "--data", "/nowhere", "--set", "reset_gradient=full"],
            "setting reset_gradient differs from trial to trial: give --reset-gradient instead",
        ),
        is(
            &["train", "mnist", "--data", "/nowhere", "--seed", "9223372036854775808"],
            "setting seed is 9223372036854775808, but must be at most 9223372036854775807 (2^63 - 1)",
        ),
        is(
            &["compare", "mnist", "--data", "/nowhere", "--set", "seed=3"],
            "setting seed differs from trial to trial: give --seeds instead",
        ),
        is(
            &["merge", "/nowhere"],
            "there is no directory /nowhere: name one with what a shard of `resurge compare` or `resurge toy` has written",
        ),
        is(&["merge", "/", "/"], "several directories are joined in another: name it with --out"),
        is(
            &["data", "check", "/nowhere"],
            "there is no directory /nowhere: name one with the files of a data set",
        ),
        is(
            &["diagnose", "/nowhere"],
            "there is no /nowhere: name a checkpoint of `resurge train`, or the directory that it wrote into",
        ),
        is(
            &["diagnose", "/"],
            "/ holds no checkpoint.safetensors: name a directory that `resurge train` wrote into",
        ),
        is(
            &["diagnose", "--from", "/nowhere"],
            "there is no directory /nowhere: name one with a diagnosis of `resurge diagnose`",
        ),
        is(
            &["diagnose", "--map", "--from", "/nowhere"],
            "there is no directory /nowhere: name one with a map of `resurge diagnose --map`",
        ),
        is(&["diagnose", "--input-rate", "2"], "--input-rate: intensity is 2, but must be between 0 and 1"),
        is(&["diagnose", "--input-rate", "-1"], "--input-rate: intensity is -1, but must be between 0 and 1"),
        is(&["diagnose", "--map", "--decays", "2"], "decays holds 2, but each must be between 0 and 1"),
        is(&["diagnose", "--map", "--decays", "0.5,-1"], "decays holds -1, but each must be between 0 and 1"),
        is(&["diagnose", "--map", "--decays", "0.5,0.5"], "decays holds 0.5 twice, but each may occur once"),
        is(&["diagnose", "--map", "--widths", "-1"], "widths holds -1, but each must be positive and finite"),
        is(
            &["diagnose", "--map", "--widths", "inf"],
            "widths holds inf, but each must be positive and finite",
        ),
        is(&["diagnose", "--map", "--rates", "1"], "rates holds 1, but each must be above 0 and below 1"),
        is(&["diagnose", "--map", "--neurons", "0"], "neurons is 0, but it must be 1 to 100000"),
        is(&["diagnose", "--map", "--steps", "1"], "steps is 1, but it must be 2 to 10000"),
        is(&["diagnose", "--map", "--repeats", "0"], "repeats is 0, but it must be 1 to 1000"),
        is(&["diagnose", "--map", "--noise", "-1"], "noise is -1, but it must be at least 0 and finite"),
        is(&["diagnose", "--map", "--noise", "inf"], "noise is inf, but it must be at least 0 and finite"),
        is(&["diagnose", "--map", "--tolerance", "2"], "tolerance is 2, but it must be above 0 and below 1"),
        is(
            &["diagnose", "--map", "--surrogate", "step"],
            &format!("setting surrogate is \"step 0.025\"; {SURROGATES}"),
        ),
        is(&["diagnose", "--map", "--reset", "maybe"], &format!("setting reset is \"maybe\"; {RESETS}")),
        is(
            &["verify", "--reset", "gated"],
            "no case has all of these names; some resets and surrogates occur with --cell or --all only",
        ),
        is(
            &["man", "/dev/null/x"],
            "cannot make the directory /dev/null/x: Not a directory (os error 20); name a place that can be written",
        ),
        is(
            &["reference", "/nowhere/x.md"],
            "cannot write /nowhere/x.md: No such file or directory (os error 2); name a file in a directory that is there and \
             can be written",
        ),
        is(
            &["config", "--preset", "small", "--toml", "/nowhere/x.toml"],
            "cannot write /nowhere/x.toml: No such file or directory (os error 2); name a file in a directory that is there and \
             can be written",
        ),
        setting("batch=abc", &format!("batch is abc, {whole}")),
        setting("batch=1.5", &format!("batch is 1.5, {whole}")),
        setting("steps=1e3", &format!("steps is 1e3, {whole}")),
        setting("epochs=-1", &format!("epochs is -1, {}", whole.replace("from 1", "from 0"))),
        setting("seed=abc", &format!("seed is abc, {}", whole.replace("from 1", "from 0"))),
        setting(
            "window=99999999999",
            "window is 99999999999, but must be a whole number from 0 to 4294967295",
        ),
        setting("learning_rate=inf", "learning_rate is inf, but must be positive, and finite"),
        setting("learning_rate=abc", "learning_rate is abc, but must be a number, such as 0.5"),
        setting("learning_rate=0", "learning_rate is 0, but must be positive"),
        setting("gain=-1", "gain is -1, but must be positive"),
        setting("betas=3", "betas is 3, but must be two numbers, such as [0.9, 0.999]"),
        setting("betas=[0.9]", "betas is [0.9], but must be two numbers, such as [0.9, 0.999]"),
        setting("betas=[0.9, 1]", "betas[1] is 1, but must be at least 0 and less than 1"),
        setting("mean=0.5", "mean is 0.5, but must be a list of numbers, such as [0.5]"),
        setting("deviation=[0.0]", "deviation holds 0, but each must be positive and finite"),
        setting(
            "layers=3",
            "layers is 3, but must be a list of layers, such as [\"conv 15 5\", \"linear 10\"]",
        ),
        setting(
            "layers=[\"conf 3\"]",
            "layers: \"conf 3\" is no layer; write conv FILTERS KERNEL [pad N] [stride N], linear NEURONS [recurrent], pool SIZE or dropout P",
        ),
        setting("reset=3", &format!("reset is \"3\"; {RESETS}")),
        setting("surrogate=atan -1", "surrogate: atan slope is -1, but must be positive and finite"),
        setting("surrogate=atan x", "surrogate is \"atan x\"; it must be \"atan SLOPE\", such as \"atan 2\""),
        setting("schedule=step", "schedule is \"step\"; it must be constant or cosine"),
        setting("steps", "\"steps\" has no value; write it as key=value"),
        setting("=3", "\"=3\" has no key; write it as key=value"),
    ]
}

#[test]
fn each_error_says_the_thing_and_the_remedy_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut said = said();
    assert!(said.len() > 60);
    if cfg!(feature = "fetch") {
        let words = "/dev/null/x: Not a directory (os error 20); make room, or choose a directory that can be written";
        said.push((&["data", "fetch", "mnist", "--data", "/dev/null/x"], words.to_owned()));
    }
    for (arguments, words) in said {
        let mut command = assert_cmd::Command::cargo_bin("resurge").unwrap();
        let output = command.args(arguments).current_dir(directory.path()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert_eq!(stderr, format!("resurge: {words}\n"), "{arguments:?}");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "{arguments:?} left something");
    }
}

/// The values of a list, a rule, a shard and seeds have parsers of their own.
#[test]
fn what_clap_asks_of_a_parser_is_said_once() {
    let rule = |name: &str| format!("no rule is named {name}: {RULES}");
    let shard = |text: &str| format!("\"{text}\" is no shard: write I/N with I from 1 to N, such as 1/4");
    let seeds = |text: &str| {
        format!(
            "\"{text}\" is no list of seeds: write it as 1-3 or 1,2,5, each at most 9223372036854775807 (2^63 - 1), or as \
             how many there are"
        )
    };
    let many = |count: &str| {
        format!(
            "{count} alone is how many seeds there are, from 1 to 10000; the seed {count} is written {count}-{count}"
        )
    };
    let train = ["compare", "mnist", "--data", "/nowhere"];
    for (command, flag, option, value, problem) in [
        (&["toy"][..], "--reset-gradient", "--reset-gradient <GRADIENT>", "half", rule("half")),
        (&train, "--reset-gradient", "--reset-gradient <GRADIENT>", "scaled-2", rule("scaled-2")),
        (&["toy"], "--reset-gradient", "--reset-gradient <GRADIENT>", "", rule("\"\"")),
        (&["train", "mnist", "--data", "/"], "--reset-grad", "--reset-gradient <GRADIENT>", "x", rule("x")),
        (&["toy"], "--shard", "--shard <I/N>", "3/2", shard("3/2")),
        (&train, "--shard", "--shard <I/N>", "x", shard("x")),
        (&train, "--seeds", "--seeds <SEEDS>", "x", seeds("x")),
        (&train, "--seeds", "--seeds <SEEDS>", "-1", seeds("-1")),
        (&["toy"], "--seeds", "--seeds <SEEDS>", "1.5", seeds("1.5")),
        (&["verify"], "--seeds", "--seeds <SEEDS>", "", seeds("")),
        (&["verify"], "--seeds", "--seeds <SEEDS>", "0", many("0")),
        (&["toy"], "--seeds", "--seeds <SEEDS>", "10001", many("10001")),
        (&train, "--seeds", "--seeds <SEEDS>", "20261130", many("20261130")),
        (
            &train,
            "--seeds",
            "--seeds <SEEDS>",
            "3-1",
            "\"3-1\" of the seeds ends before it begins: write it as 1-3".to_owned(),
        ),
    ] {
        let (status, _, stderr) = resurge(&[command, &[flag, value]].concat());
        assert_eq!((status, stderr), (2, invalid(value, option, &problem)), "{command:?} {flag} {value}");
    }
}

/// A name that there is not: clap lists those that there are.
#[test]
fn a_name_that_there_is_not_is_answered_with_those_that_there_are() {
    for (command, value, listed) in [
        (&["verify", "--reset"][..], "soft", "zero, subtract"),
        (&["verify", "--reset-gradient"], "half", "full, detached, scaled:0.5, spatial-only"),
        (&["verify", "--surrogate"], "relu", "sigmoid"),
        (&["verify", "--cell"], "x", "integrate-and-fire, lif"),
        (&["verify", "--convention"], "x", "paper, snntorch"),
        (&["verify", "--format"], "xml", "table, json, markdown"),
        (&["toy", "--optimisers"], "rmsprop", "sgd, adam"),
        (&["train"], "mnis", "mnist, fashion-mnist"),
        (&["train", "mnist", "--data", "/", "--preset"], "tiny", "mnist, nmnist, cifar10, small"),
        (&["compare", "mnist", "--data", "/", "--preset"], "tiny", "mnist, nmnist, cifar10, small"),
        (&["diagnose", "--preset"], "tiny", "mnist, nmnist, cifar10, small"),
        (&["diagnose", "--dataset"], "tiny", "mnist, fashion-mnist"),
        (&["config", "--preset"], "tiny", "mnist, nmnist, cifar10, small"),
        (&["data", "fetch"], "tiny", "mnist, fashion-mnist"),
        (&["data", "check", "/", "--dataset"], "tiny", "mnist, fashion-mnist"),
        (&["completions"], "tcsh", "bash, elvish"),
    ] {
        let (status, _, stderr) = resurge(&[command, &[value]].concat());
        assert_eq!(status, 2, "{command:?}");
        assert!(
            stderr.contains(&format!("'{value}'")) || stderr.contains(&format!("\"{value}\"")),
            "{stderr}"
        );
        assert!(stderr.contains(listed), "{command:?}: {stderr}");
    }
}
