//! A directory with a tiny data set, and trainings on it.

use crate::data::write_bars;
use assert_cmd::Command;

pub(crate) fn resurge(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("resurge").unwrap().args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A directory with the data in `data`, and the arguments of a training on it.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        write_bars(&dir.path().join("data"), 400, 40);
        Self(dir)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn arguments(&self, out: &str, more: &[&str]) -> Vec<String> {
        let (data, out) = (self.path("data"), self.path(out));
        let fixed = ["train", "mnist", "--data", &data, "--out", &out, "--preset", "small", "--no-verify"];
        fixed.iter().chain(more).map(ToString::to_string).collect()
    }

    pub(crate) fn train(&self, out: &str, more: &[&str]) -> (i32, String, String) {
        let arguments = self.arguments(out, more);
        resurge(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }
}
