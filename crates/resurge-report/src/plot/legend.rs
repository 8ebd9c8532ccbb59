//! The legend of charts: each line once, and the level.

use super::charts::{Axes, LEVEL};
use super::scene::{Anchor, LETTERS, Scene};
use super::{font, marks};

/// What a legend tells apart: a line by its number, or the level.
type Entry = (String, Option<usize>);

fn entries<'a>(all: impl Iterator<Item = &'a Axes> + Clone) -> Vec<Entry> {
    let lines = all.clone().flat_map(|axes| &axes.lines).filter(|line| !line.name.is_empty());
    let lines = lines.map(|line| (line.name.clone(), Some(line.color)));
    let levels = all.flat_map(|axes| &axes.level).map(|level| (level.0.clone(), None));
    let mut found: Vec<Entry> = Vec::new();
    for entry in lines.chain(levels) {
        if !found.contains(&entry) {
            found.push(entry);
        }
    }
    found
}

/// Names below the charts, where they cover nothing of them.
pub(super) fn draw<'a>(scene: &mut Scene, all: impl Iterator<Item = &'a Axes> + Clone, left: f64) {
    const SAMPLE: f64 = 22.0;
    let wide = |entry: &Entry| SAMPLE + 4.0 + font::width(&entry.0, LETTERS) + 14.0;
    let (mut x, mut y) = (left, scene.height + LETTERS);
    for entry in &entries(all) {
        if x > left && x + wide(entry) > scene.width {
            (x, y) = (left, y + LETTERS * 1.5);
        }
        let ends = [(x, y), (x + SAMPLE, y)];
        match entry.1 {
            Some(number) => {
                scene.line(ends, marks::stroke(number));
                marks::mark(scene, number, (x + SAMPLE / 2.0, y));
            }
            None => scene.line(ends, LEVEL),
        }
        scene.label(&entry.0, (x + SAMPLE + 4.0, y), Anchor::Start);
        x += wide(entry);
    }
    scene.height = y + LETTERS / 2.0;
}
