//! One download: resumed where it broke off, verified, and put in place whole.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::Agent;
use ureq::http::{Response, StatusCode, header};

use super::{FetchError, Progress};
use crate::{Checksum, Fault};

/// How long a server may be silent. There is no limit on the whole: a slow connection takes hours.
const PATIENCE: Duration = Duration::from_secs(60);

/// More than any of the files has: 4 GiB.
const LIMIT: u64 = 1 << 32;

/// Downloads `url` to the file `to` with the given checksum.
///
/// If `to` is there with that checksum, nothing is done. Until the file is whole it is called `to` with `.part` at its
/// end; what is there of an earlier attempt is not asked for again, if the server can leave it out (HTTP `Range`).
///
/// # Errors
///
/// Those of [`fetch`](super::fetch()), for this file and this address alone.
///
/// ```no_run
/// use resurge_data::{Dataset, fetch};
///
/// let file = &Dataset::Cifar10.files()[0];
/// let to = std::path::Path::new("data").join(file.name);
/// fetch::download("https://mirror.example/cifar-10-binary.tar.gz", &to, file.published, &mut |_| {})?;
/// # Ok::<(), fetch::FetchError>(())
/// ```
///
/// What is there and not the file is an error, before any address is asked:
///
/// ```
/// use resurge_data::{Dataset, fetch};
///
/// let directory = tempfile::tempdir()?;
/// let to = directory.path().join("cifar-10-binary.tar.gz");
/// std::fs::write(&to, "mine")?;
/// let published = Dataset::Cifar10.files()[0].published;
/// let error = fetch::download("https://mirror.example/cifar-10", &to, published, &mut |_| {}).unwrap_err();
/// assert!(matches!(error, fetch::FetchError::InTheWay(_)));
/// assert_eq!(std::fs::read_to_string(&to)?, "mine");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn download(
    url: &str,
    to: &Path,
    checksum: Checksum,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), FetchError> {
    if to.exists() {
        return checksum.check_file(to).map_err(FetchError::InTheWay);
    }
    let job = Job { url, to, part: part_of(to) };
    let mut part = job.open()?;
    let mut done = part.metadata().map_err(|source| job.disk(source))?.len();
    let mut response = job.request(done)?;
    if done > 0 && response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
        // All of the file is there; or more, or of another file, and then a new start helps.
        if checksum.check_file(&job.part).is_ok() {
            return job.put_in_place(part, checksum);
        }
        done = 0;
        response = job.request(0)?;
    }
    match response.status() {
        StatusCode::PARTIAL_CONTENT if starts_at(&response) == Some(done) => {}
        StatusCode::OK => done = 0,
        status => {
            return Err(FetchError::Status { url: url.into(), path: to.into(), status: status.as_u16() });
        }
    }
    part.set_len(done).map_err(|source| job.disk(source))?;
    job.receive(response, &mut part, done, progress)?;
    job.put_in_place(part, checksum)
}

struct Job<'a> {
    url: &'a str,
    to: &'a Path,
    part: PathBuf,
}

impl Job<'_> {
    fn disk(&self, source: io::Error) -> FetchError {
        FetchError::disk(&self.part, source)
    }

    fn open(&self) -> Result<File, FetchError> {
        // Append: written at the end, wherever that is after `set_len`.
        OpenOptions::new().create(true).append(true).open(&self.part).map_err(|source| self.disk(source))
    }

    fn request(&self, from: u64) -> Result<Response<ureq::Body>, FetchError> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(PATIENCE))
            .timeout_recv_response(Some(PATIENCE))
            .timeout_per_read(Some(PATIENCE))
            .user_agent(concat!("resurge/", env!("CARGO_PKG_VERSION")))
            .build();
        // Compressed in transit, lengths and offsets would be of other bytes.
        let mut request =
            Agent::new_with_config(config).get(self.url).header(header::ACCEPT_ENCODING, "identity");
        if from > 0 {
            request = request.header(header::RANGE, format!("bytes={from}-"));
        }
        request.call().map_err(|error| FetchError::Connection {
            url: self.url.into(),
            path: self.to.into(),
            cause: error.to_string(),
        })
    }

    fn receive(
        &self,
        response: Response<ureq::Body>,
        part: &mut File,
        mut done: u64,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), FetchError> {
        let length =
            header_of(&response, header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
        let total = length.map(|length| done.saturating_add(length));
        let file = self.to.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let mut body = response.into_body().into_reader();
        let mut buffer = vec![0; 1 << 16];
        let broke_off = |done, cause: String| FetchError::BrokeOff { url: self.url.into(), done, cause };
        loop {
            progress(Progress { file, done, total });
            let read = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(broke_off(done, error.to_string())),
            };
            part.write_all(&buffer[..read]).map_err(|source| self.disk(source))?;
            done += read as u64;
            if done > LIMIT {
                return Err(FetchError::TooLarge { url: self.url.into(), limit: LIMIT });
            }
        }
        match total {
            Some(total) if done < total => Err(broke_off(done, format!("{total} were announced"))),
            _ => Ok(()),
        }
    }

    fn put_in_place(&self, part: File, checksum: Checksum) -> Result<(), FetchError> {
        part.sync_all().map_err(|source| self.disk(source))?;
        drop(part);
        if let Err(error) = checksum.check_file(&self.part) {
            let &Fault::Checksum { expected, actual } = error.fault() else {
                return Err(self.disk(io::Error::other(error.to_string())));
            };
            // A resumed download that is wrong would be wrong for ever.
            fs::remove_file(&self.part).map_err(|source| self.disk(source))?;
            return Err(FetchError::Checksum { url: self.url.into(), expected, actual });
        }
        fs::rename(&self.part, self.to).map_err(|source| FetchError::disk(self.to, source))?;
        // The new name is on the disk when the directory is; not every system can open one.
        if let Some(Ok(dir)) = self.to.parent().map(File::open) {
            let _ = dir.sync_all();
        }
        Ok(())
    }
}

fn part_of(to: &Path) -> PathBuf {
    let mut name = OsString::from(to);
    name.push(".part");
    name.into()
}

fn header_of(response: &Response<ureq::Body>, name: header::HeaderName) -> Option<&str> {
    response.headers().get(name)?.to_str().ok()
}

/// The first byte that a partial response holds, from `Content-Range: bytes 5-9/10`.
fn starts_at(response: &Response<ureq::Body>) -> Option<u64> {
    let range = header_of(response, header::CONTENT_RANGE)?.strip_prefix("bytes ")?;
    range.split('-').next()?.parse().ok()
}
