//! How the commands' tables and texts look on a terminal: whole where they fit, folded where they do not. Rules above,
//! below and under the headings; numbers to the right.

use comfy_table::{Attribute, Cell, CellAlignment, LineStyle, Table, presets};
use textwrap::core::display_width;

/// The columns of the terminal that standard output is; none where it is no terminal, or one that does not say (a
/// width of 0): then nothing is folded.
pub(super) fn terminal_width() -> Option<usize> {
    terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0))
}

/// The same of standard error.
pub(super) fn error_width() -> Option<usize> {
    terminal_size::terminal_size_of(std::io::stderr()).map(|(width, _)| usize::from(width.0))
}

/// Lines of text, each folded at words; what is indented stays so.
pub(super) fn fold(text: &str, width: Option<usize>) -> String {
    let Some(width) = width else { return text.to_owned() };
    let line = |line: &str| {
        let indent = &line[..line.len() - line.trim_start().len()];
        let more = format!("{indent}  ");
        let more = if indent.is_empty() { "" } else { &more };
        // A number stays with its sign of percent.
        let line = line.trim_start().replace(" %", "\u{a0}%");
        textwrap::fill(&line, words(width).initial_indent(indent).subsequent_indent(more))
            .replace('\u{a0}', " ")
    };
    let lines: Vec<String> = text.split('\n').map(line).collect();
    lines.join("\n")
}

/// Folding between words alone: a number keeps its sign and its exponent, a path its hyphens.
fn words(width: usize) -> textwrap::Options<'static> {
    textwrap::Options::new(width.max(1))
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
}

/// A table: the first columns name a row, the others say something of it.
#[derive(Debug, Clone)]
pub(super) struct Grid {
    names: usize,
    headings: Vec<Cell>,
    rows: Vec<Vec<Cell>>,
}

/// Between two columns.
const GAP: usize = 2;

/// How far the values stand in below the names that they are of.
const INDENT: usize = 2;

/// How a table is laid out.
#[derive(Debug, PartialEq, Eq)]
enum Layout {
    /// In parts one below the other, each with the names and some of the values: these columns.
    Parts(Vec<Vec<usize>>),
    /// The names of each row in a line of their own, the values below it.
    Stacked,
    /// Each row by itself, every value with its heading.
    Listed,
}

impl Grid {
    /// A table with these headings, of which so many are of names.
    pub(super) fn new(names: usize, headings: impl IntoIterator<Item = impl ToString>) -> Self {
        let headings = headings.into_iter().map(|text| Cell::new(text).add_attribute(Attribute::Bold));
        Self { names, headings: headings.collect(), rows: Vec::new() }
    }

    /// Adds a row, as long as the headings.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = impl Into<Cell>>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
        debug_assert_eq!(self.rows.last().map(Vec::len), Some(self.headings.len()));
    }

    /// The table as text, no line of it longer than the width; with colours only where they are not `plain`.
    pub(super) fn text(&self, width: Option<usize>, plain: bool) -> String {
        let all: Vec<usize> = (0..self.headings.len()).collect();
        let Some(width) = width else { return self.drawn(&all, plain) };
        match self.layout(width) {
            Layout::Parts(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| self.drawn(part, plain)).collect();
                parts.join("\n\n")
            }
            Layout::Stacked => self.stacked(plain, width),
            Layout::Listed => self.listed(width),
        }
    }

    /// The table in Markdown.
    pub(super) fn markdown(&self) -> String {
        let mut table = self.table(&(0..self.headings.len()).collect::<Vec<_>>(), true);
        table.load_style(presets::ASCII_MARKDOWN);
        for column in table.column_iter_mut() {
            column.set_padding((1, 1));
        }
        table.to_string()
    }

    fn widths(&self) -> Vec<usize> {
        let lines = || std::iter::once(&self.headings).chain(&self.rows);
        let of = |column: usize| lines().map(|cells| display_width(&cells[column].content())).max();
        (0..self.headings.len()).map(|column| of(column).unwrap_or(0)).collect()
    }

    fn layout(&self, width: usize) -> Layout {
        let widths = self.widths();
        let total = |columns: &[usize]| {
            columns.iter().map(|&c| widths[c]).sum::<usize>() + GAP * columns.len().saturating_sub(1)
        };
        let (names, values): (Vec<usize>, Vec<usize>) =
            (0..widths.len()).partition(|&column| column < self.names);
        let mut parts = vec![names.clone()];
        for &column in &values {
            let last = parts.last_mut().map(|part| {
                part.push(column);
                (total(part) > width && part.len() > names.len() + 1).then(|| part.pop())
            });
            if let Some(Some(_)) = last {
                parts.push(names.iter().copied().chain([column]).collect());
            }
        }
        // A value alone at the end takes another with it.
        for at in (1..parts.len()).rev() {
            while let [before, part] = &mut parts[at - 1..=at] {
                let (left, right) = (before.len() - names.len(), part.len() - names.len());
                let moved = before.last().copied().filter(|_| left > right + 1 || left == 2 && right == 1);
                let Some(moved) = moved.filter(|&column| widths[column] + GAP + total(part) <= width) else {
                    break;
                };
                before.pop();
                part.insert(names.len(), moved);
            }
        }
        let fits = parts.iter().all(|part| total(part) <= width);
        // Two halves can be held side by side; of more parts each has to say something.
        match fits {
            true if parts.len() <= 2 => Layout::Parts(parts),
            _ if total(&values) + INDENT <= width => Layout::Stacked,
            true if 2 * parts.len() <= values.len() + 1 => Layout::Parts(parts),
            _ => Layout::Listed,
        }
    }

    fn table(&self, columns: &[usize], plain: bool) -> Table {
        let chosen = |cells: &[Cell]| columns.iter().map(|&column| cells[column].clone()).collect::<Vec<_>>();
        let mut table = Table::new();
        if plain {
            table.force_no_tty();
        }
        table.load_style(presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()));
        table.set_header(chosen(&self.headings));
        for row in &self.rows {
            table.add_row(chosen(row));
        }
        for (place, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, u16::from(place + 1 < columns.len())));
            if columns[place] >= self.names {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }

    fn drawn(&self, columns: &[usize], plain: bool) -> String {
        self.table(columns, plain)
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// What names a row, folded at its slashes, and only if it must be at its hyphens.
    fn name(&self, cells: &[Cell], width: usize) -> Vec<String> {
        let names: Vec<String> = cells[..self.names].iter().map(Cell::content).collect();
        let separator = textwrap::WordSeparator::UnicodeBreakProperties;
        let options = words(width)
            .word_separator(separator)
            .word_splitter(textwrap::WordSplitter::HyphenSplitter)
            .subsequent_indent(" ");
        textwrap::wrap(names.join("  ").trim(), options).into_iter().map(Into::into).collect()
    }

    fn stacked(&self, plain: bool, width: usize) -> String {
        let values: Vec<usize> = (self.names..self.headings.len()).collect();
        let table = self.drawn(&values, plain);
        let all = std::iter::once(&self.headings).chain(&self.rows);
        let mut names = all.map(|cells| self.name(cells, width));
        let mut lines: Vec<String> = Vec::new();
        let is_rule = |line: &str| !line.is_empty() && line.chars().all(|c| "─═".contains(c));
        for line in table.lines().filter(|line| !is_rule(line)) {
            lines.extend(names.next().unwrap_or_default());
            lines.extend((!line.is_empty()).then(|| format!("{:INDENT$}{line}", "")));
        }
        let head = self.name(&self.headings, width).len() + 1;
        ruled(lines, head)
    }

    fn listed(&self, width: usize) -> String {
        let indent = " ".repeat(INDENT);
        let options = words(width).initial_indent(&indent).subsequent_indent(&indent);
        let mut lines: Vec<String> = Vec::new();
        for row in &self.rows {
            lines.extend(self.name(row, width));
            let pairs = self.headings.iter().zip(row).skip(self.names).map(|(heading, value)| {
                let pair = format!("{} {}", heading.content(), value.content());
                // What belongs together stays in a line, if it fits into one.
                let fits = display_width(&pair) + INDENT < width;
                (value.content(), if fits { pair.trim().replace(' ', "\u{a0}") } else { pair })
            });
            let pairs: Vec<String> =
                pairs.filter(|(value, _)| !value.is_empty()).map(|(_, pair)| pair).collect();
            let pairs = pairs.join("; ");
            if pairs.is_empty() {
                continue;
            }
            let values = textwrap::wrap(&pairs, options.clone());
            lines.extend(values.into_iter().map(|line| line.replace('\u{a0}', " ")));
        }
        ruled(lines, 0)
    }
}

/// Lines between rules, with another below the first `head` of them.
fn ruled(mut lines: Vec<String>, head: usize) -> String {
    let width = lines.iter().map(|line| display_width(line)).max().unwrap_or(0);
    let rule = |mark: &str| mark.repeat(width);
    if head > 0 {
        lines.insert(head, rule("═"));
    }
    [vec![rule("─")], lines, vec![rule("─")]].concat().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `toy` has it: two names and wide values.
    fn wide() -> Grid {
        let headings =
            ["optimiser", "rule", "best rate", "its loss", "window, own best", "window, best of all", "p"];
        let mut grid = Grid::new(2, headings);
        for rule in ["full", "spatial-only"] {
            let estimate = "-0.123 (-0.234, -0.012)";
            grid.row(["SGD, norm-matched", rule, "1.0e-2", estimate, estimate, estimate, ""]);
        }
        grid
    }

    /// As `verify --cell` has it: a long name and narrow values.
    fn long() -> Grid {
        let mut grid = Grid::new(1, ["cell", "cases", "fin. diff.", "complex", "dual", "rtrl", "verdict"]);
        for gradient in ["full", "detached"] {
            let name = format!("relative-repeated-alif/subtract-then-decay/{gradient}/fast-sigmoid");
            let row = [&*name, "12", "2.3e-12", "6.0e-16", "2.1e-15", "1.4e-16", "pass"];
            grid.row(row.map(str::to_owned));
        }
        grid
    }

    fn widest(text: &str) -> usize {
        text.lines().map(display_width).max().unwrap_or(0)
    }

    #[test]
    fn no_line_is_longer_than_the_width_and_nothing_is_lost_or_broken() {
        for grid in [wide(), long()] {
            for width in [24, 40, 60, 80, 100, 200] {
                let text = grid.text(Some(width), true);
                assert!(widest(&text) <= width, "{width}:\n{text}");
                assert!(text.lines().all(|line| line.trim_end() == line), "{width}:\n{text}");
                // Folding only ever breaks at spaces or between the parts of a name.
                let joined: String = text.split_whitespace().collect();
                for row in &grid.rows {
                    for cell in row {
                        let cell: String = cell.content().split_whitespace().collect();
                        assert!(joined.contains(&cell), "{width}: {cell} in\n{text}");
                    }
                    for value in row.iter().skip(grid.names).map(Cell::content).filter(|_| width >= 40) {
                        assert!(text.contains(&value), "{width}: {value} in\n{text}");
                    }
                }
                for heading in grid.headings.iter().map(Cell::content).skip(grid.names) {
                    let shown = heading == "p" || text.contains(&heading) || width < 40;
                    assert!(shown, "{width}: {heading} in\n{text}");
                }
            }
            // However narrow, it ends.
            for width in 0..24 {
                assert!(!grid.text(Some(width), true).is_empty());
            }
        }
    }

    #[test]
    fn an_unknown_width_folds_nothing() {
        let (whole, wide_enough) = (wide().text(None, true), wide().text(Some(1000), true));
        assert_eq!(whole, wide_enough);
        assert_eq!(whole.lines().count(), 1 + 1 + 1 + 2 + 1);
        assert!(widest(&whole) > 100, "{whole}");
        assert_eq!(fold(&"word ".repeat(50), None), "word ".repeat(50));
    }

    #[test]
    fn each_width_has_its_layout() {
        let parts = |grid: &Grid, width| match grid.layout(width) {
            Layout::Parts(parts) => parts.len(),
            Layout::Stacked => 100,
            Layout::Listed => 1000,
        };
        let of = |grid: Grid| [40, 60, 80, 100, 200].map(|width| parts(&grid, width));
        assert_eq!(of(wide()), [1000, 1000, 3, 2, 1]);
        assert_eq!(of(long()), [1000, 100, 100, 2, 1]);
    }

    #[test]
    fn no_value_is_left_alone_at_the_end() {
        let mut grid = Grid::new(1, ["rule", "loss", "window", "p"]);
        grid.row(["full", "1.050 (0.667, 1.433)", "2.000 (0.000, 2.000)", "0.5"]);
        assert_eq!(grid.layout(46), Layout::Parts(vec![vec![0, 1], vec![0, 2, 3]]));
    }

    #[test]
    fn names_stand_above_their_values() {
        let mut grid = Grid::new(1, ["cell", "dual", "verdict"]);
        grid.row(["a-name-of-30-columns/of/a/cell", "1.0e-15", "pass"]);
        grid.row(["short", "", ""]);
        let expected = "\
──────────────────────────────
cell
     dual  verdict
══════════════════════════════
a-name-of-30-columns/of/a/cell
  1.0e-15     pass
short
──────────────────────────────";
        assert_eq!(grid.text(Some(31), true), expected);
        let listed = grid.text(Some(17), true);
        assert!(widest(&listed) <= 17 && listed.starts_with("──"), "{listed}");
        assert!(listed.contains("\na-name-of-30-\n columns/of/a/\n cell\n  dual 1.0e-15;"), "{listed}");
        assert!(listed.contains(";\n  verdict pass\nshort\n──"), "{listed}");
    }

    #[test]
    fn markdown_stays_whole() {
        let mut grid = Grid::new(1, ["trial", "loss"]);
        grid.row(["full", "0.5"]);
        assert_eq!(grid.markdown(), "| trial | loss |\n|-------|------|\n| full  |  0.5 |");
    }

    #[test]
    fn text_is_folded_at_words_and_keeps_its_indent() {
        let text = "a learning rate of 1e-12 in two words\n  and further in, too (95 %)";
        let folded = "a learning rate of\n1e-12 in two words\n  and further in,\n    too (95 %)";
        assert_eq!(fold(text, Some(18)), folded);
    }
}
