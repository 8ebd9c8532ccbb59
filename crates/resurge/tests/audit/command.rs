//! `resurge audit` as a user runs it.

use crate::tests;
use assert_cmd::Command;

fn resurge(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("resurge").unwrap().arg("audit").args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn file(name: &str) -> String {
    tests(name).to_str().unwrap().to_owned()
}

#[test]
fn the_status_says_what_was_found() {
    let good = file("goldens/spikingjelly-lif-zero.safetensors");
    let wrong = file("damaged/detached-rerun.safetensors");
    let broken = file("unusable/not-a-number.safetensors");
    let (status, out, err) = resurge(&[&good]);
    assert_eq!((status, err.as_str()), (0, ""));
    assert!(out.contains(": match") && out.contains("layers.0.weight") && out.contains("holds"), "{out}");
    let (status, out, _) = resurge(&[&wrong]);
    assert_eq!(status, 1);
    assert!(out.contains(": detached") && out.contains("the reset term is missing"), "{out}");
    let (status, out, err) = resurge(&[&good, &wrong, &broken]);
    assert_eq!(status, 2);
    assert!(
        out.contains("1 matched, 1 mismatched, 1 unusable") && out.contains("gradients.layers.0.weight"),
        "{out}"
    );
    assert!(err.contains("1 of 3 files"), "{err}");
    assert_eq!(resurge(&[&good, &wrong, "--threads", "1"]).0, 1);
    for usage in [&[][..], &["--threads", "0", &good], &["/nowhere/at.all"], &["/dev/zero"]] {
        assert_eq!(resurge(usage).0, 2, "{usage:?}");
    }
    assert_eq!(resurge(&[&good, "--json", "/nowhere/at.all"]).0, 2);
}

#[test]
fn reports_are_whole_and_need_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (json, html) = (path("report.json"), path("report.html"));
    let good = file("goldens/spikingjelly-lif-zero.safetensors");
    let wrong = file("damaged/detached-rerun.safetensors");
    let broken = file("unusable/wrong-type.safetensors");
    assert_eq!(resurge(&[&good, &wrong, &broken, "--json", &json, "--html", &html]).0, 2);
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(
        (&report["matched"], &report["mismatched"], &report["unusable"]),
        (&1.into(), &1.into(), &1.into())
    );
    let audit = &report["files"][1]["audit"];
    assert_eq!(audit["code"], "detached");
    assert!(audit["relative_weight"].as_f64().unwrap() > 0.01);
    assert_eq!(audit["explanations"][0]["explains"], true);
    let lags = audit["by_lag"][0]["reset_term"].as_array().unwrap();
    // At lag 0 there is no reset in between.
    assert_eq!(lags[0], 0.0);
    assert!(lags[1].as_f64().unwrap() > 0.0);
    let page = std::fs::read_to_string(&html).unwrap();
    assert_eq!(page.matches("<svg").count(), 2);
    for needed in ["reset term", "gradient by step", "layers.0.bias", "complex step", "detached"] {
        assert!(page.contains(needed), "{needed}");
    }
    // Dark pages and phones.
    for needed in
        ["prefers-color-scheme: dark", "color-scheme: light dark", "width=device-width", "overflow-x: auto"]
    {
        assert!(page.contains(needed), "{needed}");
    }
    for outside in ["http://", "https://", "<script", "<link", "src="] {
        let found: Vec<_> = page
            .match_indices(outside)
            .filter(|(at, _)| !page[*at..].starts_with("http://www.w3.org/2000/svg"))
            .collect();
        assert!(found.is_empty(), "{outside}: {found:?}");
    }
}

#[test]
fn a_report_on_standard_output_is_alone_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let good = file("goldens/spikingjelly-lif-zero.safetensors");
    let (json, html) = (path("report.json"), path("report.html"));
    assert_eq!(resurge(&[&good, "--json", &json, "--html", &html]).0, 0);
    let (status, out, err) = resurge(&[&good, "--json", "-"]);
    assert_eq!((status, err), (0, String::new()));
    assert_eq!(out, std::fs::read_to_string(&json).unwrap());
    let (status, out, err) = resurge(&[&good, "--html", "-", "--json", &json]);
    assert_eq!((status, err), (0, format!("resurge: Written to {json}\n")));
    assert_eq!(out, std::fs::read_to_string(&html).unwrap());
    let (status, _, err) = resurge(&[&good, "--html", "-", "--json", "-"]);
    assert!(status == 2 && err.contains("name the same place"), "{err}");
}

#[test]
fn a_report_takes_the_place_of_no_audit_file_and_of_no_other_report() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (run, report) = (path("run.safetensors"), path("report"));
    std::fs::copy(file("goldens/spikingjelly-lif-zero.safetensors"), &run).unwrap();
    let before = std::fs::read(&run).unwrap();
    for arguments in [
        &[&run, "--json", &run][..],
        &[&run, "--html", &path("./run.safetensors")],
        &[&run, "--json", &report, "--html", &report],
    ] {
        let (status, _, err) = resurge(arguments);
        assert_eq!(status, 2, "{arguments:?}");
        assert!(err.contains("another"), "{err}");
    }
    assert_eq!(std::fs::read(&run).unwrap(), before);
    assert!(!std::path::Path::new(&report).exists());
}

/// Names come from the file: on a terminal they must not move the cursor or forge a line.
#[test]
fn control_characters_of_a_file_are_not_printed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    let mut draft = crate::build::Lif::default().draft();
    draft.description["framework"]["name"] = "a\u{1b}[2J\nforged: match".into();
    std::fs::write(&path, draft.bytes()).unwrap();
    let (status, out, _) = resurge(&[path.to_str().unwrap()]);
    assert_eq!(status, 0);
    assert!(!out.contains('\u{1b}') && !out.contains("\nforged"), "{out}");
}
