//! Every command that prints a table, on terminals of every width.

use crate::{DIAGNOSE, TOY, VERIFY, audit_file, comparison, resurge};
use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;

/// What a command writes to a terminal of so many columns; 0 for one that does not say.
fn on_terminal(columns: u16, arguments: &[&str]) -> String {
    let (text, status) = ending(columns, arguments);
    assert!(status < Some(2), "{arguments:?}");
    text
}

/// The same, and the status with which it ends.
fn ending(columns: u16, arguments: &[&str]) -> (String, Option<i32>) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    // Without NOCTTY it might become the terminal of this process.
    let slave = File::options()
        .read(true)
        .write(true)
        .custom_flags(OFlags::NOCTTY.bits().cast_signed())
        .open(std::ffi::OsStr::from_bytes(name.as_bytes()))
        .unwrap();
    tcsetwinsize(&slave, Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_resurge"));
    command.args(arguments).env("TERM", "xterm").env_remove("NO_COLOR").env_remove("COLUMNS");
    command.stdout(slave.try_clone().unwrap()).stderr(slave.try_clone().unwrap());
    let mut child = command.spawn().unwrap();
    drop((slave, command));
    let mut bytes = Vec::new();
    // Linux ends it with an error once the last writer is gone.
    let _ = File::from(master).read_to_end(&mut bytes);
    let status = child.wait().unwrap().code();
    (String::from_utf8(bytes).unwrap(), status)
}

/// The lines as they stand on the screen, without colours; what a bar is drawn over with is a line of its own.
fn lines(text: &str) -> Vec<String> {
    let moved = text.replace("\u{1b}[1A", "\n").replace("\r\n", "\n");
    let plain = anstream::adapter::strip_str(&moved).to_string();
    plain.split(['\n', '\r']).map(str::to_owned).collect()
}

const WIDTHS: [u16; 5] = [40, 60, 80, 100, 200];

fn commands(out: &str) -> Vec<Vec<String>> {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let comparison = comparison().display().to_string();
    let audit = audit_file().display().to_string();
    let within = |words: &[&str], name: &str| {
        [owned(words), vec!["--out".to_owned(), format!("{out}/{name}")]].concat()
    };
    let map = ["diagnose", "--map", "--rates", "0.1", "--neurons", "20", "--steps", "20", "--repeats", "1"];
    vec![
        within(&TOY, "toy"),
        within(&DIAGNOSE, "diagnosis"),
        within(&map, "map"),
        within(&["merge", &comparison], "comparison"),
        owned(&VERIFY),
        owned(&["verify", "--cell", "recurrent-alif", "--reset", "subtract", "--surrogate", "fast-sigmoid"]),
        owned(&["verify", "--convention", "spyx"]),
        owned(&["audit", &audit]),
        owned(&["audit", &audit, &audit]),
    ]
}

#[test]
fn no_line_is_longer_than_the_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().to_str().unwrap();
    for command in commands(out) {
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        for width in WIDTHS {
            let text = on_terminal(width, &command);
            let lines = lines(&text);
            assert!(lines.len() > 5, "{command:?}: {text}");
            // A path is not cut into pieces.
            let has_path = |line: &&String| line.contains(out) || line.contains("tests/audit");
            for line in lines.iter().filter(|line| !has_path(line)) {
                let long = line.trim_end().chars().count();
                assert!(long <= usize::from(width), "{command:?} at {width}: {long} columns\n{line}\n{text}");
            }
        }
    }
}

/// Errors and settings fold, too; the settings remain the same.
#[test]
fn errors_and_settings_are_no_wider_than_the_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let incomplete = directory.path().join("c");
    std::fs::create_dir_all(&incomplete).unwrap();
    std::fs::copy(comparison().join("plan.json"), incomplete.join("plan.json")).unwrap();
    let incomplete = incomplete.display().to_string();
    let long = ["config", "--preset", "small", "--set", "surrogate=step", "--set", "gain=2"];
    let commands: [&[&str]; 4] = [
        &["merge", &incomplete],
        &long,
        &["data", "check", directory.path().to_str().unwrap()],
        &["train", "mnist", "--data", "data", "--set", "stepps=3"],
    ];
    for width in WIDTHS {
        for command in commands {
            let text = ending(width, command).0;
            let folded = lines(&text);
            assert!(width > 80 || folded.len() > 2, "{command:?}: {text}");
            for line in folded.iter().filter(|line| !line.contains(directory.path().to_str().unwrap())) {
                assert!(line.trim_end().chars().count() <= usize::from(width), "{width}: {line}\n{text}");
            }
        }
        for preset in ["mnist", "nmnist", "cifar10", "small"] {
            let (_, whole, _) = resurge(&["config", "--preset", preset]);
            let text = on_terminal(width, &["config", "--preset", preset]).replace('\r', "");
            let longest = text.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(longest <= usize::from(width), "{width}: {text}");
            let read = |text: &str| resurge::train::Config::from_toml(text).unwrap();
            assert_eq!(read(&text), read(&whole));
        }
    }
}

/// A terminal that does not know its width, as in a container, has the tables of a file.
#[test]
fn a_width_of_0_is_unknown() {
    let directory = tempfile::tempdir().unwrap();
    for command in commands(directory.path().to_str().unwrap()) {
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        let table = |text: &str| {
            let is_table = |line: &&String| line.contains("  ") && !line.contains("left");
            lines(text).iter().filter(is_table).map(|line| line.trim_end().to_owned()).collect::<Vec<_>>()
        };
        let (_, file, _) = resurge(&command);
        let (known, file) = (table(&on_terminal(0, &command)), table(&file));
        assert!(file.len() > 1, "{command:?}: {file:?}");
        for line in &file {
            assert!(known.contains(line), "{command:?}: {line:?} is not in {known:#?}");
        }
    }
}

/// The bar of a training has more to say than fits.
#[test]
fn a_bar_stays_on_its_line() {
    let directory = tempfile::tempdir().unwrap();
    let sweep = ["--inputs", "100", "--seeds", "8", "--updates", "60", "--per-decade", "2"];
    for width in [40, 60, 80] {
        let out = directory.path().join(width.to_string()).display().to_string();
        let text = on_terminal(width, &[&["toy"][..], &sweep, &["--out", &out]].concat());
        let lines = lines(&text);
        let bars: Vec<_> = lines.iter().filter(|line| line.contains("left")).collect();
        assert!(!bars.is_empty(), "no bar was drawn: {text:?}");
        assert!(bars.iter().all(|line| line.chars().count() <= usize::from(width)), "{bars:#?}");
    }
}
