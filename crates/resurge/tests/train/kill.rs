//! Trainings that are killed at random moments while they write: a checkpoint is never torn, and goes on to the same
//! end.

use crate::data::write_bars;
use assert_cmd::Command;
use resurge::train::Checkpoint;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

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
        std::thread::sleep(Duration::from_micros(2_000 + (state >> 40) % 100_000));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        left += left_behind(&out).len();
        left_behind(&out).iter().for_each(|path| age(path));
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

/// So that the next run takes it for what it is, without the wait of some seconds.
fn age(path: &Path) {
    let old = SystemTime::now() - Duration::from_secs(60);
    std::fs::File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
}

/// Goes on to the end: the same bytes as without any stop, and no file is left behind.
fn finish(place: &Place, expected: &[u8]) {
    let out = place.out("killed");
    Command::from_std(place.command("killed")).assert().success();
    assert!(std::fs::read(checkpoint(&out)).unwrap() == expected, "another end than without a stop");
    assert_eq!(left_behind(&out), [] as [PathBuf; 0]);
}

#[test]
fn a_killed_training_goes_on_to_the_same_end() {
    let (running, _, _) = kill(12);
    assert!(running > 0, "no training had begun when it was killed");
}

/// The same at 200 moments; prints what it met.
#[test]
#[ignore = "half a minute; run with --ignored --nocapture"]
fn killed_at_two_hundred_moments() {
    let (running, finished, left) = kill(200);
    println!(
        "200 moments: {running} with a checkpoint, {finished} at the end, {left} temporary files were left"
    );
    assert!(running > 100 && running > finished);
}
