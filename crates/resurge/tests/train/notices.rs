//! What should not be overlooked, on the terminal and in the log; and files of settings that no one
//! can read.

use crate::place::Place;

fn notices(place: &Place, out: &str) -> Vec<String> {
    let log: serde_json::Value = serde_json::from_slice(&place.read(&format!("{out}/log.json"))).unwrap();
    log["notices"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_class_that_no_sample_shows_is_named() {
    let place = Place::new();
    let relabel = |name: &str, from: &[u8]| {
        let path = place.path(&format!("data/{name}-labels-idx1-ubyte"));
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[8..].iter_mut().filter(|label| from.contains(label)).for_each(|label| *label = 0);
        std::fs::write(&path, bytes).unwrap();
    };
    let (status, _, stderr) = place.train("right", &["--epochs", "1"]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert_eq!(notices(&place, "right"), [] as [&str; 0]);
    relabel("train", &[3, 7]);
    relabel("t10k", &[9]);
    let (status, _, stderr) = place.train("out", &["--epochs", "1"]);
    let expected = [
        "classes 3, 7 are in no training sample, so that the network cannot learn them",
        "class 9 is in no test sample, so that the test accuracy says nothing of it",
    ];
    assert_eq!(status, 0);
    let lines: Vec<&str> = stderr.lines().collect();
    assert_eq!(lines, expected.map(|text| format!("resurge: notice: {text}")));
    assert_eq!(notices(&place, "out"), expected);
}

#[test]
fn a_network_that_is_dead_for_whole_epochs_is_named_once() {
    let place = Place::new();
    let dead = ["--set", "threshold=1e9", "--limit", "40", "--epochs", "3"];
    let (status, _, stderr) = place.train("out", &dead);
    assert_eq!(status, 0);
    let lines: Vec<&str> = stderr.lines().collect();
    assert_eq!(lines.len(), 3, "{stderr}");
    for (line, what) in lines.iter().zip([
        "all gradients were 0 in epoch 1: nothing was learnt; a wider surrogate",
        "layer conv1 did not fire in epoch 1; a larger gain or a lower threshold",
        "layer linear2 did not fire in epoch 1; ",
    ]) {
        assert!(line.starts_with(&format!("resurge: notice: {what}")), "{stderr}");
    }
    let logged = notices(&place, "out");
    assert!(logged[0].starts_with("all gradients were 0 in epochs 1 to 3: nothing was learnt"), "{logged:?}");
    assert_eq!(logged.len(), 3);
    // A pattern that is longer than time.
    let (status, _, stderr) =
        place.train("cut", &["--set", "loss=kernel 0111101", "--limit", "40", "--epochs", "1"]);
    assert_eq!(status, 0);
    assert!(
        stderr.contains("pattern of the loss has 7 steps and the network 5: 1 of its target spikes"),
        "{stderr}"
    );
}

/// A recording of N-MNIST with an event at each of these times.
fn recording(times: &[u32]) -> Vec<u8> {
    let event = |&t: &u32| [3, 4, 0x80 | (t >> 16) as u8, (t >> 8) as u8, t as u8];
    times.iter().flat_map(event).collect()
}

#[test]
fn doubtful_recordings_are_named_by_every_command_that_takes_them() {
    let place = Place::new();
    let put = |name: String, bytes: Vec<u8>| {
        let path = place.path(&format!("events/{name}"));
        std::fs::create_dir_all(std::path::Path::new(&path).parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    for digit in 0..10 {
        put(format!("Train/{digit}/1.bin"), recording(&[0, 150_000, 300_000]));
        put(format!("Test/{digit}/1.bin"), recording(&[0, 150_000, 300_000]));
    }
    let (data, out) = (place.path("events"), place.path("out"));
    let train = |out: &str| {
        let fixed = ["nmnist", "--data", &data, "--out", out, "--preset", "small", "--no-verify"];
        let small = ["--set", "layers=[\"linear 10\"]", "--epochs", "1"];
        crate::place::resurge(&[&["train"], &fixed[..], &small].concat())
    };
    let (status, _, stderr) = train(&place.path("right"));
    assert_eq!((status, stderr.contains("samples: ")), (0, false), "{stderr}");
    put("Train/3/2.bin".into(), recording(&[0, 6_000_000]));
    put("Test/7/2.bin".into(), recording(&[0, 65_000, 100, 60_000]));
    put("Train/3/._2.bin".into(), b"\0\x05\x16\x07".into());
    let (status, _, stderr) = train(&out);
    assert_eq!(status, 0, "{stderr}");
    let logged = notices(&place, "out");
    for expected in [
        "training samples: 1 file of macOS (._*) beside the recordings passed over".to_owned(),
        format!("{data}/Train/3/2.bin goes to 6.0 s"),
        format!("{data}/Test/7/2.bin steps back from 65000 to 100 µs"),
    ] {
        let told = stderr.lines().filter(|line| line.starts_with("resurge: notice: "));
        assert!(told.filter(|line| line.contains(&expected)).count() == 1, "{expected}: {stderr}");
        assert!(logged.iter().any(|notice| notice.contains(&expected)), "{expected}: {logged:?}");
    }
    // A comparison says it, and a diagnosis of what it sees: the test set.
    let small = ["--preset", "small", "--no-verify", "--set", "layers=[\"linear 10\"]", "--data", &data];
    let compared = place.path("compared");
    let rest = ["--epochs", "1", "--seeds", "1-1", "--cost", "0", "--out", &compared];
    let (status, _, stderr) = crate::place::resurge(&[&["compare", "nmnist"], &small[..], &rest].concat());
    assert!(status == 0 && stderr.contains("Train/3/2.bin goes to 6.0 s"), "{stderr}");
    let diagnosed = place.path("diagnosed");
    let rest = ["--dataset", "nmnist", "--samples", "20", "--out", &diagnosed];
    let (status, _, stderr) = crate::place::resurge(&[&["diagnose"], &small[..], &rest].concat());
    assert_eq!(status, 0, "{stderr}");
    assert!(stderr.starts_with("resurge: notice: 1 recording with times that wrap"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
fn settings_in_another_encoding_are_named_with_the_remedy() {
    let place = Place::new();
    let text = format!("# größe\n{}", resurge::train::Preset::Small.text());
    let utf16: Vec<u8> =
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let latin: Vec<u8> = text.chars().map(|letter| u32::from(letter) as u8).collect();
    let marked = ["\u{feff}", &text].concat().into_bytes();
    let path = place.path("mine.toml");
    let train = |out: &str, bytes: Vec<u8>| {
        std::fs::write(&path, bytes).unwrap();
        let (data, out) = (place.path("data"), place.path(out));
        let rest = ["--no-verify", "--limit", "20", "--epochs", "1", "--config", &path, "--out", &out];
        crate::place::resurge(&[&["train", "mnist", "--data", &data][..], &rest].concat())
    };
    for (bytes, what, remedy) in [
        (utf16, "mark of UTF-16", "iconv -f UTF-16 -t UTF-8"),
        (latin, "the byte 0xf6 in line 1 is a letter of Latin-1", "iconv -f ISO-8859-1 -t UTF-8"),
    ] {
        let (status, _, stderr) = train("out", bytes);
        assert_eq!(status, 2);
        for part in [&path[..], what, remedy] {
            assert!(stderr.contains(part), "{stderr}");
        }
    }
    // The mark of UTF-8 itself does no harm.
    let (status, _, stderr) = train("marked", marked);
    assert_eq!((status, stderr.as_str()), (0, ""));
}
