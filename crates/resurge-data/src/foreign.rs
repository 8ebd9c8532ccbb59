//! Content of another kind under a data file's name: a web page that says that a link has moved, an archive.

use crate::Fault;

/// What the first bytes show a file to be, if that is no data, with what to do.
pub(crate) fn foreign(start: &[u8]) -> Option<Fault> {
    const KINDS: [(&[u8], &str, &str); 12] = [
        (b"PK\x03\x04", "a zip archive", "unpack it, and put the file that is in it there"),
        (b"PK\x05\x06", "an empty zip archive", "obtain the file again"),
        (b"\xfd7zXZ\0", "compressed by xz", "decompress it, `xz -dc OLD > NEW`, and put NEW in its place"),
        (b"BZh", "compressed by bzip2", "decompress it, `bzip2 -dc OLD > NEW`, and put NEW in its place"),
        (
            b"\x28\xb5\x2f\xfd",
            "compressed by zstd",
            "decompress it, `zstd -dc OLD > NEW`, and put NEW in its place",
        ),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it, and put the file that is in it there"),
        (b"Rar!", "a rar archive", "unpack it, and put the file that is in it there"),
        (b"\x89PNG", "a picture (PNG)", "obtain the file again"),
        (b"%PDF", "a PDF document", "obtain the file again"),
        (b"\x89HDF", "an HDF5 file", "obtain the file as its publisher gives it"),
        (b"\x93NUMPY", "a numpy array", "obtain the file as its publisher gives it"),
        (b"version https://git-lfs", "a pointer of git-lfs", "fetch the file itself with `git lfs pull`"),
    ];
    let known = KINDS.iter().find(|(magic, ..)| start.starts_with(magic));
    let (what, remedy) = match known {
        Some((_, what, remedy)) => (*what, *remedy),
        None if is_web_page(start) => (
            "a web page",
            "the address has moved or asks for something; open it in a browser, and obtain the file",
        ),
        None => return None,
    };
    Some(Fault::Foreign { what, remedy })
}

fn is_web_page(start: &[u8]) -> bool {
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    [&b"<!doctype"[..], b"<html", b"<?xml", b"<head"]
        .iter()
        .any(|tag| text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag)))
}
