//! The book shows its pages without a network, and as they are meant.

use crate::links::{contents, unfenced};
use crate::{files, read, root};

/// The files that `docs/book.toml` adds to every page under this key.
fn added(key: &str) -> Vec<String> {
    let settings: toml::Table = read("docs/book.toml").parse().unwrap();
    let files = settings["output"]["html"][key].as_array().unwrap();
    files.iter().map(|file| format!("docs/{}", file.as_str().unwrap())).collect()
}

#[test]
fn formulas_are_set_by_files_that_lie_beside_the_pages() {
    let settings = read("docs/book.toml");
    assert!(!settings.contains("mathjax-support"), "MathJax is loaded from a network");
    let (styles, scripts) = (added("additional-css"), added("additional-js"));
    for file in styles.iter().chain(&scripts) {
        assert!(root().join(file).is_file(), "there is no {file}");
        for part in read(file).split("url(").skip(1) {
            let target = part.split(')').next().unwrap().trim_matches(['"', '\'']);
            assert!(!target.contains("//"), "{file} loads {target} from elsewhere");
            if target.ends_with(".woff2") {
                let font = root().join(file).with_file_name(target);
                assert!(font.is_file(), "{file} wants {}", font.display());
            }
        }
    }
    // One names what the next calls.
    let names = ["katex.min.js", "auto-render.min.js", "math.js"];
    assert!(scripts.iter().zip(names).all(|(file, name)| file.ends_with(name)), "{scripts:?}");
    let starts = read("docs/math.js");
    assert!(starts.contains(r#"left: "\\(""#) && starts.contains(r#"left: "\\[""#));
    for file in files("docs", ".js") {
        assert!(!read(&file).contains("<script"), "{file} loads another script");
    }
}

/// A page without its code: fenced blocks, and what stands between backquotes.
fn prose(page: &str) -> String {
    let lines = unfenced(page).map(|line| line.split('`').step_by(2).collect::<Vec<_>>().join("`"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The first formula of a text that is not closed before the next begins, or before its paragraph ends.
fn unclosed(text: &str) -> Option<String> {
    for paragraph in text.split("\n\n") {
        let mut open: Option<(char, usize)> = None;
        let marks = paragraph.match_indices("\\\\").filter_map(|(at, _)| {
            let mark = paragraph[at + 2..].chars().next()?;
            "()[]".contains(mark).then_some((at, mark))
        });
        for (at, mark) in marks {
            match (open, mark) {
                (None, '(' | '[') => open = Some((mark, at)),
                (Some(('(', _)), ')') | (Some(('[', _)), ']') => open = None,
                _ => return Some(paragraph[at..].chars().take(40).collect()),
            }
        }
        if let Some((_, at)) = open {
            return Some(paragraph[at..].chars().take(40).collect());
        }
    }
    None
}

#[test]
fn every_formula_is_closed() {
    let mut seen = 0;
    for page in contents() {
        let text = prose(&read(&format!("docs/{page}")));
        seen += text.matches("\\\\(").count();
        assert_eq!(unclosed(&text), None, "{page}");
    }
    assert!(seen > 300, "only {seen} formulas were found");
    for wrong in ["a \\\\(b", "a \\\\(b\\\\]", "\\\\(a \\\\(b\\\\)", "a\\\\)", "\\\\[a\n\nb\\\\]"] {
        assert!(unclosed(wrong).is_some(), "{wrong}");
    }
}

/// The cells of a line of a table.
fn cells(line: &str) -> usize {
    let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
    inner.replace("\\|", "").split('|').count()
}

/// The first row of a table that has more or fewer cells than its head, whose further cells no page shows.
fn ragged(page: &str) -> Option<String> {
    let mut head = None;
    for line in unfenced(page) {
        if !line.trim_start().starts_with('|') {
            head = None;
            continue;
        }
        if cells(line) != *head.get_or_insert(cells(line)) {
            return Some(line.to_owned());
        }
    }
    None
}

#[test]
fn every_row_of_a_table_has_the_cells_of_its_head() {
    let mut tables = 0;
    for page in contents() {
        let text = read(&format!("docs/{page}"));
        tables += text.matches("|---").count();
        assert_eq!(ragged(&text), None, "{page}");
    }
    assert!(tables > 50, "only {tables} columns were found");
    assert!(ragged("| a | b |\n|---|---|\n| `x|y` | 1 |").is_some());
    assert!(ragged("| a | b |\n|---|---|\n| `x\\|y` | 1 |").is_none());
}
