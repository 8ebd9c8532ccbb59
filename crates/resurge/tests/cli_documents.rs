//! What the command says of itself: the reference page, manual pages, completions, and examples that it would take.

use assert_cmd::Command;
use std::path::Path;

fn resurge(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("resurge").unwrap().args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn reference() -> String {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("commands.md");
    let (status, _, stderr) = resurge(&["reference", file.to_str().unwrap()]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    std::fs::read_to_string(file).unwrap()
}

/// The commands and their groups, without the one that prints help, as `--help` lists them.
fn commands(path: &[&str]) -> Vec<Vec<String>> {
    let (status, help, _) = resurge(&[path, &["--help"]].concat());
    assert_eq!(status, 0, "{path:?}");
    let listed =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let mut found = Vec::new();
    for name in listed.filter(|l| l.starts_with("  ") && !l.starts_with("   ")) {
        let name = name.split_whitespace().next().unwrap();
        if name != "help" {
            let path: Vec<&str> = path.iter().copied().chain([name]).collect();
            found.push(path.iter().map(|word| (*word).to_owned()).collect());
            found.extend(commands(&path));
        }
    }
    found
}

#[test]
fn the_page_of_commands_is_what_the_command_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/commands.md");
    let committed = std::fs::read_to_string(page).unwrap_or_default();
    assert!(
        committed == reference(),
        "docs/commands.md is not what the commands say of themselves; to make it anew: \
         cargo run -- reference docs/commands.md"
    );
}

#[test]
fn every_command_has_examples_a_section_and_a_manual_page() {
    let pages = tempfile::tempdir().unwrap();
    let directory = pages.path().join("man1");
    let written = format!("Written to {}\n", directory.display());
    assert_eq!(resurge(&["man", directory.to_str().unwrap()]), (0, written, String::new()));
    let (reference, commands) = (reference(), commands(&[]));
    assert!(commands.len() >= 12, "{commands:?}");
    for command in &commands {
        let name = command.join(" ");
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let (_, help, _) = resurge(&[&words[..], &["--help"]].concat());
        assert!(help.contains("\nExamples:\n  resurge "), "{name} --help has no examples");
        assert!(name == "data" || reference.contains(&format!("\n## resurge {name}\n")), "{name}");
        let page = directory.join(format!("resurge-{}.1", command.join("-")));
        let page = std::fs::read_to_string(&page).unwrap_or_else(|e| panic!("{}: {e}", page.display()));
        assert!(page.contains(".SH SYNOPSIS") && page.contains("Examples:"), "{name}");
    }
    assert!(directory.join("resurge.1").exists());
    assert_eq!(
        std::fs::read_dir(&directory).unwrap().count(),
        commands.len() + 1,
        "no page of a hidden command"
    );
}

/// Every example's options exist and go together. With `--help` after them nothing is run; but clap answers that
/// before it has seen all, so `--no-such-option` is put at the end instead, and has to be all that it complains of.
#[test]
fn every_example_names_options_that_exist() {
    let reference = reference();
    let examples: Vec<&str> =
        reference.lines().filter(|l| l.starts_with("resurge ") && !l.contains('[')).collect();
    assert!(examples.len() > 30, "{}", examples.len());
    for example in examples.iter().filter(|e| !e.contains(['\'', '>', '&', '*', '<'])) {
        let words: Vec<&str> = example.split_whitespace().skip(1).collect();
        let (status, _, stderr) = resurge(&[&words[..], &["--no-such-option"]].concat());
        assert_eq!(status, 2, "{example}");
        assert!(stderr.contains("unexpected argument '--no-such-option'"), "{example}: {stderr}");
    }
}

#[test]
fn completions_name_the_options_of_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (status, script, stderr) = resurge(&["completions", shell]);
        assert_eq!((status, stderr.as_str()), (0, ""), "{shell}");
        assert!(script.contains("reset-gradient"), "{shell}");
        // clap_complete has the values of arguments for these alone.
        let values = ["bash", "zsh", "fish"].contains(&shell);
        assert_eq!(script.contains("fashion-mnist"), values, "{shell}");
    }
    assert_eq!(resurge(&["completions", "tcsh"]).0, 2);
}

#[test]
fn options_that_would_say_nothing_are_refused() {
    for arguments in [
        &["--all", "--cell", "lif"][..],
        &["--cell", "lif", "--steps", "5"],
        &["--convention", "norse", "--hidden", "5"],
        &["--convention", "norse", "--batch", "5"],
        &["--convention", "norse", "--reset", "zero"],
    ] {
        let (status, _, stderr) = resurge(&[&["verify"], arguments].concat());
        assert_eq!(status, 2, "{arguments:?}");
        assert!(
            stderr.contains("cannot be used with") || stderr.contains("a convention has its own"),
            "{stderr}"
        );
    }
}
