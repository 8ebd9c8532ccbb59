//! Members of `.tar.gz` archives, read in order and never unpacked to disk.

use std::cell::Cell;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use tar::{Archive, Entry};

use crate::gzip::Gzip;
use crate::input::{Input, open_archive};
use crate::{Fault, FileError};

/// What a member's content is read from.
pub(crate) type Member<'a, 'c> = Input<Entry<'a, Counted<'c>>>;

/// The decompressed archive, which notes how far it was read.
pub(crate) struct Counted<'a> {
    reader: Gzip<BufReader<File>>,
    count: &'a Cell<u64>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.count.set(self.count.get() + read as u64);
        Ok(read)
    }
}

/// Calls `read` for every regular file of an archive that `wanted` accepts by its path, until it returns `false`.
///
/// The archive is read to its end unless `read` stops it, so that one cut short is an error.
pub(crate) fn members<T>(
    path: &Path,
    wanted: impl Fn(&Path) -> Option<T>,
    mut read: impl FnMut(T, Member<'_, '_>) -> Result<bool, FileError>,
) -> Result<(), FileError> {
    let offset = Cell::new(0);
    let damaged =
        |source: io::Error| FileError::new(path, Fault::Compression { offset: offset.get(), source });
    let file = open_archive(path, &[0x1f, 0x8b])?;
    let mut archive = Archive::new(Counted { reader: Gzip::new(file), count: &offset });
    // Raw: a name that is kept in an entry of its own, of any length, is not read into memory; ours are short.
    for entry in archive.entries().map_err(damaged)?.raw(true) {
        let entry = entry.map_err(damaged)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let member = entry.path().map_err(damaged)?.into_owned();
        if let Some(what) = wanted(&member)
            && !read(what, Input::new(path.join(&member), entry).of_archive())?
        {
            return Ok(());
        }
    }
    // The archive ends with two empty blocks, the stream with its checksum: only reading on shows that it is there.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map(drop).map_err(damaged)
}

/// Whether a file is a gzip-compressed archive by its name.
pub(crate) fn is_tar_gz(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    path.is_file() && (name.ends_with(".tar.gz") || name.ends_with(".tgz"))
}
