//! Markdown of our own on a terminal: its tables laid out, its paragraphs folded, its marks left out.

use super::table::{Grid, fold};

/// What a document in Markdown says, with no line longer than the width. It knows what our reports use: headings,
/// paragraphs of one line, tables, `**bold**`.
pub(super) fn shown(document: &str, width: Option<usize>) -> String {
    // Without a terminal as it is easily read in a file.
    let words = Some(width.unwrap_or(100));
    let mut text = String::new();
    let mut lines = document.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with('|') {
            let mut rows = vec![cells(line)];
            while let Some(row) = lines.next_if(|line| line.starts_with('|')) {
                rows.push(cells(row));
            }
            text.push_str(&table(&rows).text(width, true));
        } else {
            text.push_str(&fold(&line.trim_start_matches('#').trim_start().replace("**", ""), words));
        }
        text.push('\n');
    }
    text
}

fn cells(line: &str) -> Vec<String> {
    let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
    inner.split('|').map(|cell| cell.trim().replace("**", "")).collect()
}

/// The first column names its rows, and those after it that have words in every row.
fn table(rows: &[Vec<String>]) -> Grid {
    let is_rule =
        |row: &&Vec<String>| !row.iter().all(|cell| !cell.is_empty() && cell.bytes().all(|b| b == b'-'));
    let (head, body) = rows.split_first().map_or((&[][..], &[][..]), |(head, body)| (&head[..], body));
    let body: Vec<&Vec<String>> = body.iter().filter(is_rule).collect();
    let is_word = |cell: &String| cell.starts_with(char::is_alphabetic) && cell != "n/a";
    let is_name = |column: &usize| body.iter().all(|row| row.get(*column).is_some_and(is_word));
    let names = 1 + (1..head.len()).take_while(is_name).count();
    let mut grid = Grid::new(names, head);
    for row in body {
        grid.row((0..head.len()).map(|column| row.get(column).cloned().unwrap_or_default()));
    }
    grid
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "\
# mnist by gradient of the reset

60 training and 60 test samples: a subset of at most 60 of each split.

| difference | of | mean | p |
|---|---|---|---|
| full less detached | test accuracy | +0.050 | 0.0625 |
| full less half | test loss | n/a |  |

## Trials

| trial | epochs |
|---|---|
| full-seed1 (**diverged** in epoch 1) | 0 |
";

    #[test]
    fn tables_are_laid_out_and_marks_are_gone() {
        let expected = "\
mnist by gradient of the reset

60 training and 60 test samples: a subset of at most 60 of
each split.

──────────────────────────────────────────────────
difference          of               mean       p
══════════════════════════════════════════════════
full less detached  test accuracy  +0.050  0.0625
full less half      test loss         n/a
──────────────────────────────────────────────────

Trials

──────────────────────────────────────────
trial                             epochs
══════════════════════════════════════════
full-seed1 (diverged in epoch 1)       0
──────────────────────────────────────────
";
        let shown = shown(REPORT, Some(60));
        assert_eq!(shown.replace(['─', '═'], ""), expected.replace(['─', '═'], ""));
    }

    #[test]
    fn every_line_fits() {
        for width in [40, 60, 80] {
            let text = shown(REPORT, Some(width));
            assert!(text.lines().all(|line| line.chars().count() <= width), "{width}:\n{text}");
            assert!(!text.contains("**") && !text.contains('|') && !text.contains('#'), "{text}");
        }
    }
}
