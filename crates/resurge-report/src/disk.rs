//! The calls to the system by which files are written: all of them, so that a test can make each fail in turn.

// The one module that may: see clippy.toml.
#![allow(clippy::disallowed_methods)]

use std::fs::{File, Permissions, TryLockError};
use std::io::{self, Write};
use std::path::Path;
use tempfile::NamedTempFile;

/// How the names of temporary files begin and end.
pub(crate) const TEMPORARY: (&str, &str) = (".resurge-", ".tmp");

/// A new file of a name of its own, which is removed when it is dropped. It is locked, so that others can tell it from
/// one that a killed process left behind.
pub(crate) fn create(directory: &Path) -> io::Result<NamedTempFile> {
    fault::before("create")?;
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        // A temporary file is private by default; a result file has the usual permissions, as the umask leaves them.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(Permissions::from_mode(0o666));
    }
    let file =
        builder.prefix(TEMPORARY.0).suffix(TEMPORARY.1).tempfile_in(directory).map_err(of_the_system)?;
    // Not every file system has locks; without one, nothing is ever taken for left behind.
    let _ = file.as_file().try_lock();
    Ok(file)
}

/// An error without the temporary name, of which the user knows nothing: tempfile says it at the end.
fn of_the_system(error: io::Error) -> io::Error {
    let said = error.to_string();
    said.split_once(" at path \"").map(|(said, _)| io::Error::new(error.kind(), said)).unwrap_or(error)
}

/// Makes a directory, and those above it, where there is none.
///
/// # Errors
/// What the operating system says.
///
/// ```
/// let place = tempfile::tempdir()?;
/// let out = place.path().join("runs/mine");
/// resurge_report::make_directory(&out)?;
/// resurge_report::make_directory(&out)?; // it may be there
/// assert!(out.is_dir());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn make_directory(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

/// Removes a file; a symbolic link itself, not what it names.
///
/// # Errors
/// What the operating system says, also where there is no file.
///
/// ```
/// let place = tempfile::tempdir()?;
/// let path = place.path().join("journal");
/// resurge_report::write_atomically(&path, b"done")?;
/// resurge_report::remove_file(&path)?;
/// assert!(!path.exists() && resurge_report::remove_file(&path).is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn remove_file(path: &Path) -> io::Result<()> {
    std::fs::remove_file(path)
}

/// Removes a directory with nothing in it.
pub(crate) fn remove_directory(path: &Path) -> io::Result<()> {
    std::fs::remove_dir(path)
}

/// Opens a file that is there, to write to it.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    fault::before("open")?;
    File::options().write(true).open(path)
}

/// Opens a file to lock it, and makes it where it is not there. Open for writing: over NFS no other
/// can be locked.
pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    fault::before("open a lock")?;
    File::options().write(true).create(true).truncate(false).open(path)
}

/// Opens a file to read and to write it, and makes it where it is not there.
pub(crate) fn open_to_append(path: &Path) -> io::Result<File> {
    fault::before("open to append")?;
    File::options().read(true).write(true).create(true).truncate(false).open(path)
}

/// Locks a file, until it is closed or the process ends, however it does.
pub(crate) fn lock(file: &File) -> Result<(), TryLockError> {
    fault::before("lock").map_err(TryLockError::Error)?;
    file.try_lock()
}

/// A file whose every write goes through here.
pub(crate) struct Through<'a>(pub(crate) &'a mut File);

impl Write for Through<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(&bytes[..fault::length("write", bytes.len())?])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

pub(crate) fn set_permissions(file: &File, permissions: Permissions) -> io::Result<()> {
    fault::before("set permissions")?;
    file.set_permissions(permissions)
}

pub(crate) fn set_len(file: &File, length: u64) -> io::Result<()> {
    fault::before("set length")?;
    file.set_len(length)
}

pub(crate) fn sync(file: &File) -> io::Result<()> {
    fault::before("sync")?;
    file.sync_all()
}

/// Gives a temporary file its name, in place of what has it.
pub(crate) fn rename(file: NamedTempFile, to: &Path) -> io::Result<()> {
    fault::before("rename")?;
    file.persist(to).map(drop).map_err(|error| error.error)
}

/// Writes the names of a directory to the disk.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    fault::before("sync the directory")?;
    // Elsewhere a directory cannot be opened.
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

#[cfg(not(test))]
mod fault {
    use std::io;

    pub(super) fn before(_: &str) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn length(_: &str, length: usize) -> io::Result<usize> {
        Ok(length)
    }
}

/// What happens to the calls of this thread, in tests.
#[cfg(test)]
pub(crate) mod fault {
    use std::cell::RefCell;
    use std::io;

    /// What befalls a call, and those after it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Fault {
        /// This call alone fails with an error of the device.
        Error,
        /// No byte is written any more: this call and all later writes fail, and no file is made.
        NoSpace,
        /// This write takes half of its bytes, and all later ones fail for want of space.
        HalfThenNoSpace,
        /// This write takes half of its bytes: no error, if the rest is written then.
        Short,
        /// This call was interrupted by a signal: a write is tried again.
        Interrupted,
        /// This write takes nothing.
        Nothing,
    }

    impl Fault {
        pub(crate) const ALL: [Self; 6] = [
            Self::Error,
            Self::NoSpace,
            Self::HalfThenNoSpace,
            Self::Short,
            Self::Interrupted,
            Self::Nothing,
        ];
    }

    #[derive(Default)]
    struct Plan {
        /// Calls so far, by what they were.
        calls: Vec<String>,
        /// Which call, and what befalls it.
        fault: Option<(usize, Fault)>,
    }

    thread_local! {
        static PLAN: RefCell<Plan> = RefCell::default();
    }

    /// Runs `action` with a fault in its `at`-th call, from 0, or with none. Gives the calls that there were.
    pub(crate) fn during<T>(fault: Option<(usize, Fault)>, action: impl FnOnce() -> T) -> (T, Vec<String>) {
        PLAN.with_borrow_mut(|plan| *plan = Plan { calls: Vec::new(), fault });
        let result = action();
        (result, PLAN.take().calls)
    }

    pub(super) fn before(call: &str) -> io::Result<()> {
        length(call, 1).map(drop)
    }

    pub(super) fn length(call: &str, length: usize) -> io::Result<usize> {
        let error = |code| Err(io::Error::from_raw_os_error(code));
        // EINTR, EIO and ENOSPC.
        let (interrupted, device, full) = (4, 5, 28);
        PLAN.with_borrow_mut(|plan| {
            let now = plan.calls.len();
            plan.calls.push(call.to_owned());
            let Some((at, fault)) = plan.fault else { return Ok(length) };
            let takes_space = ["create", "write"].contains(&call);
            match fault {
                Fault::Error if now == at => error(device),
                Fault::NoSpace if now == at || now > at && takes_space => error(full),
                Fault::HalfThenNoSpace if now > at && takes_space => error(full),
                Fault::HalfThenNoSpace | Fault::Short if now == at => Ok(length.div_ceil(2)),
                Fault::Interrupted if now == at => error(interrupted),
                Fault::Nothing if now == at => Ok(0),
                _ => Ok(length),
            }
        })
    }
}
