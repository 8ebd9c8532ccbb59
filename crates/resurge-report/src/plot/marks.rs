//! What tells the lines of a chart apart besides their colours: dashes, and markers.

use super::color::Paint;
use super::scene::{At, Item, Scene, Stroke};

const DASHES: [&[f64]; 6] =
    [&[], &[5.0, 1.8], &[1.6, 1.4], &[6.0, 1.6, 1.6, 1.6], &[3.0, 1.4], &[8.0, 1.6, 1.6, 1.6, 1.6, 1.6]];

/// About so many markers are on a line.
const MARKS: usize = 7;

/// How the line of this number is drawn.
pub(super) fn stroke(number: usize) -> Stroke {
    Stroke { paint: Paint::Series(number), width: 1.3, dashes: DASHES[number % DASHES.len()] }
}

/// How a line is drawn that shows where the line of this number should be.
pub(super) fn guide(number: usize) -> Stroke {
    Stroke { paint: Paint::Series(number), width: 0.6, dashes: &[1.0, 1.0] }
}

/// Markers on some of the points of a line: each line begins at another, so that those of equal lines are all seen.
pub(super) fn along(scene: &mut Scene, number: usize, points: &[At]) {
    let every = points.len().div_ceil(MARKS).max(1);
    let first = if every > 1 { number * every.div_ceil(4) % every } else { 0 };
    for &at in points.iter().skip(first).step_by(every) {
        mark(scene, number, at);
    }
}

/// The marker of the line of this number.
pub(super) fn mark(scene: &mut Scene, number: usize, at: At) {
    const R: f64 = 2.0;
    let paint = Paint::Series(number);
    let shape: &[At] = match number % 6 {
        0 => {
            scene.items.push(Item::Circle { centre: at, radius: R, paint });
            return;
        }
        1 => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
        2 => &[(0.0, -1.2), (1.1, 0.8), (-1.1, 0.8)],
        3 => &[(0.0, -1.4), (1.1, 0.0), (0.0, 1.4), (-1.1, 0.0)],
        4 => &[(0.0, 1.2), (1.1, -0.8), (-1.1, -0.8)],
        _ => &[(-1.4, -0.5), (1.4, -0.5), (1.4, 0.5), (-1.4, 0.5)],
    };
    scene.area(shape.iter().map(|(x, y)| (at.0 + R * x, at.1 + R * y)).collect(), paint, 1.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_differ_in_more_than_their_colour() {
        let drawn = |number: usize| {
            let mut scene = Scene::new(1.0, "");
            mark(&mut scene, number, (0.0, 0.0));
            let shape = match scene.items.pop() {
                Some(Item::Area { points, .. }) => points,
                _ => Vec::new(),
            };
            (shape, stroke(number).dashes)
        };
        for a in 0..6 {
            for b in 0..a {
                let (a, b) = (drawn(a), drawn(b));
                assert!(a.0 != b.0 && a.1 != b.1, "{a:?} {b:?}");
            }
        }
        // And those that share dashes have other colours.
        let looks = |number| (stroke(number).paint.colors(), stroke(number).dashes);
        for a in 0..42 {
            assert!((0..a).all(|b| looks(a) != looks(b)), "{a}");
        }
    }

    #[test]
    fn a_line_has_a_few_markers_wherever_it_has_points() {
        for n in 1..200 {
            for number in 0..6 {
                let mut scene = Scene::new(1.0, "");
                along(&mut scene, number, &vec![(0.0, 0.0); n]);
                assert!((1..=MARKS).contains(&scene.items.len()), "{n} points, line {number}");
            }
        }
    }
}
