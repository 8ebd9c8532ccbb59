//! How the commands' tables look: rules above, below and under the headings; numbers to the right.

use comfy_table::{CellAlignment, LineStyle, Row, Table, presets};

/// A table with these headings.
pub(super) fn ruled(headings: impl Into<Row>) -> Table {
    let mut table = Table::new();
    rule(&mut table);
    table.set_header(headings);
    table
}

/// Gives a table its rules.
pub(super) fn rule(table: &mut Table) {
    table.load_style(presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()));
}

/// Sets all columns after the first `names` to the right.
pub(super) fn align_right(table: &mut Table, names: usize) {
    for column in table.column_iter_mut().skip(names) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}
