//! The reader of checkpoints.

use resurge::train::Checkpoint;
use sha2::{Digest, Sha256};

/// How the header of the file begins its one entry of metadata, before the digits of the digest.
const MARK: &[u8] = b"\"resurge\":\"";

/// The bytes as they are, then with a header of the right length and with a digest that is right, which no mutation
/// hits upon: what is read is written again to the bit.
pub fn checkpoint(bytes: &[u8]) {
    read(bytes);
    let Some(header) = bytes.get(8..) else { return };
    let mut sealed = bytes.to_vec();
    // A newline, which the writer never writes, ends the header: text can then grow and shrink.
    if let Some(end) = header.iter().position(|&byte| byte == b'\n') {
        sealed[..8].copy_from_slice(&(end as u64 + 1).to_le_bytes());
    }
    let place = sealed.windows(MARK.len()).position(|window| window == MARK).map(|at| at + MARK.len());
    let Some(digits) = place.and_then(|place| sealed.get(place..place + 64)) else { return };
    let (place, _) = (place.unwrap_or_default(), digits);
    sealed[place..][..64].fill(b'0');
    let digest: String = Sha256::digest(&sealed).iter().map(|byte| format!("{byte:02x}")).collect();
    sealed[place..][..64].copy_from_slice(digest.as_bytes());
    read(&sealed);
}

fn read(bytes: &[u8]) {
    match Checkpoint::from_bytes(bytes) {
        Ok(checkpoint) => {
            // Numbers that are not finite are JSON's `null`; they are refused when read, so there are none.
            let written = checkpoint.to_bytes().expect("what was read can be written");
            let again = Checkpoint::from_bytes(&written).expect("what was written can be read");
            assert_eq!(again.to_bytes().expect("what was read can be written"), written);
        }
        Err(problem) => assert!(!problem.is_empty()),
    }
}
