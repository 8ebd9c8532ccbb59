//! One word for one thing: what has the same name in several commands is the same option.

use crate::cli::definition;
use clap::{Arg, Command};
use std::collections::BTreeMap;

/// Options that mean the same wherever they are: the name of the value, and the words that its help begins with.
const WORDS: [(&str, &str, &str); 18] = [
    ("reset-gradient", "GRADIENT", "The gradient of the reset: "),
    ("seeds", "SEEDS", "Seeds, as 1-3 or 1,2,5, or how many, as 20 for 1 to 20"),
    ("seed", "SEED", "Draws "),
    ("out", "DIR", "The directory to write into"),
    ("data", "DIR", "The directory of the files of the data set"),
    ("from", "DIR", "Run nothing: make tables and figures from the data in this directory"),
    ("json", "FILE", "Write the full report to this file, as JSON; - is standard output"),
    ("html", "FILE", "Write the full report to this file, as one HTML page"),
    ("markdown", "FILE", "Write the full report to this file, as Markdown; - is standard output"),
    ("toml", "FILE", "Write the settings to this file"),
    ("threads", "THREADS", "Threads, one a core by default; the result does not depend on their number"),
    ("set", "KEY=VALUE", "Override a setting"),
    ("shard", "I/N", "Run part I of N alone"),
    ("epochs", "EPOCHS", "Passes over the data, by default those of the settings"),
    ("limit", "N", "Take at most so many samples of each split"),
    ("no-verify", "", "Take files that are not the official ones, too"),
    ("checkpoint-every", "N", "Write a checkpoint after every N batches of an epoch, too"),
    ("dataset", "NAME", "The data set"),
];

/// What earlier versions had, in lines that they took: each still means what the line after it says.
const OLD: [(&str, &str); 8] = [
    ("verify --reset-grad full", "verify --reset-gradient full"),
    ("verify --reset-grad scaled-0.5 --reset-grad full", "verify --reset-gradient scaled:0.5,full"),
    ("train mnist --data d --reset-grad scaled-0.5", "train mnist --data d --reset-gradient scaled:0.5"),
    (
        "compare mnist --data d --rules full,scaled-0.5",
        "compare mnist --data d --reset-gradient full,scaled:0.5",
    ),
    ("toy --rules full,detached", "toy --reset-gradient full --reset-gradient detached"),
    ("toy --rules scaled-0.25", "toy --reset-gradient scaled:0.25"),
    ("data fetch mnist --dir d", "data fetch mnist --data d"),
    ("config --preset small --out f", "config --preset small --toml f"),
];

/// Every command that is shown, by its words.
fn commands() -> Vec<(String, Command)> {
    fn visit(name: &str, command: &Command, found: &mut Vec<(String, Command)>) {
        for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
            let name = format!("{name} {}", inner.get_name()).trim().to_owned();
            found.push((name.clone(), inner.clone()));
            visit(&name, inner, found);
        }
    }
    let mut root = definition().disable_help_subcommand(true);
    root.build();
    let mut found = Vec::new();
    visit("", &root, &mut found);
    found
}

/// Every option that is shown, by its name: the commands that have it.
fn options() -> BTreeMap<String, Vec<(String, Arg)>> {
    let mut found: BTreeMap<String, Vec<(String, Arg)>> = BTreeMap::new();
    for (name, command) in commands() {
        for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
            if let Some(long) = arg.get_long() {
                found.entry(long.to_owned()).or_default().push((name.clone(), arg.clone()));
            }
        }
    }
    found
}

/// The name of an option's value; none of one that takes no value.
fn value(arg: &Arg) -> String {
    let takes = arg.get_action().takes_values();
    let names = arg.get_value_names().filter(|_| takes).unwrap_or_default();
    names.iter().map(|name| name.to_string()).collect::<Vec<_>>().join(" ")
}

#[test]
fn options_of_one_name_have_one_value() {
    let options = options();
    assert!(options.values().filter(|of| of.len() > 1).count() > 15, "{:?}", options.keys());
    for (name, of) in &options {
        let values: Vec<(&str, String)> = of.iter().map(|(command, arg)| (&**command, value(arg))).collect();
        assert!(values.iter().all(|(_, value)| *value == values[0].1), "--{name}: {values:?}");
    }
}

#[test]
fn options_of_one_name_say_the_same() {
    let options = options();
    for (name, expected, start) in WORDS {
        for (command, arg) in options.get(name).unwrap_or_else(|| panic!("no command has --{name}")) {
            assert_eq!(value(arg), expected, "{command} --{name}");
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.starts_with(start), "{command} --{name}: {help}");
        }
    }
    for (command, option) in [
        ("verify", "reset-gradient"),
        ("train", "reset-gradient"),
        ("compare", "reset-gradient"),
        ("toy", "reset-gradient"),
        ("verify", "seeds"),
        ("toy", "seeds"),
        ("compare", "seeds"),
        ("verify", "json"),
        ("verify", "markdown"),
        ("verify", "out"),
        ("data fetch", "data"),
    ] {
        let there = command != "data fetch" || cfg!(feature = "fetch");
        assert!(
            !there || options[option].iter().any(|(name, _)| name == command),
            "{command} has no --{option}"
        );
    }
    for gone in ["rules", "reset-grad", "dir", "format"] {
        assert!(!options.contains_key(gone), "--{gone} is shown");
    }
}

/// The values of an option in a line, as they are understood.
fn values(line: &str) -> String {
    let found = definition().try_get_matches_from(["resurge"].into_iter().chain(line.split(' ')));
    let mut found = found.unwrap_or_else(|error| panic!("{line}: {error}"));
    let mut shown = String::new();
    while let Some((name, inner)) = found.remove_subcommand() {
        found = inner;
        for id in ["reset_gradient", "data", "toml"] {
            let raw = found.try_get_raw(id).ok().flatten().into_iter().flatten();
            let raw: Vec<String> =
                raw.map(|value| value.to_string_lossy().replace("scaled-", "scaled:")).collect();
            shown.push_str(&format!("{name} {id} {raw:?}\n"));
        }
    }
    shown
}

#[test]
fn the_words_of_earlier_versions_are_taken() {
    for (old, new) in OLD.iter().filter(|(old, _)| !old.starts_with("data fetch") || cfg!(feature = "fetch"))
    {
        assert_eq!(values(old), values(new), "{old}");
    }
    assert_ne!(values(OLD[0].0), values(OLD[1].0));
    for line in ["verify --format json", "verify --format table --out f", "verify --plot f.svg"] {
        values(line);
    }
}
