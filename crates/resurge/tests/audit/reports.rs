//! The whole report of every golden and every damaged copy, number by number, as it was when it was looked at.
//!
//! `cargo test -p resurge --test audit -- --ignored written_anew` writes the files of `reports` anew; what changes
//! in them is to be read and explained before it is committed.

use crate::single::Single;
use crate::{VERDICT, audited, tests};
use resurge::audit::{AuditFile, AuditOptions, AuditReport, AuditReports, audit, html};
use serde_json::{Map, Value};
use std::path::PathBuf;

/// What numbers may differ by, relatively: processors round `exp` and its kin differently in the last bit (1e-16), and
/// sums of a hundred steps of a network that is hardly ever ill-conditioned grow that by less than 1e6.
const SAME: f64 = 1e-9;

/// Differences below this are roundings of 64 bits, which are others on another processor.
const NOISE: f64 = 1e-10;

fn kept(folder: &str) -> PathBuf {
    tests("reports").join(format!("{folder}.json"))
}

/// Names of the files of a folder, in order.
fn names(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(tests(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".safetensors")).collect();
    names.sort();
    names
}

fn report(folder: &str, name: &str) -> AuditReport {
    let file = AuditFile::open(&tests(folder).join(name)).unwrap();
    audit(&file, &AuditOptions::default()).unwrap()
}

/// A report without what is noise on purpose: the sizes of roundings, and which of them is the largest.
fn without_noise(report: &AuditReport) -> Value {
    let mut value = serde_json::to_value(report).unwrap();
    for gradient in value["gradients"].as_array_mut().unwrap() {
        if gradient["error"].as_f64().is_none_or(|error| error < NOISE) {
            let gradient = gradient.as_object_mut().unwrap();
            for key in ["error", "difference", "worst_row", "worst_entry"] {
                gradient.remove(key);
            }
        }
    }
    if let Some(proof) = value["proof"].as_object_mut() {
        for key in ["finite_difference", "complex_step", "dual", "adjoint"] {
            // That there is one counts; how good it is, is proved by `files.rs`.
            let exists = !proof[key].is_null();
            proof.insert(key.into(), exists.into());
        }
    }
    rounded(&mut value);
    value
}

/// Numbers to ten digits, and those of noise as 0.
fn rounded(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let x = number.as_f64().unwrap();
            let x = if x.abs() < NOISE { 0.0 } else { format!("{x:.9e}").parse().unwrap() };
            *value = x.into();
        }
        Value::Array(list) => list.iter_mut().for_each(rounded),
        Value::Object(map) => map.values_mut().for_each(rounded),
        _ => {}
    }
}

/// Where two reports differ first.
fn difference(at: &str, is: &Value, was: &Value) -> Option<String> {
    let said = || Some(format!("{at}: is {is}, was {was}"));
    match (is, was) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            if (a - b).abs() <= SAME * b.abs() + NOISE { None } else { said() }
        }
        (Value::Array(a), Value::Array(b)) => {
            if a.len() != b.len() {
                return said();
            }
            let mut pairs = a.iter().zip(b).enumerate();
            pairs.find_map(|(i, (a, b))| difference(&format!("{at}[{i}]"), a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            if !a.keys().eq(b.keys()) {
                return said();
            }
            a.keys().find_map(|key| difference(&format!("{at}.{key}"), &a[key], &b[key]))
        }
        _ if is == was => None,
        _ => said(),
    }
}

/// Every `of`-th file of a folder, from the `part`-th on, against what is kept of it.
fn held(folder: &str, part: usize, of: usize) {
    let kept = std::fs::read_to_string(kept(folder)).unwrap();
    let kept: Map<String, Value> = serde_json::from_str(&kept).unwrap();
    let names = names(folder);
    assert!(kept.keys().eq(names.iter()), "{folder}: the files are others than the reports");
    for name in names.iter().skip(part).step_by(of) {
        let differs = difference(name, &without_noise(&report(folder, name)), &kept[name]);
        assert_eq!(differs, None, "{folder}");
    }
}

/// Several tests, so that they run side by side, and a fault is seen by the first.
macro_rules! parts {
    ($folder:literal of $of:literal: $($name:ident = $part:literal),*) => {
        $(#[test]
        fn $name() {
            held($folder, $part, $of);
        })*
    };
}

parts!("goldens" of 22: goldens_0 = 0, goldens_1 = 1, goldens_2 = 2, goldens_3 = 3, goldens_4 = 4, goldens_5 = 5, goldens_6 = 6, goldens_7 = 7, goldens_8 = 8, goldens_9 = 9, goldens_10 = 10, goldens_11 = 11, goldens_12 = 12, goldens_13 = 13, goldens_14 = 14, goldens_15 = 15, goldens_16 = 16, goldens_17 = 17, goldens_18 = 18, goldens_19 = 19, goldens_20 = 20, goldens_21 = 21);
parts!("damaged" of 15: damaged_0 = 0, damaged_1 = 1, damaged_2 = 2, damaged_3 = 3, damaged_4 = 4, damaged_5 = 5, damaged_6 = 6, damaged_7 = 7, damaged_8 = 8, damaged_9 = 9, damaged_10 = 10, damaged_11 = 11, damaged_12 = 12, damaged_13 = 13, damaged_14 = 14);

/// A page with a file of each kind of end.
fn page() -> String {
    let files = [
        "goldens/snntorch-leaky-default.safetensors",
        "goldens/snntorch-leaky-membrane.safetensors",
        "damaged/detached-f32.safetensors",
        "damaged/spike-conv.safetensors",
        "unusable/not-a-number.safetensors",
    ];
    let mut files: Vec<_> = files
        .map(|name| {
            let audited = |file| audit(&file, &AuditOptions::default()).unwrap();
            let path = tests(name);
            (name.to_owned(), AuditFile::open(&path).map(audited))
        })
        .into();
    let undecided = Single { steps: 1, ..Single::default() }.draft();
    files.push(("one <step>".into(), Ok(audited(&undecided.bytes(), &VERDICT))));
    html(&AuditReports::new(files)).unwrap()
}

/// A page without numbers that are noise.
fn without_noise_in_text(text: &str) -> String {
    let number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | 'e');
    let mut found = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let (token, after) = from.split_at(from.find(|c: char| !number(c)).unwrap_or(from.len()));
        let noise = token.parse::<f64>().is_ok_and(|x| x.abs() < NOISE && x != 0.0);
        found += before;
        found += if noise || token == "0.0e0" { "~0" } else { token };
        rest = after;
    }
    found + rest
}

#[test]
fn the_page_is_what_it_was() {
    let kept = std::fs::read_to_string(tests("reports/page.html")).unwrap();
    let page = without_noise_in_text(&page());
    let differs = page.lines().zip(kept.lines()).find(|(is, was)| is != was);
    assert_eq!(differs, None);
    assert_eq!(page.lines().count(), kept.lines().count());
    assert_eq!(without_noise_in_text("a 1.2e-13; b 0.0e0, c 1.50, 7-8"), "a ~0; b ~0, c 1.50, 7-8");
}

/// A change in a number, a text, a length or a key is seen.
#[test]
fn differences_are_seen() {
    let was = without_noise(&report("damaged", "detached-f32.safetensors"));
    let changed = |change: fn(&mut Value)| {
        let mut is = was.clone();
        change(&mut is);
        difference("", &is, &was).is_some()
    };
    assert!(!changed(|_| {}));
    assert!(!changed(
        |v| v["relative_weight"] = (v["relative_weight"].as_f64().unwrap() * (1.0 + 1e-11)).into()
    ));
    assert!(changed(
        |v| v["relative_weight"] = (v["relative_weight"].as_f64().unwrap() * (1.0 + 1e-8)).into()
    ));
    assert!(changed(|v| v["gradients"][0]["allowed"] = 0.0.into()));
    assert!(changed(|v| v["words"] = "".into()));
    assert!(changed(|v| v["steps"] = 21.into()));
    assert!(changed(|v| drop(v["by_lag"].as_array_mut().unwrap().pop())));
    assert!(changed(|v| drop(v.as_object_mut().unwrap().remove("matches"))));
}

#[test]
#[ignore = "writes what the other tests read"]
fn written_anew() {
    for folder in ["goldens", "damaged"] {
        let lines: Vec<String> = names(folder)
            .iter()
            .map(|name| format!("\"{name}\": {}", without_noise(&report(folder, name))))
            .collect();
        std::fs::create_dir_all(tests("reports")).unwrap();
        std::fs::write(kept(folder), format!("{{\n{}\n}}\n", lines.join(",\n"))).unwrap();
    }
    std::fs::write(tests("reports/page.html"), without_noise_in_text(&page())).unwrap();
}
