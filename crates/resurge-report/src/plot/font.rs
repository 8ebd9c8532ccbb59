//! The letters of figures: DejaVu Sans, which is part of the program, so that a machine without fonts draws the same.

use super::{PlotError, failed};
use std::sync::LazyLock;
use ttf_parser::{Face, GlyphId, OutlineBuilder};

static FACE: LazyLock<Option<Face<'static>>> = LazyLock::new(|| Face::parse(dejavu::sans::regular(), 0).ok());

/// Of the size of letters, the height of a capital above the line.
pub(super) const CAPITAL: f64 = 0.73;

pub(super) fn face() -> Result<&'static Face<'static>, PlotError> {
    FACE.as_ref().ok_or_else(|| failed("the font cannot be read"))
}

/// The glyphs of a text, each with its distance from the start in units of the size; and the whole width.
fn placed(face: &Face<'_>, text: &str) -> (Vec<(GlyphId, f64)>, f64) {
    let unit = 1.0 / f64::from(face.units_per_em());
    let mut at = 0.0;
    let place = |letter| {
        // Glyph 0 is a box, which says that a letter is missing.
        let glyph = face.glyph_index(letter).unwrap_or_default();
        let from = at;
        at += f64::from(face.glyph_hor_advance(glyph).unwrap_or(0)) * unit;
        (glyph, from)
    };
    let glyphs = text.chars().map(place).collect();
    (glyphs, at)
}

/// How wide a text is.
pub(super) fn width(text: &str, size: f64) -> f64 {
    // DejaVu Sans has no letter as wide as 1.2: without it there is room for any other.
    face().map_or(text.chars().count() as f64 * 1.2, |face| placed(face, text).1) * size
}

/// Traces the outline of a text that starts at the origin, y upwards, in units of its size.
pub(super) fn outline(text: &str, mut trace: impl FnMut(Step)) -> Result<(), PlotError> {
    let face = face()?;
    let unit = 1.0 / f32::from(face.units_per_em());
    for (glyph, at) in placed(face, text).0 {
        // A space has no outline.
        let _ = face.outline_glyph(glyph, &mut Tracer { unit, at: at as f32, trace: &mut trace });
    }
    Ok(())
}

/// A step of an outline.
pub(super) enum Step {
    Move([f32; 2]),
    Line([f32; 2]),
    Quadratic([f32; 4]),
    Cubic([f32; 6]),
    Close,
}

struct Tracer<'a, F> {
    unit: f32,
    at: f32,
    trace: &'a mut F,
}

impl<F: FnMut(Step)> Tracer<'_, F> {
    fn scaled<const N: usize>(&self, mut points: [f32; N]) -> [f32; N] {
        for (i, value) in points.iter_mut().enumerate() {
            *value = *value * self.unit + if i % 2 == 0 { self.at } else { 0.0 };
        }
        points
    }
}

impl<F: FnMut(Step)> OutlineBuilder for Tracer<'_, F> {
    fn move_to(&mut self, x: f32, y: f32) {
        let to = self.scaled([x, y]);
        (self.trace)(Step::Move(to));
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let to = self.scaled([x, y]);
        (self.trace)(Step::Line(to));
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let to = self.scaled([x1, y1, x, y]);
        (self.trace)(Step::Quadratic(to));
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let to = self.scaled([x1, y1, x2, y2, x, y]);
        (self.trace)(Step::Cubic(to));
    }

    fn close(&mut self) {
        (self.trace)(Step::Close);
    }
}

/// A text in lines of at most this width, broken where it has a line break and at spaces, though not at those that
/// hold together (`\u{a0}`); a longer word has a line of its own.
pub(super) fn wrap(text: &str, size: f64, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in text.lines() {
        let first = lines.len();
        for word in part.split(' ').filter(|word| !word.is_empty()) {
            match lines[first..].last_mut() {
                Some(line) if width(&format!("{line} {word}"), size) <= room => {
                    line.push(' ');
                    line.push_str(word);
                }
                _ => lines.push(word.to_owned()),
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_as_wide_as_their_letters() {
        // From the font's own table: W 2025 and i 569 of 2048 units.
        assert!((width("W", 2048.0) - 2025.0).abs() < 1e-9);
        assert!((width("Wi", 2048.0) - 2594.0).abs() < 1e-9);
        assert_eq!(width("", 8.0), 0.0);
    }

    #[test]
    fn every_letter_that_a_figure_writes_is_there() {
        let face = face().unwrap();
        let ours = (' '..='~').chain("\u{2264}\u{2265}\u{2212}\u{d7}\u{b7}\u{3b8}\u{3bb}\u{a0}".chars());
        let missing: Vec<char> = ours.filter(|&letter| face.glyph_index(letter).is_none()).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn outlines_lie_where_the_letters_do() {
        let mut ends = (f32::INFINITY, f32::NEG_INFINITY);
        outline(" I", |step| {
            if let Step::Move([x, _]) | Step::Line([x, _]) = step {
                ends = (ends.0.min(x), ends.1.max(x));
            }
        })
        .unwrap();
        let space = width(" ", 1.0) as f32;
        assert!(ends.0 > space && ends.1 < width(" I", 1.0) as f32, "{ends:?}");
    }

    #[test]
    fn long_texts_are_broken_at_spaces() {
        let room = width("share no better", 8.0);
        assert_eq!(wrap("share no better than chance", 8.0, room), ["share no better", "than chance"]);
        assert_eq!(wrap("incomprehensible words", 8.0, 1.0), ["incomprehensible", "words"]);
        assert_eq!(wrap("full\nln J", 8.0, room), ["full", "ln J"]);
        assert_eq!(wrap("a band of 95\u{a0}%", 8.0, 1.0), ["a", "band", "of", "95\u{a0}%"]);
        assert!(wrap("", 8.0, 10.0).is_empty());
    }
}
