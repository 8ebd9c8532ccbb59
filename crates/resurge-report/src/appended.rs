//! Files that grow by whole lines.

use crate::disk::{self, Through};
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// A file that grows by whole lines, and that one process at a time writes to: a journal.
///
/// A line that cannot be written whole is cut off again, and so is one without an end that a killed
/// process left behind.
///
/// ```
/// use resurge_report::Appended;
///
/// let directory = tempfile::tempdir()?;
/// let path = directory.path().join("journal");
/// let (mut file, lines) = Appended::open(&path)?;
/// assert!(lines.is_empty());
/// file.append(b"one\n")?;
/// assert!(Appended::open(&path).is_err(), "it is locked");
/// drop(file);
/// std::fs::write(&path, b"one\ntw")?;
/// assert_eq!(Appended::read(&path)?, b"one\n");
/// assert_eq!(Appended::open(&path)?.1, b"one\n");
/// assert_eq!(std::fs::read(&path)?, b"one\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Appended {
    file: File,
    /// Of the whole lines.
    length: u64,
    /// Whether half a line stands at the end, which could not be cut off.
    torn: bool,
}

/// Reads the lines that have an end.
fn whole_lines(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    bytes.truncate(bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1));
    Ok(bytes)
}

impl Appended {
    /// Opens or makes a file, locks it, and gives its whole lines; what follows them is cut off.
    ///
    /// # Errors
    /// `WouldBlock` where another process has the file, and what the operating system says.
    pub fn open(path: &Path) -> Result<(Self, Vec<u8>), TryLockError> {
        let mut file = disk::open_to_append(path).map_err(TryLockError::Error)?;
        file.try_lock()?;
        let lines = whole_lines(&mut file).map_err(TryLockError::Error)?;
        let mut appended = Self { file, length: lines.len() as u64, torn: false };
        appended.cut().map_err(TryLockError::Error)?;
        Ok((appended, lines))
    }

    /// The whole lines of a file that nobody is writing to, which stays as it is.
    ///
    /// # Errors
    /// As [`open`](Self::open); also where there is no file.
    pub fn read(path: &Path) -> Result<Vec<u8>, TryLockError> {
        let mut file = File::open(path).map_err(TryLockError::Error)?;
        file.try_lock_shared()?;
        whole_lines(&mut file).map_err(TryLockError::Error)
    }

    /// Appends a line, with its end.
    ///
    /// # Errors
    /// What the operating system says; the lines before are then as they were. Where not even half
    /// a line could be cut off again, every later call fails.
    pub fn append(&mut self, line: &[u8]) -> io::Result<()> {
        // After a line that was cut short, none may follow: the two would be one, which nobody can
        // read.
        if self.torn {
            return Err(io::Error::other("an earlier line could not be written whole"));
        }
        let written = Through(&mut self.file).write_all(line);
        if written.is_ok() {
            self.length += line.len() as u64;
        } else {
            self.torn = self.cut().is_err();
        }
        written
    }

    /// Cuts off what follows the whole lines.
    fn cut(&mut self) -> io::Result<()> {
        disk::set_len(&self.file, self.length)?;
        self.file.seek(SeekFrom::Start(self.length)).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::fault::{self, Fault};

    fn line(n: usize) -> Vec<u8> {
        format!("{n} {}\n", "x".repeat(100)).into_bytes()
    }

    #[test]
    fn a_line_without_an_end_is_cut_off_and_one_process_at_a_time_has_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        assert!(matches!(Appended::read(&path), Err(TryLockError::Error(_))), "there is none yet");
        for torn in [0, 1, 50, 101] {
            for whole in [vec![], line(1), [line(1), line(2)].concat()] {
                let there = [&whole[..], &line(3)[..torn]].concat();
                std::fs::write(&path, &there).unwrap();
                assert_eq!(Appended::read(&path).unwrap(), whole);
                assert_eq!(std::fs::read(&path).unwrap(), there, "a reader cut it");
                let (mut file, lines) = Appended::open(&path).unwrap();
                assert_eq!(lines, whole);
                assert_eq!(std::fs::read(&path).unwrap(), whole);
                assert!(matches!(Appended::open(&path), Err(TryLockError::WouldBlock)));
                assert!(matches!(Appended::read(&path), Err(TryLockError::WouldBlock)));
                file.append(&line(4)).unwrap();
                assert_eq!(std::fs::read(&path).unwrap(), [whole, line(4)].concat());
            }
        }
    }

    /// Whatever befalls a write, the lines before it are read again, and lines can be appended after it.
    #[test]
    fn a_line_that_cannot_be_written_spoils_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        for fault in Fault::ALL {
            for at in 0..3 {
                let _ = std::fs::remove_file(&path);
                let (mut file, _) = Appended::open(&path).unwrap();
                file.append(&line(0)).unwrap();
                let (results, calls) =
                    fault::during(Some((at, fault)), || [file.append(&line(1)), file.append(&line(2))]);
                assert!(calls.len() > 1, "{calls:?}");
                let then = file.append(&line(3));
                drop(file);
                // None but those of which it was said that they are there.
                let said = [&results[0], &results[1], &then].into_iter().zip(1..);
                let said = said.filter(|(result, _)| result.is_ok()).map(|(_, place)| line(place));
                let expected = std::iter::once(line(0)).chain(said).collect::<Vec<_>>().concat();
                let (_, lines) = Appended::open(&path).unwrap();
                assert_eq!(lines, expected, "{fault:?} in call {at} of {calls:?}");
            }
        }
        // Where the half line cannot be cut off either, nothing is appended to it.
        let (mut appended, _) = Appended::open(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let file = std::mem::replace(&mut appended.file, File::open(&path).unwrap());
        assert!(appended.append(&line(3)).is_err());
        appended.file = file;
        let error = appended.append(&line(3)).unwrap_err().to_string();
        assert!(error.contains("an earlier line could not be written whole"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }
}
