//! `resurge verify` as a user runs it.
// Tests write whatever they need.
#![allow(clippy::disallowed_methods)]

mod words;

use assert_cmd::Command;

/// A setting that takes a fraction of a second.
const SMALL: [&str; 7] = ["verify", "--steps", "10", "--hidden", "8", "--batch", "2"];

fn resurge(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("resurge").unwrap().args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn small(more: &[&str]) -> (i32, String, String) {
    resurge(&[&SMALL[..], more].concat())
}

#[test]
fn every_combination_holds_and_json_is_all_that_is_on_standard_output() {
    let (status, stdout, stderr) = small(&["--json", "-"]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["summary"]["cases"], 72);
    assert_eq!(report["summary"]["passed"], 72);
    assert_eq!(report["summary"]["failed"], 0);
    for (means, bar) in
        [("finite_difference", 1e-8), ("complex_step", 1e-12), ("dual", 1e-12), ("closed_form", 1e-12)]
    {
        let error = report["summary"]["max_error"][means].as_f64().unwrap();
        assert!(error > 0.0 && error <= bar, "{means}: {error}");
    }
    let cases = report["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 72);
    let first = &cases[0];
    assert_eq!(
        (&first["reset"], &first["reset_gradient"], &first["surrogate"]),
        (&"zero".into(), &"full".into(), &"sigmoid".into())
    );
    assert_eq!(first["parameters"], 64 * 8 + 8 + 8 * 10 + 10);
    assert_eq!(first["missing_term"]["relative_norm"], 0.0);
    for case in cases {
        assert_eq!((&case["passed"], &case["anchored_loss_exact"]), (&true.into(), &true.into()), "{case}");
        assert!(case["errors"]["dual"].is_number() && case["missing_term"]["cosine"].is_number(), "{case}");
        let rate = case["firing_rate"].as_f64().unwrap();
        assert!(rate > 0.0 && rate < 1.0, "{case}");
    }
    // The detached gradient misses something where there is a reset, and nothing where there is none.
    let missing = |reset: &str| {
        let of = |c: &&serde_json::Value| c["reset"] == reset && c["reset_gradient"] == "detached";
        cases.iter().find(of).unwrap()["missing_term"]["relative_norm"].as_f64().unwrap()
    };
    assert!(missing("zero") > 0.1 && missing("subtract") > 0.1);
    assert_eq!(missing("none"), 0.0);
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    let json = |threads| small(&["--json", "-", "--surrogate", "triangle", "--threads", threads]).1;
    assert_eq!(json("1"), json("2"));
}

#[test]
fn filters_choose_cases_and_seeds_choose_inputs() {
    let filters = [
        "--reset",
        "subtract",
        "--reset-gradient",
        "scaled:0.5",
        "--surrogate",
        "atan",
        "--surrogate",
        "gaussian",
    ];
    let json = |seed| small(&[&filters[..], &["--json", "-", "--seed", seed]].concat()).1;
    let report: serde_json::Value = serde_json::from_str(&json("1")).unwrap();
    assert_eq!(report["summary"]["cases"], 2);
    assert_eq!(report["cases"][1]["surrogate"], "gaussian");
    assert_eq!(json("3"), json("3"));
    assert_ne!(json("3"), json("4"));
}

#[test]
fn the_table_and_markdown_say_what_was_proved_and_on_what() {
    for format in ["table", "markdown"] {
        let (status, stdout, stderr) = small(&["--format", format, "--reset", "zero"]);
        assert_eq!((status, stderr.as_str()), (0, ""));
        for phrase in [
            "spatial-only",
            "fast-sigmoid",
            "24 of 24 cases hold",
            "Proved, to these errors: the tape's gradient",
            "2 handwritten digits (UCI optical digits",
            "64-8-10 LIF with traces, T = 10, 610 parameters",
        ] {
            assert!(stdout.contains(phrase), "{format}: no {phrase:?} in\n{stdout}");
        }
        assert!(!stdout.contains('\u{1b}'), "no colour where nobody looks");
        assert!(!stdout.contains("FAIL"), "{stdout}");
    }
    assert!(small(&["--markdown", "-", "--reset", "none"]).1.contains("| none"));
}

/// The report, and the last line of the table.
fn undecided(more: &[&str]) -> (serde_json::Value, String) {
    let (status, stdout, stderr) = resurge(&[&["verify", "--json", "-"], more].concat());
    assert_eq!((status, stderr.as_str()), (3, ""), "{more:?}: {stdout}");
    let report = serde_json::from_str(&stdout).unwrap();
    let (status, stdout, _) = resurge(&[&["verify"], more].concat());
    assert_eq!(status, 3, "{more:?}: {stdout}");
    (report, stdout.trim_end().lines().last().unwrap_or_default().to_owned())
}

#[test]
fn a_gradient_of_zero_is_nothing_to_prove_and_not_wrong() {
    // One step, and no neuron of the output fires: the loss is zero, whatever the reset.
    let (report, last) = undecided(&["--steps", "1"]);
    let summary = &report["summary"];
    assert_eq!((&summary["failed"], &summary["cases"]), (&0.into(), &72.into()), "{summary}");
    assert_eq!((&summary["verdict"], &summary["reset_exercised"]), (&"undecided".into(), &false.into()));
    assert!(summary["untested"]["gradient"].as_u64() > Some(0), "{summary}");
    assert!(last.starts_with("Undecided in") && last.contains("nothing to prove"), "{last}");
    assert!(last.contains("the reset was not exercised"), "{last}");
    let zero = report["cases"].as_array().unwrap().iter().find(|c| c["untested"] == "gradient").unwrap();
    assert_eq!((&zero["verdict"], &zero["passed"]), (&"undecided".into(), &false.into()));
}

#[test]
fn a_network_without_spikes_does_not_exercise_the_reset() {
    // So few steps that no neuron fires before the last of them, under a surrogate that reaches everywhere.
    let silent = ["--steps", "2", "--hidden", "2", "--batch", "1", "--seed", "3", "--surrogate", "sigmoid"];
    let (report, last) = undecided(&silent);
    let summary = &report["summary"];
    assert_eq!((&summary["failed"], &summary["reset_exercised"]), (&0.into(), &false.into()), "{summary}");
    assert!(last.contains("the reset was not exercised"), "{last}");
    for case in report["cases"].as_array().unwrap() {
        let (reset, untested) = (&case["reset"], &case["untested"]);
        let expected = if reset == "none" { serde_json::Value::Null } else { "reset".into() };
        assert_eq!((case["resets"].as_u64(), untested), (Some(0), &expected), "{case}");
        assert_eq!(case["verdict"], if reset == "none" { "passed" } else { "undecided" }, "{case}");
    }
    let markdown = resurge(&[&["verify", "--markdown", "-"], &silent[..]].concat());
    assert_eq!(markdown.0, 3);
    assert!(markdown.1.contains("the reset was not exercised") && markdown.1.contains("undecided"));
}

#[test]
fn a_proof_that_saw_no_reset_says_so() {
    let silent = ["--steps", "2", "--hidden", "1", "--batch", "1", "--surrogate", "sigmoid"];
    let cell = ["--cell", "integrate-and-fire", "--surrogate", "sigmoid"];
    for (more, exercised, why) in [
        (&silent[..], false, "the reset was not exercised: no case has one, and no neuron fires."),
        (&SMALL[1..], false, "the reset was not exercised: no case has one."),
        (&cell[..], false, "the reset was not exercised: no case has one."),
    ] {
        let run =
            |format: &str| resurge(&[&["verify", "--reset", "none", "--format", format], more].concat());
        let (status, table, _) = run("table");
        let last = table.trim_end().lines().last().unwrap().to_owned();
        assert!(status == 0 && last.starts_with("Proved") && last.ends_with(why), "{more:?}: {last}");
        let report: serde_json::Value = serde_json::from_str(&run("json").1).unwrap();
        assert_eq!(report["summary"]["reset_exercised"], exercised, "{more:?}");
    }
    for more in [&SMALL[1..], &["--cell", "lif", "--reset", "zero"]] {
        let (status, stdout, _) =
            resurge(&[&["verify", "--surrogate", "sigmoid", "--json", "-"], more].concat());
        let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!((status, &report["summary"]["reset_exercised"]), (0, &true.into()), "{more:?}");
    }
}

/// What some cases leave untested does not hide what was found of the others, and each case is counted once.
#[test]
fn the_summary_of_an_undecided_run_has_the_errors_of_the_others() {
    let few = ["--steps", "2", "--hidden", "1", "--batch", "1"];
    let (report, _) = undecided(&few);
    let summary = &report["summary"];
    assert!(summary["passed"].as_u64() > Some(0), "{summary}");
    for means in ["finite_difference", "complex_step", "dual", "closed_form"] {
        assert!(summary["max_error"][means].as_f64().is_some_and(|e| e < 1e-8), "{means}: {summary}");
    }
    let (_, table, _) = resurge(&[&["verify"], &few[..]].concat());
    let words = table.lines().find(|line| line.contains("Largest errors")).unwrap();
    assert!(!words.contains("none") && !words.contains(" - "), "{words}");
    let counts: Vec<u64> =
        words.split(" In ").skip(1).map(|count| count.split(' ').next().unwrap().parse().unwrap()).collect();
    assert!(!counts.is_empty() && counts.iter().sum::<u64>() <= 72, "{words}");
    // Of a gradient that is zero there is no error by any means, and one sign says so.
    let (_, table, _) = resurge(&["verify", "--steps", "1"]);
    for row in table.lines().filter(|row| row.starts_with("zero ")) {
        assert!(!row.contains("none"), "{row}");
    }
}

#[test]
fn a_file_is_written_whole_and_standard_output_says_where() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("report.json");
    let name = path.to_str().unwrap();
    let (status, stdout, _) = small(&["--surrogate", "atan", "--json", name, "--reset", "zero"]);
    assert!(status == 0 && stdout.ends_with(&format!("Written to {name}\n")), "{stdout}");
    assert!(stdout.contains("4 of 4 cases hold"), "the table is shown, too: {stdout}");
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(&written).is_ok());
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "no temporary file is left");

    let missing = directory.path().join("missing").join("report.json");
    let (status, stdout, stderr) = small(&["--surrogate", "atan", "--json", missing.to_str().unwrap()]);
    assert_eq!((status, stdout.as_str()), (2, ""));
    assert!(
        stderr.contains("report.json") && stderr.contains("a directory that is there and can be written"),
        "{stderr}"
    );
}

#[test]
fn bad_usage_is_named_and_ends_with_status_2() {
    for (arguments, named) in [
        (&["verify", "--reset", "soft"][..], "zero, subtract, none"),
        (&["verify", "--reset-gradient", "half"], "spatial-only"),
        (&["verify", "--surrogate", "relu"], "fast-sigmoid"),
        (&["verify", "--steps", "0"], "give a whole number from 1 to 10000"),
        (&["verify", "--steps", "many"], "many"),
        (&["verify", "--hidden", "0"], "--hidden"),
        (&["verify", "--batch", "1798"], "give a whole number from 1 to 1797"),
        (&["verify", "--threads", "0"], "--threads"),
        (&["verify", "--seed", "-1"], "-1"),
        (&["verify", "--format", "xml"], "markdown"),
        (&["verify", "--frobnicate"], "--frobnicate"),
        (&["prove"], "prove"),
        (&[], "verify"),
    ] {
        let (status, stdout, stderr) = resurge(arguments);
        assert_eq!((status, stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(stderr.contains(named), "{arguments:?}: no {named:?} in {stderr}");
    }
}

#[test]
fn specimens_are_proved_beside_the_digits_and_on_their_own() {
    let (status, stdout, _) = resurge(&["verify", "--cell", "plif", "--reset", "gated", "--json", "-"]);
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((status, report["cases"].as_array().unwrap().len()), (0, 0));
    let cells = report["cells"].as_array().unwrap();
    assert!(!cells.is_empty() && cells.len() == report["summary"]["passed"].as_u64().unwrap() as usize);
    assert!(cells.iter().all(|c| c["name"].as_str().unwrap().starts_with("plif/gated/")));
    assert!(report["summary"]["max_error"]["closed_form"].is_null());
    assert!(report["summary"]["max_error"]["rtrl"].as_f64().unwrap() <= 1e-12);

    let (status, stdout, _) = resurge(&["verify", "--convention", "spyx-lif", "--convention", "norse"]);
    assert_eq!(status, 0, "{stdout}");
    assert!(stdout.contains("spyx-lif") && stdout.contains("norse-"), "{stdout}");
    let (status, _, stderr) = resurge(&["verify", "--convention", "tensorflow"]);
    assert_eq!(status, 2);
    assert!(stderr.contains("tensorflow") && stderr.contains("snntorch-leaky"), "{stderr}");
}

#[test]
fn a_filter_of_all_leaves_the_conventions_out() {
    let filters = ["--reset", "zero", "--reset-gradient", "detached", "--surrogate", "rectangle"];
    let json =
        [&filters[..], &["--all", "--hidden", "4", "--steps", "4", "--batch", "1", "--json", "-"]].concat();
    let (_, stdout, _) = resurge(&[&["verify"], &json[..]].concat());
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    // An empty list is left out.
    let count = |what: &str| report[what].as_array().map_or(0, Vec::len);
    assert!(count("cases") == 1 && count("cells") > 0 && count("conventions") == 0, "{stdout}");
}

#[test]
fn a_filter_that_keeps_nothing_is_bad_usage() {
    let (status, stdout, stderr) = resurge(&["verify", "--reset", "value-gated"]);
    assert_eq!((status, stdout.as_str()), (2, ""));
    assert!(stderr.contains("--cell or --all"), "{stderr}");
}

#[test]
fn seeds_are_repeated_and_the_worst_reported() {
    let of = |seed, seeds| {
        let (_, stdout, _) = small(&[
            "--surrogate",
            "atan",
            "--reset",
            "zero",
            "--json",
            "-",
            "--seed",
            seed,
            "--seeds",
            seeds,
        ]);
        let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
        report["summary"]["max_error"]["dual"].as_f64().unwrap()
    };
    assert_eq!(of("1", "2"), of("1", "1").max(of("2", "1")));
}

#[test]
fn a_picture_is_drawn() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("errors.svg");
    let (status, _, stderr) = small(&["--surrogate", "sigmoid", "--plot", path.to_str().unwrap()]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    let svg = std::fs::read_to_string(path).unwrap();
    for text in ["<svg", "order 2 (slope 2)", "order 6 (slope 6)", "Ridders", "digits: zero, full", "sigmoid"]
    {
        assert!(svg.contains(text), "{text}");
    }
}

#[test]
fn the_name_of_a_picture_says_its_format() {
    let directory = tempfile::tempdir().unwrap();
    let drawn = |name: &str| {
        let path = directory.path().join(name);
        let (status, _, stderr) = small(&["--surrogate", "sigmoid", "--plot", path.to_str().unwrap()]);
        (status, stderr, std::fs::read(&path).ok())
    };
    let (status, stderr, png) = drawn("errors.PNG");
    assert_eq!((status, stderr.as_str()), (0, ""));
    let png = png.unwrap();
    // The signature, and the header's width: 240 points at 300 pixels to the inch.
    assert_eq!((&png[..8], &png[16..20]), (&b"\x89PNG\r\n\x1a\n"[..], &1000u32.to_be_bytes()[..]));
    // What cannot be written is refused before anything is computed.
    let (status, stderr, none) = drawn("errors.pdf");
    assert_eq!((status, none), (2, None));
    assert!(stderr.contains("errors.pdf") && stderr.contains(".svg or .png"), "{stderr}");
}
