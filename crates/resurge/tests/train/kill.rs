//! Trainings that are killed at random moments while they write, and pairs of trainings that are
//! started in one directory at random moments: a checkpoint is never torn, goes on to the same end,
//! and no training is overwritten.
//!
//! The ordinary test has a few moments of each kind. `RESURGE_KILLS=60 cargo test -p resurge --test
//! train kill -- --nocapture` has as many as it says, and prints what it met.

use crate::data::write_bars;
use assert_cmd::Command;
use resurge::train::Checkpoint;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Trainings of 40 updates, after each of which the two logs and the checkpoint are written.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        write_bars(&dir.path().join("data"), 20, 10);
        Self(dir)
    }

    fn out(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, name: &str) -> std::process::Command {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("resurge"));
        command.args(["train", "mnist", "--preset", "small", "--no-verify", "--checkpoint-every", "1"]);
        command.args(["--set", "batch=1", "--epochs", "2", "--threads", "1"]);
        command.arg("--data").arg(self.out("data")).arg("--out").arg(self.out(name));
        if checkpoint(&self.out(name)).exists() {
            command.arg("--resume");
        }
        command
    }
}

fn checkpoint(out: &Path) -> PathBuf {
    out.join("checkpoint.safetensors")
}

fn left_behind(out: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(out) else { return Vec::new() };
    let temporary = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "tmp");
    entries.map(|entry| entry.unwrap().path()).filter(temporary).collect()
}

/// Kills trainings at so many moments, each time going on, or beginning anew after the end. Gives how many of them
/// were in the middle of a training, how many had finished, and how many files were left behind.
fn kill(moments: usize) -> (usize, usize, usize) {
    let place = Place::new();
    let status = place.command("whole").stdout(Stdio::null()).status().unwrap();
    assert!(status.success());
    let expected = std::fs::read(checkpoint(&place.out("whole"))).unwrap();
    let out = place.out("killed");
    let (mut state, mut before) = (1_u64, 0);
    let (mut running, mut finished, mut left) = (0, 0, 0);
    for moment in 0..moments {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let mut child = place.command("killed").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // At any moment from its start, or, so that there are some on the slowest machine, from
        // when it writes.
        let start = Instant::now();
        while moment % 2 == 1 && !checkpoint(&out).exists() && start.elapsed() < Duration::from_secs(120) {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros(2_000 + (state >> 40) % 100_000));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        left += left_behind(&out).len();
        if !checkpoint(&out).exists() {
            assert_eq!(before, 0, "moment {moment}: the checkpoint is gone");
            continue;
        }
        let read =
            Checkpoint::read(&checkpoint(&out)).unwrap_or_else(|error| panic!("moment {moment}: {error}"));
        assert!(read.progress.updates >= before, "moment {moment}: {} after {before}", read.progress.updates);
        assert!(status.code().is_none_or(|code| code == 0), "moment {moment}: {status}");
        before = read.progress.updates;
        running += 1;
        if status.success() || before == 40 {
            finished += 1;
            finish(&place, &expected);
            std::fs::remove_dir_all(&out).unwrap();
            before = 0;
        }
    }
    finish(&place, &expected);
    (running, finished, left)
}

/// Goes on to the end: the same bytes as without any stop, and nothing is left behind but a
/// checkpoint and two logs.
fn finish(place: &Place, expected: &[u8]) {
    let out = place.out("killed");
    Command::from_std(place.command("killed")).assert().success();
    assert!(std::fs::read(checkpoint(&out)).unwrap() == expected, "another end than without a stop");
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 3);
}

/// How many moments there are, and whether that was asked for.
fn moments(usual: usize) -> (usize, bool) {
    let asked = std::env::var("RESURGE_KILLS").ok().and_then(|number| number.parse().ok());
    (asked.unwrap_or(usual), asked.is_some())
}

#[test]
fn a_killed_training_goes_on_to_the_same_end() {
    let (moments, asked) = moments(12);
    let (running, finished, left) = kill(moments);
    if asked {
        println!(
            "{moments} kills: {running} with a checkpoint, {finished} at the end, {left} temporary files were left"
        );
    }
    assert!(running > 0, "no training had begun when it was killed");
}

/// Of two trainings that are started in one directory, one is carried out, to the end it has alone,
/// and the other is refused with the reason; which of them, and why, is a matter of time.
#[test]
fn of_two_trainings_in_one_directory_one_is_refused() {
    let place = Place::new();
    let seeds = ["3", "4"];
    let alone = seeds.map(|seed| {
        let name = format!("alone{seed}");
        assert!(
            place.command(&name).args(["--seed", seed]).stdout(Stdio::null()).status().unwrap().success()
        );
        std::fs::read(checkpoint(&place.out(&name))).unwrap()
    });
    assert!(alone[0] != alone[1]);
    let (moments, asked) = moments(6);
    let (mut state, mut in_use, mut after) = (7_u64, 0, 0);
    for moment in 0..moments {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let name = format!("pair{moment}");
        let mut commands = seeds.map(|seed| {
            let mut command = place.command(&name);
            command.args(["--seed", seed]).stdout(Stdio::null()).stderr(Stdio::piped());
            command
        });
        // Every other pair at the same time, the rest up to a tenth of a second apart.
        let pause = Duration::from_micros(if moment % 2 == 0 { 0 } else { (state >> 40) % 100_000 });
        let first = commands[0].spawn().unwrap();
        std::thread::sleep(pause);
        let second = commands[1].spawn().unwrap();
        let ends = [first, second].map(|child| child.wait_with_output().unwrap());
        let status = [0, 1].map(|which: usize| ends[which].status.code().unwrap());
        let winner = usize::from(status[1] == 0);
        assert_eq!((status[winner], status[1 - winner]), (0, 2), "moment {moment}: {ends:?}");
        let found = std::fs::read(checkpoint(&place.out(&name))).unwrap();
        assert!(found == alone[winner], "moment {moment}: not the training that was said to be done");
        let stderr = String::from_utf8_lossy(&ends[1 - winner].stderr).into_owned();
        let (used, held) = (
            stderr.contains(" is in use by another run: "),
            stderr.contains(" holds a training; go on with"),
        );
        assert!((used || held) && stderr.contains("--out"), "moment {moment}: {stderr}");
        in_use += usize::from(used);
        after += usize::from(held);
        let names = std::fs::read_dir(place.out(&name)).unwrap().count();
        assert_eq!(names, 3, "a checkpoint and two logs");
    }
    if asked {
        println!("{moments} pairs: {in_use} refused while the other ran, {after} after it");
    }
    assert!(in_use > 0, "no two ran at the same time");
}
