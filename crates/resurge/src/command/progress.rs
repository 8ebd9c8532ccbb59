//! Bars on standard error, where that is a terminal: a line that fits into it.

use indicatif::{ProgressBar, ProgressStyle};

/// The columns below which a bar has no place beside its words.
const NARROW: usize = 80;

/// A bar over so many things, with the time that is left.
pub(super) fn counting(number: u64, things: &str) -> ProgressBar {
    let wide = format!("{{bar:40}} {{human_pos}} of {{human_len}} {things}, {{eta}} left");
    styled(number, &wide, "{wide_bar} {human_pos}/{human_len} {eta} left")
}

/// A bar over so many batches or samples, with a message that is cut off where the line ends.
pub(super) fn telling(number: u64) -> ProgressBar {
    styled(number, "{bar:24} {pos}/{len} {eta} left  {wide_msg}", "{pos}/{len} {eta} left  {wide_msg}")
}

/// A bar over the bytes of the file that the message names.
#[cfg(feature = "fetch")]
pub(super) fn downloading() -> ProgressBar {
    let wide = "{bar:24} {bytes} of {total_bytes}, {eta} left  {wide_msg}";
    styled(0, wide, "{bytes} of {total_bytes}  {wide_msg}")
}

/// With the one template on a wide terminal and the other on a narrow one. One that does not say how wide it is has 80
/// columns, as indicatif has it.
fn styled(number: u64, wide: &str, narrow: &str) -> ProgressBar {
    let bar = ProgressBar::new(number);
    let is_narrow = super::table::error_width().is_some_and(|width| width < NARROW);
    if let Ok(style) = ProgressStyle::with_template(if is_narrow { narrow } else { wide }) {
        bar.set_style(style);
    }
    bar
}
