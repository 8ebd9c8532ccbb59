//! The gzip format as gzip itself reads it: members one after the other, and zeros behind the last of them.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// Decompresses all members. Zeros after the last, with which tapes and some servers fill up blocks, are passed over; any
/// other byte there is an error.
pub(crate) struct Gzip<R> {
    /// `None` at the end.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Gzip<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { member: Some(GzDecoder::new(reader)) }
    }
}

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let read = member.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            self.member = match self.member.take() {
                Some(member) => {
                    let mut rest = member.into_inner();
                    more(&mut rest)?.then(|| GzDecoder::new(rest))
                }
                None => None,
            };
        }
        Ok(0)
    }
}

/// Whether another member follows.
fn more(rest: &mut impl BufRead) -> io::Result<bool> {
    let mut zeros = false;
    loop {
        let bytes = rest.fill_buf()?;
        let Some(&first) = bytes.first() else { return Ok(false) };
        let count = bytes.iter().take_while(|&&byte| byte == 0).count();
        if count == 0 {
            return match (zeros, first) {
                (false, 0x1f) => Ok(true),
                _ => {
                    Err(io::Error::new(io::ErrorKind::InvalidData, "other bytes follow the compressed data"))
                }
            };
        }
        zeros = true;
        rest.consume(count);
    }
}
