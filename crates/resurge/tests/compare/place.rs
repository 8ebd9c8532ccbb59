//! A directory with a tiny data set, and the commands of a comparison on it.

use crate::data::write_bars;
use assert_cmd::Command;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        write_bars(&dir.path().join("data"), 200, 40);
        Self(dir)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The arguments of a comparison of two rules and two seeds, that takes a second.
    pub(crate) fn arguments(&self, out: &str, more: &[&str]) -> Vec<String> {
        let fixed = "compare mnist --preset small --no-verify --seeds 1-2 --epochs 2 --cost 0";
        let mut all: Vec<String> = fixed.split(' ').map(str::to_owned).collect();
        for (option, name) in [("--data", "data"), ("--out", out)] {
            all.extend([option.to_owned(), self.path(name).to_str().unwrap().to_owned()]);
        }
        // Of an option that is given twice, the latter counts nowhere: it replaces the former.
        for option in more {
            if let Some(at) = all.iter().position(|given| given == option && option.starts_with("--")) {
                all.drain(at..at + 2);
            }
        }
        all.extend(more.iter().map(ToString::to_string));
        all
    }

    pub(crate) fn compare(&self, out: &str, more: &[&str]) -> (i32, String, String) {
        resurge(&self.arguments(out, more))
    }

    /// `resurge merge` of directories here, by name; `more` as it stands.
    pub(crate) fn merge(&self, parts: &[&str], out: Option<&str>) -> (i32, String, String) {
        let mut all = vec!["merge".to_owned()];
        all.extend(parts.iter().map(|name| self.path(name).to_str().unwrap().to_owned()));
        all.extend(
            out.into_iter()
                .flat_map(|name| ["--out".to_owned(), self.path(name).to_str().unwrap().to_owned()]),
        );
        resurge(&all)
    }

    /// The files below a directory whose names fit, with their contents.
    pub(crate) fn files(&self, name: &str, fits: fn(&str) -> bool) -> BTreeMap<PathBuf, Vec<u8>> {
        let (root, mut found) = (self.path(name), BTreeMap::new());
        visit(&root, &mut |path| {
            if fits(path.file_name().unwrap().to_str().unwrap()) {
                found.insert(path.strip_prefix(&root).unwrap().to_owned(), std::fs::read(path).unwrap());
            }
        });
        found
    }

    /// Copies what a comparison is made again from, and nothing else.
    pub(crate) fn copy_logs(&self, from: &str, to: &str) {
        for (path, bytes) in self.files(from, |name| name == "log.json") {
            let target = self.path(to).join(path);
            std::fs::create_dir_all(target.parent().unwrap()).unwrap();
            std::fs::write(target, bytes).unwrap();
        }
    }
}

pub(crate) fn resurge(arguments: &[String]) -> (i32, String, String) {
    let output = Command::cargo_bin("resurge").unwrap().args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn visit(directory: &Path, of: &mut dyn FnMut(&Path)) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { visit(&path, of) } else { of(&path) }
    }
}
