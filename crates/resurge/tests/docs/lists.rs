//! Nobody keeps a second list of what has a table.

use crate::{files, read};
use resurge::snn::Surrogate;

/// Files that may name several surrogates: the table; and operations, some of which have the names of surrogates.
const ALLOWED: [&str; 2] = ["crates/resurge-snn/src/surrogate/", "crates/resurge-program/src/ops/"];

/// No product code but the table's has three names of surrogates in quotes: it would be a list that someone has to
/// think of.
#[test]
fn no_second_list_of_surrogates() {
    let (mut checked, mut found) = (0, Vec::new());
    for path in files("crates", "rs").into_iter().chain(files("fuzz/src", "rs")) {
        let product = path.contains("/src/") && !path.contains("/tests");
        if !product || ALLOWED.iter().any(|allowed| path.starts_with(allowed)) {
            continue;
        }
        checked += 1;
        let text = read(&path);
        // Beside the code, tests may name what they need; examples are of one value.
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let quoted = |name: &str| code.contains(&format!("\"{name}\""));
        let names: Vec<&str> =
            Surrogate::ALL.iter().map(|one| one.entry.name).filter(|name| quoted(name)).collect();
        if names.len() >= 3 {
            found.push(format!("{path} names {}: take them from Surrogate::ALL", names.join(", ")));
        }
    }
    assert!(checked > 200, "{checked}");
    assert!(found.is_empty(), "{}", found.join("\n"));
}
