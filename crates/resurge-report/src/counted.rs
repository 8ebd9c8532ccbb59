//! Numbers of things in words.

use std::fmt::Display;

/// A number and what it counts, in the plural unless it is one.
///
/// ```
/// use resurge_report::counted;
///
/// assert_eq!([counted(0, "seed"), counted(1, "epoch"), counted(2, "epoch")], ["0 seeds", "1 epoch", "2 epochs"]);
/// assert_eq!(counted(3, "batch"), "3 batches");
/// ```
pub fn counted<N: Display>(number: N, of: &str) -> String {
    let number = number.to_string();
    let ending = match of.ends_with("tch") {
        _ if number == "1" => "",
        true => "es",
        false => "s",
    };
    format!("{number} {of}{ending}")
}
