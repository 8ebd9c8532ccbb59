//! Checksums of files, as publishers give them.

use std::fmt;
use std::io::Read;
use std::path::Path;

use md5::Md5;
use sha2::{Digest, Sha256};

use crate::input::open;
use crate::{Fault, FileError};

/// A checksum of a file.
///
/// MD5 tells damage, not malice; it is here because it is what the publishers of several data sets give.
///
/// ```
/// use resurge_data::Checksum;
///
/// let file = tempfile::NamedTempFile::new()?;
/// let of_nothing = Checksum::Md5([0; 16]).of_file(file.path())?; // the same kind of checksum, of the file
/// assert_eq!(of_nothing.to_string(), "md5 d41d8cd98f00b204e9800998ecf8427e");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Checksum {
    /// MD5.
    Md5(
        /// Its bytes.
        [u8; 16],
    ),
    /// SHA-256.
    Sha256(
        /// Its bytes.
        [u8; 32],
    ),
}

impl Checksum {
    /// The checksum of the same kind as this one of a file, byte for byte as it lies there.
    ///
    /// # Errors
    ///
    /// [`Fault::Missing`] and [`Fault::Io`].
    ///
    /// ```
    /// use resurge_data::{Checksum, Fault};
    ///
    /// let error = Checksum::Md5([0; 16]).of_file("/no/such/file".as_ref()).unwrap_err();
    /// assert!(matches!(error.fault(), Fault::Missing { .. }));
    /// ```
    pub fn of_file(&self, path: &Path) -> Result<Self, FileError> {
        let file = open(path)?;
        let digest = match self {
            Self::Md5(_) => digest::<Md5>(file).map(|sum| Self::Md5(sum.into())),
            Self::Sha256(_) => digest::<Sha256>(file).map(|sum| Self::Sha256(sum.into())),
        };
        digest.map_err(|source| FileError::new(path, Fault::Io(source)))
    }

    /// Checks that a file has this checksum.
    ///
    /// # Errors
    ///
    /// [`Fault::Checksum`] if it has another, [`Fault::Missing`] and [`Fault::Io`].
    ///
    /// ```
    /// use resurge_data::{Checksum, Fault};
    ///
    /// let file = tempfile::NamedTempFile::new()?;
    /// let error = Checksum::Md5([0; 16]).check_file(file.path()).unwrap_err();
    /// assert!(matches!(error.fault(), Fault::Checksum { .. }));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn check_file(&self, path: &Path) -> Result<(), FileError> {
        self.check(self.of_file(path)?, path)
    }

    /// Checks a computed checksum against this one.
    pub(crate) fn check(&self, actual: Self, path: &Path) -> Result<(), FileError> {
        if actual == *self {
            return Ok(());
        }
        Err(FileError::new(path, Fault::Checksum { expected: *self, actual }))
    }

    /// From 32 hexadecimal digits in a constant.
    pub(crate) const fn md5(digits: &str) -> Self {
        Self::Md5(bytes(digits))
    }

    /// From 64 hexadecimal digits in a constant.
    pub(crate) const fn sha256(digits: &str) -> Self {
        Self::Sha256(bytes(digits))
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, bytes): (_, &[u8]) = match self {
            Self::Md5(bytes) => ("md5", bytes),
            Self::Sha256(bytes) => ("sha256", bytes),
        };
        write!(f, "{name} ")?;
        bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn digest<D: Digest>(mut file: impl Read) -> std::io::Result<sha2::digest::Output<D>> {
    let mut digest = D::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(digest.finalize()),
            read => digest.update(&buffer[..read]),
        }
    }
}

/// Evaluated for constants of this crate alone, where a wrong digit does not compile.
const fn bytes<const N: usize>(digits: &str) -> [u8; N] {
    let digits = digits.as_bytes();
    assert!(digits.len() == 2 * N, "two digits a byte");
    let mut bytes = [0; N];
    let mut at = 0;
    while at < N {
        bytes[at] = 16 * nibble(digits[2 * at]) + nibble(digits[2 * at + 1]);
        at += 1;
    }
    bytes
}

const fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => panic!("not a hexadecimal digit in lower case"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_sums() {
        // The test vectors of RFC 1321 and FIPS 180-4 for "abc".
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc").unwrap();
        for sum in [
            Checksum::md5("900150983cd24fb0d6963f7d28e17f72"),
            Checksum::sha256("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ] {
            assert_eq!(sum.of_file(file.path()).unwrap(), sum);
            sum.check_file(file.path()).unwrap();
        }
    }
}
