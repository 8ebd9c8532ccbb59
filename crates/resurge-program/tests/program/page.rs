//! The report as a part of a page.

use crate::cells::{gradient, program};
use resurge_program::{CheckOptions, html};
use resurge_snn::{Cell, ResetGradient, Surrogate};

/// The markup with its tags taken out in pairs: nothing is left open, and no name brings markup with it.
#[test]
fn a_page_shows_the_lines_the_table_and_each_cut() {
    let cell = Cell::lif(Surrogate::atan(2.0).unwrap()).with_decay(0.8).unwrap();
    let detached = cell.with_reset_gradient(ResetGradient::Detached);
    let mut draft = program(&detached, &gradient(&detached));
    draft.nodes[0]["with"]["name"] = serde_json::json!("a <b> & c");
    let claim = Some("full".parse().unwrap());
    let report = draft.checked(&CheckOptions { claim, ..CheckOptions::default() });
    let page = html(&report).unwrap();
    for part in [
        "<strong>claim</strong>: the gradient is not full, as claimed",
        "<code>a &lt;b&gt; &amp; c</code>",
        "<td>cell.py:5 under net.py:9</td><td>reset</td><td class=\"n\">6</td>",
        "<td>cell.py:5 under net.py:9</td><td>cell.py:5, in </td><td><code>line 5</code></td>",
        "detach cell.py:5 attached",
        "norm of the adjoint",
        "left out by each cut, by lag",
        "The reset's gradient: detached.",
    ] {
        assert!(page.contains(part), "{part} is not in\n{page}");
    }
    assert_eq!(page.matches("<svg").count(), 1);
    assert_eq!((page.matches("<table").count(), page.matches("</table>").count()), (4, 4));
    assert!(!page.contains("<b>"));
}

/// Without a surrogate and a cut there is nothing to draw, and a wrong gradient is marked.
#[test]
fn a_page_of_little_has_no_empty_parts() {
    let mut draft = crate::draft::Draft::new();
    let x = draft.leaf(&[3]);
    draft.squared(x, 1);
    let page = html(&draft.checked(&CheckOptions::default())).unwrap();
    assert!(!page.contains("<svg") && !page.contains("Surrogates") && !page.contains("Lines"), "{page}");
    assert!(page.contains("<p class=\"bad\">") && page.contains("class=\"n bad\""), "{page}");
}
