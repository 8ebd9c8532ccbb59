//! Writing result files.

use crate::disk::{self, Through};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

/// Writes a file so that its name never shows anything half-written: to a temporary name beside it, synced to
/// disk, then renamed. An existing file keeps its permissions, a symbolic link its target's name; a device or a
/// pipe is written to directly.
///
/// # Errors
/// Those of the file system. The previous file, if any, is then as it was, unless the very last call failed, which makes
/// the new name last through a loss of power: then the file is the new one. A device or a pipe may have taken a part.
///
/// ```
/// let directory = tempfile::tempdir()?;
/// let path = directory.path().join("report.json");
/// resurge_report::write_atomically(&path, b"{}")?;
/// assert_eq!(std::fs::read(&path)?, b"{}");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn write_atomically(path: &Path, contents: &[u8]) -> io::Result<()> {
    // Through a symbolic link to the file that it names, so that the link stays one.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let path = target.as_path();
    let existing = std::fs::metadata(path).ok();
    if existing.as_ref().is_some_and(|m| !m.is_file() && !m.is_dir()) {
        // A device or a pipe takes what is written to it; to replace it by a file would destroy it.
        return Through(&mut disk::open(path)?).write_all(contents);
    }
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = disk::create(parent)?;
    Through(file.as_file_mut()).write_all(contents)?;
    if let Some(existing) = existing.filter(std::fs::Metadata::is_file) {
        disk::set_permissions(file.as_file(), existing.permissions())?;
    }
    disk::sync(file.as_file())?;
    disk::rename(file, path)?;
    disk::sync_directory(parent)
}

/// The moment between a file's making and its locking is never longer.
pub const MOMENT: Duration = Duration::from_secs(10);

/// Removes the temporary files that killed processes left in a directory: those that no process
/// holds, and that are at least so old: [`MOMENT`], or nothing where nobody else writes. What
/// cannot be removed stays; it does no harm.
///
/// ```
/// let directory = tempfile::tempdir()?;
/// let left = directory.path().join(".resurge-abc.tmp"); // by a process that was killed just now
/// std::fs::write(&left, "half")?;
/// resurge_report::remove_left_behind(directory.path(), resurge_report::MOMENT);
/// assert!(left.exists(), "somebody may be about to write it");
/// resurge_report::remove_left_behind(directory.path(), std::time::Duration::ZERO);
/// assert!(!left.exists());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn remove_left_behind(directory: &Path, at_least: Duration) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with(disk::TEMPORARY.0) || !name.ends_with(disk::TEMPORARY.1) {
            continue;
        }
        let Ok(metadata) = entry.metadata() else { continue };
        let age = metadata.modified().ok().and_then(|time| time.elapsed().ok());
        if !metadata.is_file() || age.is_none_or(|age| age < at_least) {
            continue;
        }
        if std::fs::File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = disk::remove_file(&entry.path());
        }
    }
}

/// A header and rows as CSV.
///
/// ```
/// let rows = [vec!["full, of all".into(), "1".into()]];
/// let text = resurge_report::csv(&["rule".into(), "seeds".into()], rows)?;
/// assert_eq!(text, "rule,seeds\n\"full, of all\",1\n");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn csv(header: &[String], rows: impl IntoIterator<Item = Vec<String>>) -> io::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header)?;
    for row in rows {
        writer.write_record(row)?;
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::fault::{self, Fault};

    #[cfg(unix)]
    #[test]
    fn links_modes_and_devices_stay_what_they_are() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("file"), directory.path().join("link"));
        write_atomically(&file, b"first").unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o600, 0o600);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        write_atomically(&link, b"second").unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read(&file).unwrap(), b"second");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        write_atomically(Path::new("/dev/null"), b"gone").unwrap();
        assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn a_failed_write_leaves_the_previous_file_and_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out");
        write_atomically(&path, b"first").unwrap();
        write_atomically(&path, b"second").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        // A directory cannot be replaced by a file.
        let taken = directory.path().join("taken");
        std::fs::create_dir(&taken).unwrap();
        assert!(write_atomically(&taken, b"x").is_err());
        assert!(write_atomically(&directory.path().join("missing/out"), b"x").is_err());
        let mut names: Vec<_> =
            std::fs::read_dir(directory.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["out", "taken"]);
    }

    /// Each call of a write is made to fail in each way: the file is the old one or the new one, whole, and nothing else
    /// is left in the directory.
    #[test]
    fn whatever_call_fails_the_file_is_the_old_one_or_the_new_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out");
        let (old, new) = (vec![1; 5000], vec![2; 7000]);
        let mut failures = 0;
        for fault in Fault::ALL {
            for at in 0.. {
                write_atomically(&path, &old).unwrap();
                let (result, calls) = fault::during(Some((at, fault)), || write_atomically(&path, &new));
                let found = std::fs::read(&path).unwrap();
                let call = calls.get(at).map(String::as_str);
                match &result {
                    Ok(()) => assert_eq!(found, new, "{fault:?} in {call:?}"),
                    Err(error) => {
                        assert_eq!(found, if call == Some("sync the directory") { &*new } else { &*old });
                        assert!(!error.to_string().is_empty());
                        failures += 1;
                    }
                }
                let names = std::fs::read_dir(directory.path()).unwrap().count();
                assert_eq!(names, 1, "{fault:?} in {call:?} left a file");
                let harmless = matches!(fault, Fault::Short | Fault::Interrupted) && call == Some("write");
                assert!(!harmless || result.is_ok(), "{fault:?}: {result:?}");
                if at >= calls.len() {
                    assert_eq!(
                        calls[..],
                        ["create", "write", "set permissions", "sync", "rename", "sync the directory"]
                    );
                    break;
                }
            }
        }
        // All six calls by an error, a full disk and an interruption, but for a write that is tried again; the write by
        // the two that only befall a write; and the write after a file was made on what then is a full disk.
        assert_eq!(failures, 6 + 6 + 5 + 2 + 1);
        // Without a file before, there is none after.
        std::fs::remove_file(&path).unwrap();
        assert!(fault::during(Some((1, Fault::NoSpace)), || write_atomically(&path, &new)).0.is_err());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        // A device, too, says that it is full.
        let device =
            fault::during(Some((1, Fault::NoSpace)), || write_atomically(Path::new("/dev/null"), &new));
        assert!(device.0.is_err());
    }

    #[test]
    fn what_killed_processes_left_is_removed_and_what_is_being_written_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let old = std::time::SystemTime::now() - Duration::from_secs(60);
        let aged =
            |path: &Path| std::fs::File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
        for name in [".resurge-abc.tmp", ".resurge-abc", "other.tmp", ".resurge-new.tmp"] {
            std::fs::write(directory.path().join(name), "x").unwrap();
        }
        for name in [".resurge-abc.tmp", ".resurge-abc", "other.tmp"] {
            aged(&directory.path().join(name));
        }
        let being_written = disk::create(directory.path()).unwrap();
        aged(being_written.path());
        remove_left_behind(directory.path(), MOMENT);
        let names = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        let held = being_written.path().file_name().unwrap().to_str().unwrap().to_owned();
        let mut expected =
            vec![".resurge-abc".to_owned(), ".resurge-new.tmp".into(), held, "other.tmp".into()];
        expected.sort();
        assert_eq!(names, expected);
        // Where nobody else writes, the new one is of a killed process, too.
        remove_left_behind(directory.path(), Duration::ZERO);
        assert!(!directory.path().join(".resurge-new.tmp").exists() && being_written.path().exists());
        remove_left_behind(Path::new("/no/such/directory"), MOMENT);
    }
}
