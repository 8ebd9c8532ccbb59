use crate::compile::{Diagnostic, TestBinary, blame};
use crate::operators::Numeric;
use crate::plan::{Equivalents, Group, Mutant, Plan, SourceFile};
use crate::run::{self, Outcome};
use crate::sites::{self, Kind, Site};
use crate::splice::splice;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

fn found(source: &str) -> Vec<Site> {
    let constants = HashMap::from([("WIDE".to_owned(), Numeric::Float)]);
    sites::sites(source, &constants).unwrap()
}

/// What an expression in a function is changed into.
fn changes(body: &str, original: &str) -> Vec<String> {
    let sites = found(&format!("fn f() {{ {body} }}"));
    let site = sites.iter().find(|site| site.original == original && site.function == "f");
    let alternatives = site.map(|site| site.alternatives.clone()).unwrap_or_default();
    alternatives.into_iter().map(|a| a.shown).collect()
}

#[test]
fn operators_and_operands_of_an_expression_are_changed() {
    let sum = ["(a) - (b * c)", "(a) * (b * c)", "(a)", "(b * c)"];
    assert_eq!(changes("let x = a + b * c;", "a + b * c"), sum);
    let product = ["(b) / (c)", "(b) + (c)", "(b)", "(c)", "Default::default()"];
    assert_eq!(changes("let x = a + b * c;", "b * c"), product);
    assert_eq!(changes("a[i] += x;", "a[i] += x"), ["a[i] -= x", "a[i] *= x", "a[i] = x", "()"]);
    assert_eq!(changes("let x = -y;", "-y"), ["(y)"]);
    assert_eq!(changes("let x = !y;", "!y"), ["(y)"]);
    assert_eq!(changes("a = b;", "a = b"), ["()"]);
}

#[test]
fn comparisons_move_their_bar_and_their_edge() {
    let wider =
        ["(e) < (t)", "(e) > (t)", "(e) <= (t) * 100.0", "(e) <= (t) * 0.01", "true", "false"];
    assert_eq!(changes("let x = e <= t;", "e <= t"), wider);
    assert_eq!(changes("let x = e <= WIDE;", "WIDE"), ["(WIDE * 100.0)", "(WIDE * 0.01)"]);
    assert_eq!(
        changes("g(tolerance);", "tolerance"),
        ["(tolerance * 100.0)", "(tolerance * 0.01)"]
    );
    assert_eq!(changes("let x = 0.5;", "0.5"), ["(0.5 * 100.0)", "(0.5 * 0.01)", "0.0", "1.0"]);
    assert_eq!(changes("let x = 3;", "3"), ["4", "2"]);
    assert_eq!(changes("let x = 0;", "0"), ["1"]);
    assert_eq!(changes("let x = 4096;", "4096"), ["8192", "2048"]);
}

#[test]
fn conditions_guards_and_arms_are_decided() {
    assert_eq!(changes("if ok { g() }", "ok"), ["true", "false"]);
    assert_eq!(changes("while ok { g() }", "ok"), ["false"]);
    assert_eq!(changes("if let Some(x) = y { g(x) }", "let Some(x) = y"), ["false"]);
    assert_eq!(changes("match x { A if ok => 1, _ => 2 };", "ok"), ["true", "false"]);
    assert_eq!(changes("match x { A => 1, _ => 2 };", "A =>"), ["arm deleted"]);
    // `None` is a variant, not a name for everything.
    assert!(changes("match x { Some(1) => 1, Some(_) => 2, None => 3 };", "Some(1) =>").is_empty());
    let both = ["(a) || (b)", "(a)", "(b)"];
    assert_eq!(changes("let x = a && b;", "a && b"), both);
    assert_eq!(changes("let x = v.iter().filter(|e| ok(e));", "ok(e)"), ["true", "false"]);
    assert_eq!(changes("for x in y { g(x) }", "for x in y { .. }"), ["no iteration"]);
}

#[test]
fn methods_statements_and_structures_are_left_out() {
    assert_eq!(changes("let x = y.abs();", "y.abs()"), ["(y)"]);
    assert_eq!(changes("let x = y.max(z);", "y.max(z)"), ["(y).min(z)", "(z)", "(y)"]);
    assert_eq!(changes("row.clear();", "row.clear()"), ["statement deleted"]);
    assert_eq!(changes("check(x)?;", "check(x)?"), ["statement deleted"]);
    let fields = ["R { b: 2, ..r }", "R { a: 1, ..r }"];
    assert_eq!(changes("let x = R { a: 1, b: 2, ..r };", "R { a: 1, b: 2, ..r }"), fields);
    assert_eq!(changes("let x = (a, b);", "(a, b)"), ["(b, a)"]);
    assert_eq!(changes("let x = fold(0.0, f64::max);", "f64::max"), ["f64::min"]);
    assert_eq!(changes("let x = vec![a + b];", "a + b").len(), 4);
    let f = found("fn f() -> Option<f64> { None }");
    let values: Vec<&str> = f[0].alternatives.iter().map(|a| a.code.as_str()).collect();
    assert_eq!(values, ["return Some(0.0)", "return Some(1.0)", "return Some(-1.0)"]);
}

#[test]
fn what_is_known_at_compile_time_and_tests_stay() {
    for source in [
        "const A: f64 = 1.5 + 2.5;",
        "static A: [f64; 1 + 1] = [0.5, 1.5];",
        "const fn f() -> usize { 1 + 2 }",
        "fn f(_: [f64; 1 + 1]) { let _: [f64; 2 * 3]; }",
        "#[cfg(test)] mod tests { fn f() { let x = 1 + 2; } }",
        "#[test] fn f() { let x = 1 + 2; }",
        "macro_rules! m { () => { 1 + 2 } }",
        "fn f() { let _ = R { tolerance }; }",
    ] {
        let sites = found(source);
        let jumps = |site: &&Site| !matches!(site.kind, Kind::Jump(_));
        assert_eq!(sites.iter().filter(jumps).count(), 0, "{source}");
    }
}

/// A file of one source as a plan.
fn plan(source: &str) -> Plan {
    let sites = found(source);
    let (mut first, mut mutants, mut next) = (Vec::new(), Vec::new(), 0);
    for (index, site) in sites.iter().enumerate() {
        first.push(next);
        for (alternative, a) in site.alternatives.iter().enumerate() {
            let name = format!("lib.rs: {}: {} -> {}", site.function, site.original, a.shown);
            let id = next + alternative as u32;
            mutants.push(Mutant { id, file: 0, site: index, alternative, place: next, name });
        }
        next += site.alternatives.len() as u32;
    }
    let (path, group) = (PathBuf::from("lib.rs"), "g".to_owned());
    let file = SourceFile { path, group, source: source.to_owned(), sites, first };
    Plan { files: vec![file], mutants, instrumented: Vec::new() }
}

const SOURCE: &str = "fn f(a: f64, b: &[f64]) -> f64 {\n    let mut s = 0.0;\n    \
    for (i, x) in b.iter().enumerate() {\n        if *x > 1.5 && i < 3 { s += a * x; }\n    }\n    \
    match b.first() { Some(y) if *y < 0.5 => s.max(*y), _ => s }\n}\n";

#[test]
fn a_file_with_its_mutants_is_a_file_and_keeps_its_lines() {
    let plan = plan(SOURCE);
    let file = &plan.files[0];
    let spliced = splice(SOURCE, &file.sites, &file.first, &HashSet::new());
    syn::parse_file(&spliced.text).unwrap();
    assert_eq!(spliced.text.lines().count(), SOURCE.lines().count());
    // Every mutant has its code, and it is where it is said to be.
    assert_eq!(spliced.arms.len(), plan.mutants.len());
    for (range, id) in &spliced.arms {
        let mutant = &plan.mutants[*id as usize];
        let code = &plan.site(mutant).alternatives[mutant.alternative].code;
        assert!(spliced.text[range.clone()].contains(code.as_str()), "{}", mutant.name);
    }
    let none: HashSet<u32> = plan.mutants.iter().map(|m| m.id).collect();
    assert_eq!(splice(SOURCE, &file.sites, &file.first, &none).text, SOURCE);
}

fn error(start: usize, end: usize) -> Diagnostic {
    let text = format!(
        r#"{{"level": "error", "code": null, "rendered": "wrong", "spans": [{{"file_name": "lib.rs",
        "byte_start": {start}, "byte_end": {end}, "is_primary": true, "expansion": null}}]}}"#
    );
    serde_json::from_str(&text).unwrap()
}

#[test]
fn an_error_is_blamed_on_the_mutant_around_it() {
    let plan = plan(SOURCE);
    let file = &plan.files[0];
    let spliced = [splice(SOURCE, &file.sites, &file.first, &HashSet::new())];
    let (arm, id) = spliced[0].arms[7].clone();
    let mut unviable = HashSet::new();
    blame(&[error(arm.end - 3, arm.end - 2)], &plan, &spliced, &mut unviable).unwrap();
    assert_eq!(unviable, HashSet::from([id]));
    // In the code as it stands, all of the place go.
    let (place, index) =
        spliced[0].places.iter().find(|(_, i)| file.sites[*i].original == "a * x").unwrap();
    let at = place.start + spliced[0].text[place.clone()].find("a * x").unwrap();
    let mut unviable = HashSet::new();
    blame(&[error(at, at + 5)], &plan, &spliced, &mut unviable).unwrap();
    let first = file.first[*index];
    assert_eq!(unviable, (first..first + 5).collect());
    // Where nothing was changed, no mutant is to blame.
    assert!(blame(&[error(0, 2)], &plan, &spliced, &mut HashSet::new()).is_err());
}

#[test]
fn an_equivalent_mutant_is_named_with_a_reason_or_refused() {
    let plan = plan(SOURCE);
    let listed = |mutant: &str, reason: &str| -> anyhow::Result<usize> {
        let text = format!(
            "[[equivalent]]\nfile = 'lib.rs'\nfunction = 'f'\noriginal = 'i < 3'\nmutant = '{mutant}'\n\
             reason = '{reason}'\n"
        );
        Ok(toml::from_str::<Equivalents>(&text)?.of(&plan)?.len())
    };
    assert_eq!(listed("(i) <= (3)", "only said so here").unwrap(), 1);
    assert!(listed("(i) <= (3)", " ").unwrap_err().to_string().contains("no reason"));
    assert!(listed("(i) <= (4)", "gone").unwrap_err().to_string().contains("there is no mutant"));
    // All changes of a place; those of a function are more.
    let all = plan.mutants.iter().filter(|m| m.name.starts_with("lib.rs: f: i < 3 -> ")).count();
    assert_eq!(all, 2);
    assert_eq!(listed("*", "a part of work").unwrap(), all);
    let of_function = "[[equivalent]]\nfile = 'lib.rs'\nfunction = 'f'\noriginal = '*'\nmutant = '*'\nreason = 'b'";
    let found = toml::from_str::<Equivalents>(of_function).unwrap().of(&plan).unwrap().len();
    assert_eq!(found, plan.mutants.iter().filter(|m| m.name.starts_with("lib.rs: f: ")).count());
    assert!(found > all);
}

#[test]
fn functions_that_list_cases_are_left_out_by_name() {
    let root = std::env::temp_dir().join(format!("schemata-lists-{}", std::process::id()));
    std::fs::create_dir_all(root.join("crates/a/src")).unwrap();
    let git = std::process::Command::new("git").args(["init", "-q"]).current_dir(&root).status();
    assert!(git.unwrap().success());
    let source = "fn cases() -> f64 { 1.5 }\nfn of() -> f64 { 2.5 }\n\
        struct A;\nimpl A { fn cases() -> f64 { 3.5 } }\n";
    std::fs::write(root.join("crates/a/src/lib.rs"), source).unwrap();
    let functions = |lists: &str| -> anyhow::Result<Vec<String>> {
        let text = format!("files = ['crates/a/src/*.rs']\ncase_lists = [{lists}]\ntests = {{}}");
        let groups = BTreeMap::from([("g".to_owned(), toml::from_str::<Group>(&text)?)]);
        let plan = Plan::new(&root, &groups)?;
        let mut functions: Vec<String> =
            plan.mutants.iter().map(|mutant| plan.site(mutant).function.clone()).collect();
        functions.dedup();
        Ok(functions)
    };
    assert_eq!(functions("").unwrap(), ["cases", "of", "A::cases"]);
    assert_eq!(functions("'crates/a/src/lib.rs: cases'").unwrap(), ["of", "A::cases"]);
    assert_eq!(functions("'crates/a/src/lib.rs: A::cases'").unwrap(), ["cases", "of"]);
    for gone in ["crates/a/src/lib.rs: no_cases", "crates/a/src/other.rs: cases", "cases"] {
        let refused = functions(&format!("'{gone}'")).unwrap_err().to_string();
        assert_eq!(refused, format!("group g: there is no function {gone:?} to be left out"));
    }
    std::fs::remove_dir_all(root).unwrap();
}

/// An executable that answers as one of tests does.
fn script(name: &str, body: &str) -> TestBinary {
    let folder = std::env::temp_dir().join(format!("schemata-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let executable = folder.join("tests.sh");
    std::fs::write(&executable, format!("#!/bin/sh\n{body}\n")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&executable, mode).unwrap();
    TestBinary { name: name.to_owned(), executable, folder, groups: vec!["g".to_owned()] }
}

#[test]
fn the_first_failure_ends_a_run() {
    let start = std::time::Instant::now();
    let binary = script("fails", "echo 'test a ... ok'; echo 'test b ... FAILED'; sleep 60");
    let outcome = run::against(&binary, &["a", "b"], 1, 0.0).unwrap();
    assert_eq!(outcome, Outcome::Failed("fails b".into()));
    assert!(start.elapsed().as_secs() < 30);
    let binary = script("chosen", "[ $SCHEMATA_MUTANT = 7 ] && exit 101; echo 'test a ... ok'");
    assert_eq!(run::against(&binary, &["a"], 7, 0.0).unwrap(), Outcome::Failed("chosen a".into()));
    assert_eq!(run::against(&binary, &["a"], 8, 0.0).unwrap(), Outcome::Passed);
}

#[test]
fn time_and_memory_of_a_run_are_bounded() {
    let asked = "[ \"$(ulimit -t)\" = 15 ] && [ \"$(ulimit -v)\" = 6000000 ]";
    let binary = script("bounded", asked);
    assert_eq!(run::against(&binary, &["a"], 1, 1.0).unwrap(), Outcome::Passed);
}

#[test]
fn a_loop_without_end_is_ended_by_its_processor_time() {
    let binary = script("endless", "while :; do :; done");
    let outcome = run::against(&binary, &["a"], 1, 0.0).unwrap();
    assert_eq!(outcome, Outcome::Timeout("endless a".into()));
}

#[test]
fn a_test_is_timed_by_its_processor_time() {
    let busy = script("busy", "i=0; while [ $i -lt 400000 ]; do i=$((i + 1)); done");
    let record = busy.folder.join("record");
    let seconds = run::alone(&busy, 0, "a", &record).unwrap().seconds;
    assert!(seconds > 0.1, "{seconds}");
}
