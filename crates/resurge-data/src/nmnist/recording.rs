//! One recording: its events, and the frames made of them.

use std::io::{BufReader, Read};
use std::path::PathBuf;

use super::SIDE;
use crate::input::Input;
use crate::{DataError, FileError};

/// Bytes of an event in a file.
const EVENT: usize = 5;

/// The most bytes of a recording: 1 MiB, thirty times the largest of the official ones that we have seen.
pub(super) const MAX_BYTES: u64 = 1 << 20;

/// The `y` of an event that marks an overflow of the clock, and what it adds to all times after it.
const OVERFLOW: (u8, u32) = (240, 1 << 13);

/// A change of brightness at one pixel.
///
/// ```
/// use resurge_data::nmnist::Recording;
///
/// let recording = Recording::from_bytes("one.bin", &[3, 4, 0x80, 1, 2][..])?;
/// let event = recording.events()[0];
/// assert_eq!((event.x, event.y, event.on, event.microseconds), (3, 4, true, 258));
/// # Ok::<(), resurge_data::FileError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Event {
    /// The column, 0 to 33 from the left.
    pub x: u8,
    /// The row, 0 to 33 from the top.
    pub y: u8,
    /// Whether it became brighter.
    pub on: bool,
    /// The time since the recording began.
    pub microseconds: u32,
}

/// The events of one digit, at least one, in the order of the file.
///
/// A file has 5 bytes an event: `x`; `y`; then 24 bits, big-endian, the first of which is set for an event of polarity
/// ON and the others of which are the time in microseconds. An event with `y = 240` is none: it marks an overflow of
/// the camera's clock and adds 2^13 microseconds to all times after it.
///
/// Times need not ascend: frames do not depend on the order. In the recordings that we have seen (1,100 of the
/// official ones) they do, none has an overflow, and all last about 0.3 s: three saccades of the camera.
///
/// ```
/// use resurge_data::nmnist::{Binning, Recording, Spikes};
///
/// // OFF at 0 and 5 µs, ON at 9 µs, all at column 3 of row 0.
/// let bytes = [[3, 0, 0, 0, 0], [3, 0, 0, 0, 5], [3, 0, 0x80, 0, 9]].concat();
/// let recording = Recording::from_bytes("example.bin", &bytes[..])?;
/// let frames = recording.frames(Binning::equal_parts(2)?, Spikes::Counts); // 0..5 and 5..10
/// assert_eq!(frames.len(), 2 * 2 * 34 * 34); // [steps, polarity, row, column]
/// assert_eq!((frames[3], frames[2 * 34 * 34 + 3], frames[3 * 34 * 34 + 3]), (1, 1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    events: Vec<Event>,
}

impl Recording {
    /// Reads the bytes of a file, compressed by gzip or not; `name` is for errors.
    ///
    /// # Errors
    ///
    /// A [`FileError`] with the offset: no event, an event cut short, a column or row beyond 33, or more than 1 MiB.
    ///
    /// ```
    /// use resurge_data::nmnist::Recording;
    ///
    /// let error = Recording::from_bytes("one.bin", &[3, 34, 0, 0, 0][..]).unwrap_err();
    /// assert_eq!(error.to_string(), "one.bin: byte 1: row is 34, expected 0 to 33, or 240 for an overflow; obtain it again");
    /// ```
    pub fn from_bytes(name: impl Into<PathBuf>, bytes: impl Read) -> Result<Self, FileError> {
        parse(&mut Input::detect(name, BufReader::new(bytes))?)
    }

    /// The events.
    ///
    /// ```
    /// let recording = resurge_data::nmnist::Recording::from_bytes("one.bin", &[3, 4, 0, 1, 2][..])?;
    /// assert_eq!(recording.events().len(), 1);
    /// # Ok::<(), resurge_data::FileError>(())
    /// ```
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The events of each time step by polarity and pixel: shape `[steps, 2, 34, 34]`, time-major; polarity 0 is OFF
    /// and 1 is ON.
    ///
    /// ```
    /// use resurge_data::nmnist::{Binning, Recording, Spikes};
    ///
    /// let recording = Recording::from_bytes("one.bin", &[0, 0, 0, 0, 7, 0, 0, 0, 0, 8][..])?;
    /// let binning = Binning::windows(10, 1)?; // one step of 10 µs
    /// assert_eq!(recording.frames(binning, Spikes::Counts)[0], 2);
    /// assert_eq!(recording.frames(binning, Spikes::Clipped)[0], 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn frames(&self, binning: Binning, spikes: Spikes) -> Vec<u8> {
        let mut frames = vec![0_u8; binning.steps * FRAME];
        let last = self.events.iter().map(|event| event.microseconds).max().unwrap_or(0);
        let most = match spikes {
            Spikes::Clipped => 1,
            Spikes::Counts => u8::MAX,
        };
        for event in &self.events {
            let Some(step) = binning.step(event.microseconds, last) else { continue };
            let row = usize::from(event.on) * SIDE + usize::from(event.y);
            let count = &mut frames[step * FRAME + row * SIDE + usize::from(event.x)];
            *count = count.saturating_add(1).min(most);
        }
        frames
    }
}

/// Both polarities of one step.
const FRAME: usize = 2 * SIDE * SIDE;

/// Which events make up a time step.
///
/// ```
/// use resurge_data::nmnist::Binning;
///
/// assert_eq!(Binning::windows(10_000, 30)?.steps(), 30); // 300 ms in steps of 10 ms
/// assert_eq!(Binning::equal_parts(12)?.steps(), 12);
/// # Ok::<(), resurge_data::DataError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Binning {
    steps: usize,
    /// `None` for equal parts.
    window: Option<u32>,
}

impl Binning {
    /// The most steps, so that one recording has at most 9.5 MB of frames.
    ///
    /// ```
    /// use resurge_data::nmnist::Binning;
    ///
    /// assert!(Binning::equal_parts(Binning::MAX_STEPS + 1).is_err());
    /// ```
    pub const MAX_STEPS: usize = 4096;

    /// Each recording is cut into so many parts of equal duration, from time 0 to its last event: step `k` has the
    /// events with `floor(t * steps / (last + 1)) = k`. All events are used; a step's duration differs between
    /// recordings by as much as their lengths do.
    ///
    /// # Errors
    ///
    /// [`DataError::Setting`] unless `steps` lies in `1..=MAX_STEPS`.
    ///
    /// ```
    /// assert!(resurge_data::nmnist::Binning::equal_parts(0).is_err());
    /// ```
    pub fn equal_parts(steps: usize) -> Result<Self, DataError> {
        Self::new(steps, None)
    }

    /// Step `k` has the events with `floor(t / microseconds) = k`. Events after the last step are left out; steps
    /// after the last event are empty.
    ///
    /// # Errors
    ///
    /// [`DataError::Setting`] for a window of 0, or unless `steps` lies in `1..=MAX_STEPS`.
    ///
    /// ```
    /// assert!(resurge_data::nmnist::Binning::windows(0, 30).is_err());
    /// ```
    pub fn windows(microseconds: u32, steps: usize) -> Result<Self, DataError> {
        if microseconds == 0 {
            let expected = "at least 1 microsecond";
            return Err(DataError::Setting { setting: "time window", value: 0, expected });
        }
        Self::new(steps, Some(microseconds))
    }

    /// The number of steps.
    ///
    /// ```
    /// assert_eq!(resurge_data::nmnist::Binning::equal_parts(5)?.steps(), 5);
    /// # Ok::<(), resurge_data::DataError>(())
    /// ```
    pub fn steps(&self) -> usize {
        self.steps
    }

    fn new(steps: usize, window: Option<u32>) -> Result<Self, DataError> {
        if !(1..=Self::MAX_STEPS).contains(&steps) {
            let (setting, value) = ("number of time steps", steps as u64);
            return Err(DataError::Setting { setting, value, expected: "between 1 and 4096" });
        }
        Ok(Self { steps, window })
    }

    pub(super) fn step(&self, time: u32, last: u32) -> Option<usize> {
        let step = match self.window {
            Some(window) => u64::from(time / window),
            None => u64::from(time) * self.steps as u64 / (u64::from(last) + 1),
        };
        usize::try_from(step).ok().filter(|&step| step < self.steps)
    }
}

/// What a frame holds of several events at one pixel in one step.
///
/// ```
/// assert_ne!(resurge_data::nmnist::Spikes::Clipped, resurge_data::nmnist::Spikes::Counts);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Spikes {
    /// 1: a spike or none.
    Clipped,
    /// Their number, at most 255.
    Counts,
}

pub(super) fn parse<R: Read>(input: &mut Input<R>) -> Result<Recording, FileError> {
    let bytes = input.rest(MAX_BYTES)?;
    let rest = bytes.len() % EVENT;
    if bytes.is_empty() || rest > 0 {
        let (offset, missing) = (bytes.len() as u64, (EVENT - rest) as u64);
        return Err(input.fault(crate::Fault::Truncated { offset, missing, what: "an event" }));
    }
    let mut events = Vec::with_capacity(bytes.len() / EVENT);
    let mut overflow = 0;
    for (index, event) in bytes.chunks_exact(EVENT).enumerate() {
        let (x, y, offset) = (event[0], event[1], (index * EVENT) as u64);
        if y == OVERFLOW.0 {
            overflow += OVERFLOW.1;
            continue;
        }
        let limit = SIDE - 1;
        if usize::from(x) > limit {
            return Err(input.field(offset, "column", x.into(), format!("0 to {limit}")));
        }
        if usize::from(y) > limit {
            return Err(input.field(
                offset + 1,
                "row",
                y.into(),
                format!("0 to {limit}, or 240 for an overflow"),
            ));
        }
        let time = u32::from_be_bytes([0, event[2] & 0x7f, event[3], event[4]]);
        // At most 2^23 + 2^13 * 2^20 / 5, by the limit on the bytes.
        events.push(Event { x, y, on: event[2] >> 7 == 1, microseconds: time + overflow });
    }
    if events.is_empty() {
        return Err(input.fault(crate::Fault::Truncated {
            offset: bytes.len() as u64,
            missing: 5,
            what: "an event",
        }));
    }
    Ok(Recording { events })
}
