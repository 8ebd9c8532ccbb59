//! docs/configuration.md against the settings themselves.

use crate::read;
use resurge::train::{Config, Preset};
use toml::{Table, Value};

struct Row {
    key: String,
    range: String,
    default: String,
}

/// The cells of the rows of the table whose header begins with these words.
fn table(page: &str, header: &str) -> Vec<Vec<String>> {
    let from = page.find(header).unwrap_or_else(|| panic!("no table begins with {header}"));
    let rows = page[from..].lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect())
        .collect()
}

fn settings(page: &str) -> Vec<Row> {
    let cells = table(page, "| Key | Unit | Range | Default |");
    let row = |cells: Vec<String>| Row {
        key: cells[0].clone(),
        range: cells[2].clone(),
        default: cells[3].clone(),
    };
    cells.into_iter().map(row).collect()
}

fn values(config: &Config) -> Table {
    config.to_toml().unwrap().parse().unwrap()
}

fn parsed(text: &str) -> Value {
    format!("x = {text}").parse::<Table>().unwrap_or_else(|error| panic!("{text}: {error}"))["x"].clone()
}

#[test]
fn every_setting_is_there_with_its_default() {
    let page = read("docs/configuration.md");
    let all = values(&Config::preset(Preset::Small));
    let mut documented: Vec<String> = settings(&page).into_iter().map(|row| row.key).collect();
    documented.sort();
    let mut keys: Vec<String> = all.keys().cloned().collect();
    keys.sort();
    assert_eq!(documented, keys);

    let (required, optional): (Vec<Row>, Vec<Row>) =
        settings(&page).into_iter().partition(|row| row.default == "required");
    let mut least = Table::new();
    for row in &required {
        let mut without = all.clone();
        without.remove(&row.key);
        let error = Config::from_toml(&without.to_string()).unwrap_err().to_string();
        assert!(error.contains(&format!("missing field `{}`", row.key)), "{error}");
        least.insert(row.key.clone(), all[&row.key].clone());
    }
    let defaults = values(&Config::from_toml(&least.to_string()).unwrap());
    for row in optional {
        assert_eq!(defaults[&row.key], parsed(&row.default), "{}", row.key);
    }
}

#[test]
fn values_out_of_range_are_refused_in_the_words_of_the_table() {
    let page = read("docs/configuration.md");
    let mut checked = 0;
    for row in settings(&page) {
        let bad: &[&str] = match row.range.as_str() {
            "at least 1" => &["0"],
            "positive" => &["0", "-1"],
            "at least 0" | "at least 0 (0 for none)" => &["-1"],
            "two numbers, each at least 0 and less than 1" => &["[1.0, 0.5]", "[0.5, -0.1]"],
            _ => continue,
        };
        for value in bad {
            let setting = format!("{}={value}", row.key);
            let error = Config::preset(Preset::Small).with(&[&setting]).unwrap_err().to_string();
            let words = row.range.trim_start_matches("two numbers, each ");
            assert!(error.contains(&format!("must be {words}")), "{setting}: {error}");
            checked += 1;
        }
    }
    assert!(checked > 10, "only {checked} values were tried");
}

/// The lists of names are those of the messages that refuse others.
#[test]
fn every_name_is_there() {
    let page = read("docs/configuration.md").replace('`', "");
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    for (setting, before) in [
        ("surrogate=none", "one of: "),
        ("reset=other", "one of: "),
        ("reset_gradient=other", "one of: "),
        ("schedule=other", "must be "),
        ("layers=[\"other\"]", "write "),
    ] {
        let error = Config::preset(Preset::Small).with(&[setting]).unwrap_err().to_string();
        let names = error.split(before).nth(1).unwrap_or_else(|| panic!("{error}"));
        let names = names.lines().next().unwrap_or_default().trim();
        assert!(page.contains(names), "{setting}: the page does not say \"{names}\"");
    }
}

#[test]
fn the_presets_are_those_of_the_table() {
    let page = read("docs/configuration.md");
    let rows = table(&page, "| Key | mnist | nmnist | cifar10 | small |");
    let defaults: Vec<(String, String)> =
        settings(&page).into_iter().map(|row| (row.key, row.default)).collect();
    for (column, preset) in Preset::ALL.into_iter().enumerate() {
        let values = values(&Config::preset(preset));
        for row in &rows {
            assert_eq!(values[&row[0]], parsed(&row[column + 1]), "{} of {}", row[0], preset.name());
        }
        // What is not in this table is at its default; the layers are in the presets themselves.
        for (key, default) in defaults.iter().filter(|(key, _)| !rows.iter().any(|row| row[0] == *key)) {
            assert!(key == "layers" || values[key] == parsed(default), "{key} of {}", preset.name());
        }
    }
}
