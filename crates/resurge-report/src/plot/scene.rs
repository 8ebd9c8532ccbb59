//! What a figure is made of: shapes and texts in points (1/72 inch), to be written as SVG or painted as PNG.

use super::color::{Paint, Rgb};
use super::font;

/// x and y, from the upper left corner.
pub(super) type At = (f64, f64);

/// The width of a column of a paper: 240 points, 8.5 cm.
pub(super) const COLUMN: f64 = 240.0;

/// The width of a page of two columns: 504 points, 17.8 cm.
pub(super) const PAGE: f64 = 504.0;

/// The size of letters: what journals ask at least.
pub(super) const LETTERS: f64 = 8.0;

/// The size of the letters of titles.
pub(super) const TITLE: f64 = 9.0;

/// From one line of text to the next, in units of the size.
pub(super) const LEADING: f64 = 1.25;

/// A line: its paint, its width, and its dashes and gaps, none if it is whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stroke {
    pub(super) paint: Paint,
    pub(super) width: f64,
    pub(super) dashes: &'static [f64],
}

impl Stroke {
    pub(super) const fn new(paint: Paint, width: f64) -> Self {
        Self { paint, width, dashes: &[] }
    }
}

/// Which end of a text is at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A shape or a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    /// A filled rectangle: corner, width and height.
    Rectangle { corner: At, size: At, paint: Paint, opacity: f64 },
    /// A rectangle whose colours go from the left to the right.
    Gradient { corner: At, size: At, stops: &'static [Rgb] },
    /// A line through points.
    Line { points: Vec<At>, stroke: Stroke },
    /// The area inside of points.
    Area { points: Vec<At>, paint: Paint, opacity: f64 },
    /// A filled circle.
    Circle { centre: At, radius: f64, paint: Paint },
    /// A line of text, its foot at `at`; upright texts read upwards.
    Text { text: String, at: At, size: f64, anchor: Anchor, paint: Paint, upright: bool },
}

impl Item {
    /// Moves it to the right.
    pub(super) fn shift(&mut self, by: f64) {
        match self {
            Self::Rectangle { corner: at, .. }
            | Self::Gradient { corner: at, .. }
            | Self::Circle { centre: at, .. }
            | Self::Text { at, .. } => at.0 += by,
            Self::Line { points, .. } | Self::Area { points, .. } => {
                points.iter_mut().for_each(|at| at.0 += by);
            }
        }
    }
}

/// A figure before it has a format.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scene {
    pub(super) width: f64,
    pub(super) height: f64,
    /// What it shows, for those who cannot see it.
    pub(super) description: String,
    pub(super) items: Vec<Item>,
}

impl Scene {
    /// An empty one of this width; it grows downwards.
    pub(super) fn new(width: f64, description: impl Into<String>) -> Self {
        Self { width, height: 0.0, description: description.into(), items: Vec::new() }
    }

    pub(super) fn rectangle(&mut self, corner: At, size: At, paint: Paint) {
        self.items.push(Item::Rectangle { corner, size, paint, opacity: 1.0 });
    }

    pub(super) fn line(&mut self, points: impl Into<Vec<At>>, stroke: Stroke) {
        self.items.push(Item::Line { points: points.into(), stroke });
    }

    pub(super) fn area(&mut self, points: Vec<At>, paint: Paint, opacity: f64) {
        self.items.push(Item::Area { points, paint, opacity });
    }

    /// A text whose foot is at a place.
    pub(super) fn text(&mut self, text: impl Into<String>, at: At, anchor: Anchor) {
        self.sized(text, at, LETTERS, anchor, Paint::Ink);
    }

    /// A text whose capitals have their middle at a place.
    pub(super) fn label(&mut self, text: impl Into<String>, at: At, anchor: Anchor) {
        self.text(text, (at.0, at.1 + LETTERS * font::CAPITAL / 2.0), anchor);
    }

    pub(super) fn sized(&mut self, text: impl Into<String>, at: At, size: f64, anchor: Anchor, paint: Paint) {
        self.items.push(Item::Text { text: text.into(), at, size, anchor, paint, upright: false });
    }

    /// A text that reads upwards, the middle of its capitals at `at.0`.
    pub(super) fn upright(&mut self, text: impl Into<String>, at: At, anchor: Anchor) {
        let at = (at.0 + LETTERS * font::CAPITAL / 2.0, at.1);
        let (size, paint) = (LETTERS, Paint::Ink);
        self.items.push(Item::Text { text: text.into(), at, size, anchor, paint, upright: true });
    }

    /// Lines of text below each other, as wide as there is room, from this height on. Gives the height below them.
    pub(super) fn paragraph(&mut self, text: &str, at: At, size: f64, room: f64, anchor: Anchor) -> f64 {
        let mut y = at.1;
        for line in font::wrap(text, size, room) {
            self.sized(line, (at.0, y + size * 0.9), size, anchor, Paint::Ink);
            y += size * LEADING;
        }
        y
    }
}
