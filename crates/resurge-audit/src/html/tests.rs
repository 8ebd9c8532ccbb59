use super::*;
use crate::Precision;
use crate::error::{AuditError, FileError};
use crate::forward::{ForwardReport, LayerForward};
use crate::proof::ProofReport;
use crate::report::GradientReport;
use crate::search::Explanation;
use resurge_gradcheck::Untested;
use resurge_program::{CheckOptions, ProgramFile, check};
use resurge_report::page::STYLE;

/// A report in which there are two of all that can be several, and markup in all names.
fn report() -> AuditReport {
    let layer = |layer: usize, recorded: bool| LayerForward {
        layer,
        spikes_recorded: recorded,
        potentials_recorded: !recorded,
        firing_rate: 0.25,
        potential_error: 2e-7,
        near_threshold: 5 + layer,
        taken_from_file: 7 + layer,
    };
    let gradient = |name: &str, norm: f64, matches: bool| GradientReport {
        name: name.into(),
        shape: vec![2, 3],
        norm,
        error: 0.5,
        tolerance: 1e-7,
        difference: 0.25,
        allowed: 1e-9,
        wrong: if matches { 0 } else { 6 },
        worst_row: None,
        worst_entry: None,
        matches,
    };
    let explanation = |code: &str, explains: bool| Explanation {
        code: code.into(),
        words: format!("in words: {code}"),
        residual: 0.125,
        explains,
        rule: None,
    };
    AuditReport {
        framework: "frame & work 1".into(),
        format: 1,
        classes: vec!["Cell<f32>".into(), "Readout".into()],
        notes: vec!["the \"first\"".into(), "the second".into()],
        precision: Precision::F32,
        steps: 20,
        batch: 3,
        parameters: 6,
        code: "scaled <0.5>".into(),
        matches: false,
        undecided: None,
        words: "not the claim & not zero".into(),
        forward: ForwardReport {
            layers: vec![layer(1, true), layer(3, false)],
            divergence: None,
            recorded_loss: 0.5,
            computed_loss: 0.75,
            loss_agrees: false,
        },
        gradients: vec![gradient("<a>", 2.0, true), gradient("b", 0.0, false)],
        relative_weight: 0.5,
        explanations: vec![explanation("<half>", true), explanation("other", false)],
        indistinguishable: Vec::new(),
        proof: Some(ProofReport {
            steps: 10,
            samples: 2,
            finite_difference: Some(1e-11),
            complex_step: 2e-15,
            dual: 3e-16,
            adjoint: 4e-17,
            directions: 1,
            loss_exact: true,
            spikes: Some(true),
            without_gradient: vec!["<a>".into()],
            untested: vec![Untested::Reset],
            passed: true,
        }),
        no_proof: None,
        by_step: Vec::new(),
        by_lag: Vec::new(),
    }
}

/// A report in which there is nothing that need not be there.
fn bare() -> AuditReport {
    let mut bare = report();
    let proof = bare.proof.take().map(|proof| ProofReport {
        finite_difference: None,
        without_gradient: Vec::new(),
        untested: Vec::new(),
        passed: false,
        ..proof
    });
    (bare.notes, bare.gradients, bare.explanations) = (Vec::new(), Vec::new(), Vec::new());
    bare.forward.layers.clear();
    bare.forward.loss_agrees = true;
    AuditReport { code: "match".into(), words: "all <is> well".into(), matches: true, proof, ..bare }
}

/// Each line of the page, but for the style.
#[test]
fn the_page_has_each_file_with_all_that_was_found() {
    let unproved = AuditReport { proof: None, no_proof: Some("none <asked> for".into()), ..bare() };
    let error = FileError { path: "gone".into(), error: AuditError::Read("it is <gone>".into()) };
    let reports = AuditReports::new(vec![
        ("a <run>".into(), Ok(report())),
        ("bare".into(), Ok(bare())),
        ("unproved".into(), Ok(unproved)),
        ("no & file".into(), Err(error)),
    ]);
    let page = html(&reports).unwrap();
    let (head, body) = page.split_once("</style></head><body>\n").unwrap();
    assert!(head.starts_with("<!DOCTYPE html>\n") && head.ends_with(STYLE));
    let expected = include_str!("page.html");
    let differs = body.lines().zip(expected.lines()).find(|(is, expected)| is != expected);
    assert_eq!(differs, None, "html/page.html would be\n{body}");
    assert_eq!(body, expected);
}

fn steps(layer: usize, recorded: bool) -> StepProfile {
    StepProfile { layer, claimed: vec![2.0, 4.0], difference: vec![1.0, 0.0], recorded }
}

fn lags(layer: usize) -> LagProfile {
    LagProfile { layer, full: vec![4.0, 2.0], reset_term: vec![0.0, 1.0] }
}

fn drawn(name: &str, color: usize, points: &[(f64, f64)]) -> Line {
    Line { name: name.into(), color, points: points.iter().map(|&(x, y)| (x, y, None)).collect() }
}

/// In units of the largest, whole steps to the right.
#[test]
fn profiles_are_lines_over_steps_and_lags() {
    let panel = |title: &str, x: &str, lines: Vec<Line>| {
        Some(Axes {
            title: title.into(),
            note: String::new(),
            x: x.into(),
            y: "norm, of the largest".into(),
            x_kind: Kind::Whole,
            y_kind: Kind::Linear,
            level: None,
            lines,
        })
    };
    let claimed = drawn("claimed", 0, &[(0.0, 0.5), (1.0, 1.0)]);
    let off = |name: &str, color: usize| drawn(name, color, &[(0.0, 0.25), (1.0, 0.0)]);
    let title = "layer 7: gradient by step";
    let lines = vec![claimed.clone(), off("error of the file", 1)];
    assert_eq!(step_axes(&steps(7, true)), panel(title, "step", lines));
    let lines = vec![claimed.clone(), off("diagnosed less claimed", 4)];
    assert_eq!(step_axes(&steps(7, false)), panel(title, "step", lines));
    let nothing_else = StepProfile { difference: Vec::new(), ..steps(7, false) };
    assert_eq!(step_axes(&nothing_else), panel(title, "step", vec![claimed]));
    let nothing = StepProfile { claimed: vec![0.0; 2], ..nothing_else };
    assert_eq!(step_axes(&nothing), None);
    let lines =
        vec![drawn("full", 2, &[(0.0, 1.0), (1.0, 0.5)]), drawn("reset term", 3, &[(0.0, 0.0), (1.0, 0.25)])];
    assert_eq!(lag_axes(&lags(7)), panel("layer 7: by steps back from the output", "lag", lines));
}

#[test]
fn a_line_is_drawn_where_something_can_be_seen() {
    for nothing in [&[][..], &[0.0], &[-1.0], &[f64::NAN], &[f64::INFINITY, 0.0]] {
        assert_eq!(line("a", 0, nothing, &[1.0]), None, "{nothing:?}");
    }
    assert!(line("a", 0, &[0.0, f64::NAN, 1.0], &[1.0]).is_some());
    // In units of nothing, as it is.
    assert_eq!(line("a", 0, &[2.0], &[0.0, 0.0]), Some(drawn("a", 0, &[(0.0, 2.0)])));
    assert_eq!(line("a", 0, &[2.0], &[0.25, 0.5]), Some(drawn("a", 0, &[(0.0, 4.0)])));
}

/// The largest of each few, at the place of the first of them.
#[test]
fn a_line_has_a_thousand_points_at_the_most() {
    let points = |count: usize| {
        let values: Vec<f64> = (1..=count).map(|i| i as f64 / 4096.0).collect();
        line("a", 0, &values, &[0.5]).unwrap().points
    };
    let ends = |count: usize| {
        let all = points(count);
        (all.len(), all[1], all[all.len() - 1])
    };
    let at = |x: f64, y: f64| (x, y / 2048.0, None);
    assert_eq!(ends(1000), (1000, at(1.0, 2.0), at(999.0, 1000.0)));
    assert_eq!(ends(1001), (501, at(2.0, 4.0), at(1000.0, 1001.0)));
    assert_eq!(ends(2000), (1000, at(2.0, 4.0), at(1998.0, 2000.0)));
    assert_eq!(ends(2001), (667, at(3.0, 6.0), at(1998.0, 2001.0)));
}

/// Those of each kind begin a row of their own.
#[test]
fn panels_are_in_rows_of_three() {
    let widths = |by_step: usize, by_lag: usize| -> Vec<usize> {
        let by_step = (0..by_step).map(|k| steps(k, true)).collect();
        let by_lag = (0..by_lag).map(lags).collect();
        rows(&AuditReport { by_step, by_lag, ..bare() }).iter().map(Vec::len).collect()
    };
    assert!(widths(0, 0).is_empty());
    assert_eq!(widths(4, 2), [3, 1, 2]);
    assert_eq!(widths(1, 5), [1, 3, 2]);
    assert_eq!(widths(30, 30), [3; 16]);
    assert_eq!(widths(23, 23), [3, 3, 3, 3, 3, 3, 3, 2, 3, 3, 3, 3, 3, 3, 3, 2]);
}

#[test]
fn plots_say_which_layers_they_leave_out() {
    let drawn = |layers: usize| {
        let one = |k: usize| {
            if k == 0 {
                steps(k, true)
            } else {
                StepProfile { claimed: vec![], difference: vec![], ..steps(k, true) }
            }
        };
        let by_step = (0..layers).map(one).collect();
        let mut page = String::new();
        plots(&mut page, &AuditReport { by_step, ..bare() }).unwrap();
        page
    };
    assert_eq!(drawn(0), "");
    let heading = "<h3>By layer and step, and by time lag</h3>\n";
    for layers in [1, 24] {
        let page = drawn(layers);
        assert!(page.starts_with(&format!("{heading}<figure><svg")) && page.ends_with("</svg>\n</figure>\n"));
    }
    assert!(drawn(25).starts_with(&format!("{heading}<p>The first 24 of 25 layers.</p>\n<figure><svg")));
}

#[test]
fn markup_is_escaped() {
    assert_eq!(escape("a & b < c > \"d\" &amp;"), "a &amp; b &lt; c &gt; &quot;d&quot; &amp;amp;");
}

/// Of what there is.
#[test]
fn a_page_begins_with_how_many_are_right() {
    let files =
        |any: bool| AuditReports::new(if any { vec![("bare".into(), Ok(bare()))] } else { Vec::new() });
    let programs = |any: bool| {
        if any { vec![("broken".to_owned(), Err("it is no program".to_owned()))] } else { Vec::new() }
    };
    let of = |some_files: bool, some_programs: bool| summary(&files(some_files), &programs(some_programs));
    assert_eq!(of(true, false), files(true).summary());
    assert_eq!(of(false, false), files(false).summary());
    assert_eq!(of(false, true), "0 of 1 program right");
    assert_eq!(of(true, true), format!("{}; 0 of 1 program right", files(true).summary()));
}

/// Programs follow the files, numbered on, each with what was found or why nothing was.
#[test]
fn programs_follow_the_files() {
    let file = ProgramFile::open("../resurge-program/samples/leaky.safetensors".as_ref()).unwrap();
    let report = ProgramReport {
        framework: "frame & 2".into(),
        code: "so <it> is".into(),
        ..check(&file, &CheckOptions::default()).unwrap()
    };
    assert!(report.matches);
    let files = AuditReports::new(vec![("a".into(), Ok(bare())), ("b".into(), Ok(bare()))]);
    let programs = [
        ("a <program>".to_owned(), Ok(report.clone())),
        ("broken".to_owned(), Err("it is <none>".to_owned())),
    ];
    assert_eq!(summary(&files, &programs), format!("{}; 1 of 2 programs right", files.summary()));
    let page = html_with_programs(&files, &programs).unwrap();
    let rows: Vec<&str> = page.lines().filter(|line| line.contains("href=\"#f")).skip(2).collect();
    let (good, bad) = (class(true), class(false));
    let expected = [
        format!(
            "<tr><td><a href=\"#f2\">a &lt;program&gt;</a></td><td>frame &amp; 2</td>\
             <td class=\"{good}\">so &lt;it&gt; is</td></tr>"
        ),
        format!(
            "<tr><td><a href=\"#f3\">broken</a></td><td></td><td class=\"{bad}\">it is &lt;none&gt;</td></tr>"
        ),
    ];
    assert_eq!(rows, expected);
    let own = resurge_program::html(&report).unwrap();
    let end = format!(
        "<h2 id=\"f2\">a &lt;program&gt;</h2>\n{own}<h2 id=\"f3\">broken</h2>\n\
         <p class=\"bad\">Unusable: it is &lt;none&gt;</p>\n"
    );
    assert!(page.contains(&end), "{page}");
}
