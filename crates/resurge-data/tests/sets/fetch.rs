//! Downloads from a small server on this machine.

use md5::{Digest, Md5};
use resurge_data::fetch::{FetchError, Progress, download, fetch_file};
use resurge_data::{Checksum, OfficialFile};
use sha2::Sha256;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::thread::JoinHandle;

const BODY: &[u8] = b"0123456789";

fn checksum() -> Checksum {
    Checksum::Md5(Md5::digest(BODY).into())
}

/// Answers one request after the other with the bytes given, and returns the `Range` of each.
fn serve(answers: Vec<Vec<u8>>) -> (String, JoinHandle<Vec<Option<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/file.gz", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let answer = |bytes: Vec<u8>| {
            let (mut stream, _) = listener.accept().unwrap();
            let lines = BufReader::new(&stream).lines().map(Result::unwrap);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            stream.write_all(&bytes).unwrap();
            head.iter().find_map(|line| line.to_lowercase().strip_prefix("range: ").map(str::to_owned))
        };
        answers.into_iter().map(answer).collect()
    });
    (url, server)
}

fn answer(status: &str, headers: &str, length: usize, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

fn whole(body: &[u8]) -> Vec<u8> {
    answer("200 OK", "", body.len(), body)
}

fn from(offset: usize) -> Vec<u8> {
    let range = format!("Content-Range: bytes {offset}-9/10\r\n");
    answer("206 Partial Content", &range, 10 - offset, &BODY[offset..])
}

/// A directory, the file to download to, and its partial file.
struct Place(#[expect(dead_code, reason = "removed when dropped")] tempfile::TempDir, PathBuf, PathBuf);

fn place(part: Option<&[u8]>) -> Place {
    let dir = tempfile::tempdir().unwrap();
    let (to, partial) = (dir.path().join("file.gz"), dir.path().join("file.gz.part"));
    if let Some(bytes) = part {
        std::fs::write(&partial, bytes).unwrap();
    }
    Place(dir, to, partial)
}

/// Runs a download against these answers; the result, and the ranges asked for.
fn run(place: &Place, answers: Vec<Vec<u8>>) -> (Result<(), FetchError>, Vec<Option<String>>) {
    let (url, server) = serve(answers);
    let result = download(&url, &place.1, checksum(), &mut |_| {});
    (result, server.join().unwrap())
}

#[test]
fn a_download_is_whole_or_goes_on_where_it_stopped() {
    let asked = |from: usize| Some(format!("bytes={from}-"));
    let refused = || answer("416 Range Not Satisfiable", "", 0, b"");
    // What is there of it, what the server answers, and what it is asked for.
    type Case<'a> = (&'a str, Option<&'a [u8]>, Vec<Vec<u8>>, Vec<Option<String>>);
    let cases: [Case; 6] = [
        ("new", None, vec![whole(BODY)], vec![None]),
        ("resumed", Some(&BODY[..4]), vec![from(4)], vec![asked(4)]),
        ("the server has no ranges", Some(&BODY[..4]), vec![whole(BODY)], vec![asked(4)]),
        ("all there already", Some(BODY), vec![refused()], vec![asked(10)]),
        ("more there than all", Some(&[7; 99]), vec![refused(), whole(BODY)], vec![asked(99), None]),
        ("nothing there yet", Some(b""), vec![whole(BODY)], vec![None]),
    ];
    for (name, part, answers, ranges) in cases {
        let place = place(part);
        let (result, asked) = run(&place, answers);
        result.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(asked, ranges, "{name}");
        assert_eq!(std::fs::read(&place.1).unwrap(), BODY, "{name}");
        assert!(!place.2.exists(), "{name}: the partial file is renamed");
    }
}

#[test]
fn progress_counts_what_was_there() {
    let place = place(Some(&BODY[..4]));
    let (url, _server) = serve(vec![from(4)]);
    let mut seen = Vec::new();
    download(&url, &place.1, checksum(), &mut |Progress { file, done, total }| {
        seen.push((file.to_owned(), done, total));
    })
    .unwrap();
    let at = |done| ("file.gz".to_owned(), done, Some(10));
    assert_eq!((&seen[0], seen.last().unwrap()), (&at(4), &at(10)));
}

#[test]
fn a_download_that_breaks_off_is_kept_and_goes_on() {
    let place = place(None);
    let (result, _) = run(&place, vec![answer("200 OK", "", 10, &BODY[..6])]);
    let error = result.unwrap_err();
    assert!(matches!(error, FetchError::BrokeOff { done: 6, .. }), "{error}");
    assert!(error.to_string().contains("try again, and it goes on from there"), "{error}");
    assert!(!place.1.exists());
    assert_eq!(std::fs::read(&place.2).unwrap(), &BODY[..6]);
    let (result, ranges) = run(&place, vec![from(6)]);
    result.unwrap();
    assert_eq!((ranges, std::fs::read(&place.1).unwrap()), (vec![Some("bytes=6-".into())], BODY.into()));
}

fn official(content: Option<Checksum>, urls: Vec<String>) -> OfficialFile {
    let urls: Vec<&'static str> = urls.into_iter().map(|url| &*url.leak()).collect();
    OfficialFile { name: "file.gz", published: checksum(), content, urls: urls.leak() }
}

#[test]
fn the_next_mirror_goes_on_where_one_broke_off() {
    let place = place(None);
    let dir = place.1.parent().unwrap();
    let (first, _first) = serve(vec![answer("200 OK", "", 10, &BODY[..3])]);
    let (second, _second) = serve(vec![answer("404 Not Found", "", 0, b"")]);
    let (third, server) = serve(vec![from(3)]);
    let file = official(None, vec![first, second, third]);
    assert_eq!(fetch_file(&file, dir, &mut |_| {}).unwrap(), place.1);
    assert_eq!(server.join().unwrap(), [Some("bytes=3-".into())]);
    assert_eq!(std::fs::read(&place.1).unwrap(), BODY);
}

#[test]
fn when_no_mirror_gives_it_each_reason_is_told() {
    let place = place(None);
    let (first, _first) = serve(vec![answer("404 Not Found", "", 0, b"")]);
    let (second, _second) = serve(vec![whole(b"wrong")]);
    let error =
        fetch_file(&official(None, vec![first, second]), place.1.parent().unwrap(), &mut |_| {}).unwrap_err();
    let FetchError::Mirrors { errors, .. } = &error else { panic!("{error}") };
    assert!(matches!(errors[..], [FetchError::Status { .. }, FetchError::Checksum { .. }]), "{error}");
    assert_eq!(error.to_string().lines().count(), 3, "{error}");
}

#[test]
fn a_copy_that_was_compressed_anew_is_not_fetched_again() {
    let place = place(None);
    let content = Checksum::Sha256(Sha256::digest(BODY).into());
    let file = official(Some(content), vec!["http://127.0.0.1:9/x".into()]);
    std::fs::write(&place.1, crate::make::gzip(BODY)).unwrap();
    let fetched = |file| fetch_file(file, place.1.parent().unwrap(), &mut |_| panic!("nothing to do"));
    assert_eq!(fetched(&file).unwrap(), place.1);
    // Of a file whose content is not known, only the published form is.
    assert!(matches!(
        fetched(&official(None, vec!["http://127.0.0.1:9/x".into()])),
        Err(FetchError::InTheWay(_))
    ));
}

#[test]
fn a_wrong_file_is_not_kept() {
    for (part, answers) in [(None, vec![whole(b"9876543210")]), (Some(&b"wrong"[..]), vec![from(5)])] {
        let place = place(part);
        let error = run(&place, answers).0.unwrap_err();
        assert!(matches!(error, FetchError::Checksum { expected, .. } if expected == checksum()), "{error}");
        assert!(!place.1.exists() && !place.2.exists());
    }
}

#[test]
fn refusals_are_named() {
    for (answer, expected) in [
        (answer("404 Not Found", "", 2, b"no"), 404),
        (answer("503 Service Unavailable", "", 0, b""), 503),
        // Another part than the one asked for.
        (answer("206 Partial Content", "Content-Range: bytes 0-9/10\r\n", 10, BODY), 206),
        (answer("206 Partial Content", "", 10, BODY), 206),
    ] {
        let place = place(Some(b"012"));
        let error = run(&place, vec![answer]).0.unwrap_err();
        assert!(matches!(error, FetchError::Status { status, .. } if status == expected), "{error}");
        assert!(error.to_string().contains("file.gz elsewhere and put it there"), "{error}");
        assert_eq!(std::fs::read(&place.2).unwrap(), b"012");
    }
}

#[test]
fn no_connection_says_what_to_do() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    drop(listener);
    let place = place(None);
    let error = download(&url, &place.1, checksum(), &mut |_| {}).unwrap_err();
    assert!(matches!(error, FetchError::Connection { .. }), "{error}");
    assert!(error.to_string().contains("go on-line and try again"), "{error}");
    assert!(error.to_string().contains(place.1.to_str().unwrap()), "{error}");
}

#[test]
fn what_is_there_is_left_alone() {
    let place = place(None);
    std::fs::write(&place.1, BODY).unwrap();
    // No server: nothing is asked.
    download("http://127.0.0.1:9/x", &place.1, checksum(), &mut |_| panic!("nothing to do")).unwrap();
    std::fs::write(&place.1, "mine").unwrap();
    let error = download("http://127.0.0.1:9/x", &place.1, checksum(), &mut |_| {}).unwrap_err();
    assert!(matches!(error, FetchError::InTheWay(_)), "{error}");
    assert_eq!(std::fs::read(&place.1).unwrap(), b"mine");
}

#[test]
fn a_disk_that_does_not_take_it_is_named() {
    let place = place(None);
    let to = place.1.join("below a file that is not there");
    let error = download("http://127.0.0.1:9/x", &to, checksum(), &mut |_| {}).unwrap_err();
    assert!(matches!(error, FetchError::Disk { .. }), "{error}");
}
