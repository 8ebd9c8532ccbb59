//! Directories that one run at a time writes into.

use crate::disk;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A directory, or a part of what is in it, that nobody else who asks writes into until this value
/// is dropped.
///
/// It is a lock of the operating system on a file `.resurge.lock` in the directory, which ends with
/// the process, also by `kill -9`: what is left then is an empty file that keeps nobody out, and
/// that the next claim takes over. Dropping the claim removes the file, and the directory, too, if
/// the claim made it and nothing was written into it.
///
/// ```
/// use resurge_report::Claim;
/// use resurge_report::ClaimError;
///
/// let place = tempfile::tempdir()?;
/// let out = place.path().join("runs/mine");
/// let claim = Claim::of(&out)?; // makes the directory
/// assert!(matches!(Claim::of(&out), Err(ClaimError::InUse { .. })));
/// drop(claim);
/// assert!(!out.exists(), "nothing was written");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Claim {
    directory: PathBuf,
    path: PathBuf,
    /// Open, and thereby locked.
    _file: File,
    locked: bool,
    /// The directories that it made, the deepest first.
    made: Vec<PathBuf>,
}

/// Why a directory cannot be claimed.
///
/// ```
/// use resurge_report::ClaimError;
///
/// let error = ClaimError::InUse { path: "runs/mnist".into() };
/// assert_eq!(
///     error.to_string(),
///     "runs/mnist is in use by another run: wait until it ends, or choose another directory with --out"
/// );
/// ```
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Another run has it.
    #[error(
        "{} is in use by another run: wait until it ends, or choose another directory with --out",
        path.display()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// It cannot be made, or nothing can be written into it.
    #[error("cannot write into the directory {}: {source}; name a directory that can be written", path.display())]
    File {
        /// The directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Claim {
    /// Claims a directory, and makes it where there is none.
    ///
    /// # Errors
    /// [`ClaimError::InUse`] where another process, or another claim of this one, has it;
    /// [`ClaimError::File`].
    ///
    /// ```
    /// use resurge_report::Claim;
    ///
    /// let place = tempfile::tempdir()?;
    /// let claim = Claim::of(place.path())?;
    /// assert!(Claim::of(place.path()).unwrap_err().to_string().contains(" is in use by another run"));
    /// drop(claim);
    /// assert!(Claim::of(place.path()).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of(directory: &Path) -> Result<Self, ClaimError> {
        Self::named(directory, ".resurge.lock")
    }

    /// Claims a part of what is written into a directory that several may write into.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    ///
    /// ```
    /// use resurge_report::Claim;
    ///
    /// let place = tempfile::tempdir()?;
    /// let (cost, whole) = (Claim::of_part(place.path(), "cost")?, Claim::of(place.path())?);
    /// assert!(Claim::of_part(place.path(), "cost").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of_part(directory: &Path, part: &str) -> Result<Self, ClaimError> {
        Self::named(directory, &format!(".resurge-{part}.lock"))
    }

    /// As [`of_part`](Self::of_part), after a wait for another that has it: for what takes a
    /// moment.
    ///
    /// # Errors
    /// As [`of`](Self::of), after 20 seconds.
    pub fn wait_for_part(directory: &Path, part: &str) -> Result<Self, ClaimError> {
        const PATIENCE: Duration = Duration::from_secs(20);
        let since = Instant::now();
        loop {
            match Self::of_part(directory, part) {
                Err(ClaimError::InUse { .. }) if since.elapsed() < PATIENCE => {
                    sleep(Duration::from_millis(5));
                }
                claim => return claim,
            }
        }
    }

    /// The directory.
    ///
    /// ```
    /// # use resurge_report::Claim;
    /// let place = tempfile::tempdir()?;
    /// assert_eq!(Claim::of(place.path())?.directory(), place.path());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Whether others are kept out: not where the file system has no locks.
    ///
    /// ```
    /// # use resurge_report::Claim;
    /// let place = tempfile::tempdir()?; // on a local disk
    /// assert!(Claim::of(place.path())?.is_locked());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_locked(&self) -> bool {
        self.locked
    }

    fn named(directory: &Path, name: &str) -> Result<Self, ClaimError> {
        let failed = |source| ClaimError::File { path: directory.to_owned(), source };
        let missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
        let path = directory.join(name);
        // Whoever drops a claim removes its file, and what directories it made: then all is tried
        // again.
        let mut tries = 0;
        loop {
            tries += 1;
            let made: Vec<PathBuf> = directory.ancestors().take_while(missing).map(Path::to_owned).collect();
            match disk::make_directory(directory) {
                // It was there, and was removed before it was seen to be a directory.
                Err(error)
                    if error.kind() == io::ErrorKind::AlreadyExists && !directory.exists() && tries < 100 =>
                {
                    continue;
                }
                made => made.map_err(failed)?,
            }
            let file = match disk::open_lock(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && tries < 100 => continue,
                file => file.map_err(failed)?,
            };
            let locked = match disk::lock(&file) {
                Ok(()) => true,
                Err(TryLockError::WouldBlock) => {
                    return Err(ClaimError::InUse { path: directory.to_owned() });
                }
                // The file could be opened, but not be locked: a file system without locks.
                Err(TryLockError::Error(_)) => false,
            };
            if !locked || is_still(&file, &path) {
                return Ok(Self { directory: directory.to_owned(), path, _file: file, locked, made });
            }
            if tries >= 100 {
                return Err(ClaimError::InUse { path: directory.to_owned() });
            }
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Elsewhere a file that is open cannot be removed; it does no harm.
        if cfg!(unix) {
            let _ = disk::remove_file(&self.path);
            // Those with something in them stay.
            let _ = self.made.iter().try_for_each(|made| disk::remove_directory(made));
        }
    }
}

/// Whether an open file still is the one of this name: another may have been made in its place.
#[cfg(unix)]
fn is_still(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(open), Ok(named)) => identity(open) == identity(named),
        _ => false,
    }
}

/// Elsewhere nobody removes it.
#[cfg(not(unix))]
fn is_still(_: &File, _: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::fault::{self, Fault};
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn names(directory: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn one_at_a_time_has_a_directory_and_nothing_is_left_of_the_claim() {
        let place = tempfile::tempdir().unwrap();
        let out = place.path().join("a/b");
        let claim = Claim::of(&out).unwrap();
        let error = Claim::of(&out).unwrap_err();
        assert!(matches!(&error, ClaimError::InUse { path } if *path == out), "{error}");
        // A refusal takes nothing from who has it.
        assert!(Claim::of(&out).is_err());
        std::fs::write(out.join("result"), "").unwrap();
        drop(claim);
        assert_eq!(names(&out), ["result"]);
        // A file that a killed process left is no lock.
        std::fs::write(out.join(".resurge.lock"), "").unwrap();
        drop(Claim::of(&out).unwrap());
        assert_eq!(names(&out), ["result"]);
        // Directories that the claim made go with it when they are empty; others stay.
        drop(Claim::of(&place.path().join("c/d/e")).unwrap());
        assert_eq!(names(place.path()), ["a"]);
        let taken = out.join("result");
        let error = Claim::of(&taken).unwrap_err().to_string();
        assert!(error.contains(taken.to_str().unwrap()) && error.contains("name a directory"), "{error}");
    }

    /// Threads that claim, see that they are alone, and let go: the file is removed under the
    /// others' hands all the time.
    #[test]
    fn nobody_is_let_in_beside_another_while_claims_come_and_go() {
        let place = tempfile::tempdir().unwrap();
        let out = place.path().join("out");
        let (inside, entered) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2000 {
                        match Claim::of(&out) {
                            Ok(_claim) => {
                                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two at a time");
                                entered.fetch_add(1, Ordering::SeqCst);
                                inside.fetch_sub(1, Ordering::SeqCst);
                            }
                            Err(error) => assert!(matches!(error, ClaimError::InUse { .. }), "{error}"),
                        }
                    }
                });
            }
        });
        assert!(entered.into_inner() > 0);
        // The directory may stay, where one made it anew that another was about to find.
        assert!(!out.exists() || names(&out).is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_in_the_place_of_another_is_known() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("lock");
        let file = disk::open_lock(&path).unwrap();
        assert!(is_still(&file, &path));
        std::fs::remove_file(&path).unwrap();
        assert!(!is_still(&file, &path));
        drop(disk::open_lock(&path).unwrap());
        assert!(!is_still(&file, &path));
    }

    #[test]
    fn a_file_system_without_locks_is_known_and_one_that_takes_no_file_is_an_error() {
        let place = tempfile::tempdir().unwrap();
        let (claim, calls) = fault::during(Some((1, Fault::Error)), || Claim::of(place.path()));
        assert_eq!(calls, ["open a lock", "lock"]);
        assert!(!claim.unwrap().is_locked());
        let (claim, _) = fault::during(Some((0, Fault::NoSpace)), || Claim::of(place.path()));
        assert!(matches!(claim, Err(ClaimError::File { .. })));
    }

    #[test]
    fn parts_are_claimed_apart_and_waited_for() {
        let place = tempfile::tempdir().unwrap();
        let first = Claim::wait_for_part(place.path(), "plan").unwrap();
        let second = std::thread::scope(|scope| {
            let second = scope.spawn(|| Claim::wait_for_part(place.path(), "plan"));
            sleep(Duration::from_millis(30));
            drop(first);
            second.join().unwrap()
        });
        assert!(second.is_ok_and(|claim| claim.is_locked()));
    }
}
