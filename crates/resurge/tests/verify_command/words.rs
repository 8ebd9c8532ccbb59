//! Where reports go, what seeds mean, and the words of earlier versions.

use crate::small;

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

const ONE: [&str; 4] = ["--surrogate", "atan", "--reset", "zero"];

#[test]
fn a_directory_has_the_data_the_table_and_the_figure() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("new/verify");
    let (status, stdout, stderr) = small(&[&ONE[..], &["--out", out.to_str().unwrap()]].concat());
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert!(stdout.contains("4 of 4 cases hold"), "{stdout}");
    assert!(stdout.ends_with(&format!("Written to {}\n", out.display())), "{stdout}");
    let read = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
    assert_eq!(json(&read("verify.json"))["summary"]["passed"], 4);
    assert!(read("verify.md").contains("| scaled:0.5") && read("verify.svg").contains("<svg"));
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 3);
    // A file of an earlier `--out` is not taken for a directory.
    let file = out.join("verify.json");
    let (status, _, stderr) = small(&[&ONE[..], &["--out", file.to_str().unwrap()]].concat());
    assert!(status == 2 && stderr.contains("is a file: --out names a directory"), "{stderr}");
}

#[test]
fn reports_go_to_files_and_one_of_them_to_standard_output() {
    let directory = tempfile::tempdir().unwrap();
    let [data, page] = ["r.json", "r.md"].map(|name| directory.path().join(name).display().to_string());
    let (status, stdout, _) = small(&[&ONE[..], &["--json", &data, "--markdown", &page]].concat());
    assert!(status == 0 && stdout.ends_with(&format!("Written to {data}\nWritten to {page}\n")), "{stdout}");
    let (status, stdout, stderr) = small(&[&ONE[..], &["--json", "-", "--markdown", &page]].concat());
    assert_eq!((status, stderr), (0, format!("resurge: Written to {page}\n")));
    assert_eq!(json(&stdout), json(&std::fs::read_to_string(&data).unwrap()));
    let (_, stdout, _) = small(&[&ONE[..], &["--markdown", "-"]].concat());
    assert_eq!(stdout, std::fs::read_to_string(&page).unwrap());
    for same in ["-", &data] {
        let (status, _, stderr) = small(&["--json", same, "--markdown", same]);
        assert!(status == 2 && stderr.contains("name the same place"), "{stderr}");
    }
}

/// What earlier versions took: scripts that have it go on.
#[test]
fn the_old_words_are_still_taken() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let new = small(&[&ONE[..], &["--reset-gradient", "full,scaled:0.5", "--json", "-"]].concat());
    let old = ["--reset-grad", "full", "--reset-grad", "scaled-0.5", "--format", "json"];
    assert_eq!(small(&[&ONE[..], &old].concat()), new);
    assert_eq!(json(&new.1)["cases"].as_array().unwrap().len(), 2);
    assert_eq!(json(&new.1)["cases"][1]["reset_gradient"], "scaled:0.5");
    let report = path("report.json");
    let (status, stdout, _) = small(&[&ONE[..], &old, &["--out", &report]].concat());
    assert_eq!((status, stdout), (0, format!("Written to {report}\n")));
    assert_eq!(std::fs::read_to_string(&report).unwrap(), new.1);
    let table = path("table.txt");
    let (status, stdout, _) = small(&[&ONE[..], &["--format", "table", "--out", &table]].concat());
    assert_eq!((status, stdout), (0, format!("Written to {table}\n")));
    assert!(std::fs::read_to_string(&table).unwrap().contains("4 of 4 cases hold"));
    let (status, _, stderr) = small(&["--format", "json", "--json", "-"]);
    assert!(status == 2 && stderr.contains("cannot be used with"), "{stderr}");
}

#[test]
fn a_list_of_seeds_says_all_and_a_number_how_many_from_one_on() {
    let of = |options: &[&str]| {
        let (status, stdout, stderr) = small(&[&ONE[..], &["--json", "-"], options].concat());
        assert_eq!(status, 0, "{stderr}");
        (json(&stdout), stderr)
    };
    let [two, listed, ranged, later] =
        [&["--seeds", "2"][..], &["--seeds", "1,2"], &["--seeds", "1-2"], &["--seeds", "2", "--seed", "4"]]
            .map(&of);
    assert_eq!(two, listed);
    assert_eq!(two, ranged);
    assert_eq!(later, of(&["--seeds", "4-5"]));
    assert_ne!(two.0, later.0);
    assert_eq!(of(&["--seeds", "4-4"]), of(&["--seed", "4"]));
    let (report, notice) = of(&["--seeds", "4-5", "--seed", "1"]);
    assert_eq!(report, later.0);
    assert_eq!(notice, "resurge: notice: --seeds 4-5 says all seeds; --seed 1 is left out\n");
}
