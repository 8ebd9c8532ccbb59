//! Bars with intervals, and strips of spikes.

use super::axis::{Axis, Kind, label};
use super::color::Paint;
use super::font;
use super::scene::{Anchor, LETTERS, PAGE, Scene, Stroke, TITLE};
use super::{Picture, PlotError, failed};

/// Named groups of bars, each bar with its name, value and interval.
///
/// ```
/// use resurge_report::plot::{Groups, bars};
///
/// let groups: Groups = vec![("toy".into(), vec![("full".into(), [0.5, 0.4, 0.7])])];
/// assert!(bars(&[("Loss".into(), groups)])?.svg().contains("0.50 (0.40 to 0.70)"));
/// # Ok::<(), resurge_report::plot::PlotError>(())
/// ```
pub type Groups = Vec<(String, Vec<(String, [f64; 3])>)>;

/// Marks on a strip.
///
/// ```
/// use resurge_report::plot::{Strips, strips};
///
/// let spikes = Strips { name: "full".into(), marks: vec![1, 4] };
/// let picture = strips("Spikes", &[("seed 1".into(), vec![spikes])], 5);
/// assert!(picture.svg().contains("seed 1"));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Strips {
    /// Its name.
    pub name: String,
    /// Where the marks are.
    pub marks: Vec<usize>,
}

const LEFT: f64 = 8.0;
const ROW: f64 = 11.0;

/// Horizontal bars with intervals, in titled sections of groups, all to the same scale from 0.
///
/// # Errors
/// [`PlotError`] when there is no bar of a positive length.
///
/// ```
/// use resurge_report::plot::bars;
///
/// let group = |length| vec![("toy".to_owned(), vec![("full".to_owned(), [length; 3])])];
/// assert!(bars(&[("Loss".into(), group(0.5))])?.svg().contains("full"));
/// assert!(bars(&[("Loss".into(), group(0.0))]).is_err());
/// # Ok::<(), resurge_report::plot::PlotError>(())
/// ```
pub fn bars(sections: &[(String, Groups)]) -> Result<Picture, PlotError> {
    let all = || sections.iter().flat_map(|s| &s.1).flat_map(|group| &group.1);
    let longest = all().flat_map(|bar| bar.1).filter(|x| x.is_finite()).fold(0.0, f64::max);
    if longest <= 0.0 {
        return Err(failed("no bar has a length"));
    }
    let axis = Axis { range: 0.0..longest, kind: Kind::Linear };
    let figures = |[value, low, high]: [f64; 3]| format!("{value:.2} ({low:.2} to {high:.2})");
    let widest = |texts: &mut dyn Iterator<Item = String>| {
        texts.map(|text| font::width(&text, LETTERS)).fold(0.0, f64::max)
    };
    let groups = sections.iter().flat_map(|section| &section.1).map(|group| group.0.clone());
    let names = widest(&mut all().map(|bar| bar.0.clone())) + 12.0;
    let start = LEFT + names.max(widest(&mut { groups })) + 6.0;
    let room = PAGE - start - widest(&mut all().map(|bar| figures(bar.1))) - 10.0;
    let at = |value: f64| start + axis.share(value).unwrap_or(0.0) * room;
    let names = sections.iter().map(|section| section.0.as_str()).collect::<Vec<_>>();
    let mut scene = Scene::new(PAGE, names.join("; "));
    for (name, groups) in sections {
        let title = scene.height + 8.0;
        let top = scene.paragraph(name, (LEFT, title), TITLE, PAGE - 2.0 * LEFT, Anchor::Start) + 2.0;
        let rows: usize = groups.iter().map(|group| group.1.len() + 1).sum();
        let bottom = top + ROW * rows as f64 + 2.0;
        for tick in axis.ticks() {
            scene.line([(at(tick), top), (at(tick), bottom)], Stroke::new(Paint::Faint, 0.5));
            scene.text(label(&tick), (at(tick), bottom + LETTERS + 1.0), Anchor::Middle);
        }
        let mut y = top;
        for (group, bars) in groups {
            scene.label(group, (LEFT, y + ROW / 2.0), Anchor::Start);
            y += ROW;
            for (i, (name, bar)) in bars.iter().enumerate() {
                let [value, low, high] = bar.map(at);
                let middle = y + ROW / 2.0;
                scene.label(name, (LEFT + 12.0, middle), Anchor::Start);
                let outline =
                    [(start, y + 1.5), (value, y + 1.5), (value, y + ROW - 1.5), (start, y + ROW - 1.5)];
                scene.area(outline.to_vec(), Paint::Series(i), 0.6);
                let ink = Stroke::new(Paint::Ink, 1.0);
                scene.line([(low, middle), (high, middle)], ink);
                for end in [low, high] {
                    scene.line([(end, middle - 2.0), (end, middle + 2.0)], ink);
                }
                scene.label(figures(*bar), (value.max(high) + 5.0, middle), Anchor::Start);
                y += ROW;
            }
        }
        scene.line([(start, top), (start, bottom)], Stroke::new(Paint::Ink, 0.6));
        scene.height = bottom + LETTERS + 6.0;
    }
    scene.height += 4.0;
    Ok(Picture(scene))
}

/// Strips of marks at steps `0..steps`, in groups, above an axis of the steps. The first two strips of a group are what
/// is to be reached and what there was; the others have the colours of lines.
///
/// ```
/// use resurge_report::plot::{Strips, strips};
///
/// let strip = |name: &str, marks| Strips { name: name.into(), marks };
/// let group = vec![strip("wanted", vec![2]), strip("there", vec![2, 3]), strip("full", vec![3])];
/// let svg = strips("Spikes", &[("seed 1".into(), group)], 5).svg();
/// assert!(["Spikes", "wanted", "there", "full", "step"].iter().all(|text| svg.contains(text)));
/// ```
pub fn strips(title: &str, groups: &[(String, Vec<Strips>)], steps: usize) -> Picture {
    const STRIP: f64 = 10.0;
    let widest = |texts: &mut dyn Iterator<Item = &str>| {
        texts.map(|text| font::width(text, LETTERS)).fold(0.0, f64::max)
    };
    let names = LEFT + widest(&mut groups.iter().map(|group| group.0.as_str())) + 8.0;
    let of_strips = &mut groups.iter().flat_map(|group| &group.1).map(|strip| strip.name.as_str());
    let start = names + widest(of_strips) + 6.0;
    let end = PAGE - 12.0;
    let axis = Axis { range: -0.5..steps.max(1) as f64 - 0.5, kind: Kind::Whole };
    let at = |step: f64| start + axis.share(step).unwrap_or(0.0) * (end - start);
    let mut scene = Scene::new(PAGE, title);
    let mut y = scene.paragraph(title, (LEFT, 8.0), TITLE, PAGE - 2.0 * LEFT, Anchor::Start) + 4.0;
    for (group, strips) in groups {
        scene.label(group, (LEFT, y + STRIP / 2.0), Anchor::Start);
        for (i, strip) in strips.iter().enumerate() {
            let paint = i.checked_sub(2).map_or(Paint::Ink, Paint::Series);
            scene.label(&strip.name, (names, y + STRIP / 2.0), Anchor::Start);
            let foot = y + STRIP - 1.5;
            scene.line([(start, foot), (end, foot)], Stroke::new(Paint::Faint, 0.5));
            for &step in strip.marks.iter().filter(|&&step| step < steps) {
                let x = at(step as f64);
                scene.line([(x, y + 1.0), (x, foot)], Stroke::new(paint, 1.4));
            }
            y += STRIP;
        }
        y += 6.0;
    }
    scene.line([(start, y), (end, y)], Stroke::new(Paint::Ink, 0.6));
    for tick in axis.ticks() {
        scene.line([(at(tick), y), (at(tick), y + 2.0)], Stroke::new(Paint::Ink, 0.6));
        scene.text(label(&tick), (at(tick), y + 3.0 + LETTERS), Anchor::Middle);
    }
    scene.text("step", ((start + end) / 2.0, y + 5.0 + 2.0 * LETTERS), Anchor::Middle);
    scene.height = y + 2.0 * LETTERS + 11.0;
    Picture(scene)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::scene::Item;
    use crate::plot::tests::within;

    fn group(length: f64) -> Groups {
        vec![("group".to_owned(), vec![("bar".to_owned(), [length, 0.0, length * 2.0])])]
    }

    #[test]
    fn bars_name_what_they_show() {
        let picture = bars(&[("section".into(), group(1.5))]).unwrap();
        let svg = picture.svg();
        for text in ["section", "group", "bar", "1.50 (0.00 to 3.00)"] {
            assert!(svg.contains(&format!(">{text}<")), "{text}");
        }
        within(&picture.0);
        assert!(bars(&[("section".into(), group(0.0))]).unwrap_err().to_string().contains("no bar"));
    }

    #[test]
    fn strips_have_a_mark_for_each_step_and_an_axis_of_whole_numbers() {
        let drawn = |marks: &[usize]| {
            let strip = Strips { name: "s".into(), marks: marks.to_vec() };
            strips("title", &[("seed".to_owned(), vec![strip])], 10)
        };
        let marks = |picture: &Picture| {
            let line = |item: &&Item| matches!(item, Item::Line { .. });
            picture.0.items.iter().filter(line).count()
        };
        let [none, some] = [&[][..], &[1, 7, 99][..]].map(drawn);
        assert_eq!(marks(&some) - marks(&none), 2);
        assert!([">title<", ">seed<", ">s<", ">step<", ">9<"].iter().all(|text| some.svg().contains(text)));
        within(&some.0);
    }
}
