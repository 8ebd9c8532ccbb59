//! A figure as SVG: colours of a light page, and a style sheet that gives it those of a dark one.

use super::color::{Paint, Rgb};
use super::scene::{Anchor, Item, Scene, Stroke};
use std::fmt::Write;

/// DejaVu Sans is what the PNG has, and wider than what a machine may have in its place: nothing then overlaps.
const FAMILY: &str = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif";

/// The figure. Its size is that of its print.
pub(super) fn write(scene: &Scene) -> String {
    let mut svg = String::new();
    let (width, height) = (number(scene.width), number(scene.height));
    let description = escape(&scene.description);
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}pt\" height=\"{height}pt\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"{FAMILY}\">\n<title>{description}</title>"
    );
    let _ = writeln!(svg, "<style>@media (prefers-color-scheme: dark) {{{}}}</style>", dark());
    svg.push_str(&item(&Item::Rectangle {
        corner: (0.0, 0.0),
        size: (scene.width, scene.height),
        paint: Paint::Paper,
        opacity: 1.0,
    }));
    scene.items.iter().for_each(|of| svg.push_str(&item(of)));
    svg.push_str("</svg>\n");
    svg
}

fn dark() -> String {
    let rule = |(paint, name): (Paint, String)| {
        let color = hex(paint.colors().1);
        format!(".rs-f-{name}{{fill:{color}}}.rs-l-{name}{{stroke:{color}}}")
    };
    Paint::themed().map(rule).collect()
}

fn item(item: &Item) -> String {
    match item {
        Item::Rectangle { corner, size, paint, opacity } => format!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" shape-rendering=\"crispEdges\"{}{}/>\n",
            number(corner.0),
            number(corner.1),
            number(size.0),
            number(size.1),
            fill(*paint),
            opaque(*opacity)
        ),
        Item::Gradient { corner, size, stops } => gradient(*corner, *size, stops),
        Item::Line { points, stroke } => {
            format!("<polyline points=\"{}\" fill=\"none\"{}/>\n", list(points), line(*stroke))
        }
        Item::Area { points, paint, opacity } => {
            format!("<polygon points=\"{}\"{}{}/>\n", list(points), fill(*paint), opaque(*opacity))
        }
        Item::Circle { centre, radius, paint } => format!(
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\"{}/>\n",
            number(centre.0),
            number(centre.1),
            number(*radius),
            fill(*paint)
        ),
        Item::Text { text, at, size, anchor, paint, upright } => {
            let (x, y) = (number(at.0), number(at.1));
            let anchor = match anchor {
                Anchor::Start => "",
                Anchor::Middle => " text-anchor=\"middle\"",
                Anchor::End => " text-anchor=\"end\"",
            };
            let turned = match upright {
                true => format!(" transform=\"rotate(-90 {x} {y})\""),
                false => String::new(),
            };
            let (size, fill, text) = (number(*size), fill(*paint), escape(text));
            format!("<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\"{anchor}{turned}{fill}>{text}</text>\n")
        }
    }
}

/// One rectangle. The name of its colours is that of its place and stops, since a page may hold several figures.
fn gradient(corner: (f64, f64), size: (f64, f64), stops: &[Rgb]) -> String {
    let name = format!("rs-g-{}-{}", stops.len(), hex(stops[0]).trim_start_matches('#'));
    let last = (stops.len() - 1).max(1);
    let stop = |(i, rgb): (usize, &Rgb)| {
        format!("<stop offset=\"{}\" stop-color=\"{}\"/>", number(i as f64 / last as f64), hex(*rgb))
    };
    let stops: String = stops.iter().enumerate().map(stop).collect();
    format!(
        "<linearGradient id=\"{name}\">{stops}</linearGradient>\n<rect x=\"{}\" y=\"{}\" width=\"{}\" \
         height=\"{}\" fill=\"url(#{name})\"/>\n",
        number(corner.0),
        number(corner.1),
        number(size.0),
        number(size.1)
    )
}

fn fill(paint: Paint) -> String {
    let class = paint.name().map_or(String::new(), |name| format!(" class=\"rs-f-{name}\""));
    format!(" fill=\"{}\"{class}", hex(paint.colors().0))
}

fn line(stroke: Stroke) -> String {
    let class = stroke.paint.name().map_or(String::new(), |name| format!(" class=\"rs-l-{name}\""));
    let dashes = match stroke.dashes {
        [] => String::new(),
        dashes => {
            let dashes: Vec<String> = dashes.iter().map(|&dash| number(dash)).collect();
            format!(" stroke-dasharray=\"{}\"", dashes.join(" "))
        }
    };
    let (color, width) = (hex(stroke.paint.colors().0), number(stroke.width));
    format!(" stroke=\"{color}\" stroke-width=\"{width}\"{dashes}{class}")
}

fn opaque(opacity: f64) -> String {
    if opacity < 1.0 { format!(" fill-opacity=\"{}\"", number(opacity)) } else { String::new() }
}

fn list(points: &[(f64, f64)]) -> String {
    points.iter().map(|(x, y)| format!("{},{}", number(*x), number(*y))).collect::<Vec<_>>().join(" ")
}

/// Two decimals: 1/7200 of an inch.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    match text.trim_end_matches('0').trim_end_matches('.') {
        "-0" => "0".into(),
        text => text.into(),
    }
}

fn hex([r, g, b]: Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::color::Scale;

    #[test]
    fn a_figure_is_opaque_and_has_the_colours_of_a_dark_page_too() {
        let mut scene = Scene::new(100.0, "a < b & \"c\"");
        scene.height = 50.0;
        scene.text("1 < 2", (1.0, 2.0), Anchor::End);
        let svg = write(&scene);
        assert!(svg.contains("width=\"100pt\" height=\"50pt\" viewBox=\"0 0 100 50\""), "{svg}");
        assert!(svg.contains("<title>a &lt; b &amp; &quot;c&quot;</title>"), "{svg}");
        assert!(svg.contains("<rect x=\"0\" y=\"0\" width=\"100\" height=\"50\""), "a background");
        assert!(svg.contains("prefers-color-scheme: dark") && svg.contains(".rs-f-ink{fill:#e0e0e0}"));
        assert!(svg.contains("text-anchor=\"end\" fill=\"#1a1a1a\" class=\"rs-f-ink\">1 &lt; 2</text>"));
    }

    #[test]
    fn a_bar_of_colours_is_one_rectangle() {
        let mut scene = Scene::new(100.0, "");
        let stops = Scale::Diverging.stops();
        scene.items.push(Item::Gradient { corner: (1.0, 2.0), size: (50.0, 8.0), stops });
        let svg = write(&scene);
        assert_eq!((svg.matches("<rect").count(), svg.matches("<stop ").count()), (2, stops.len()));
        assert!(svg.contains("offset=\"0.5\" stop-color=\"#f7f7f7\""), "{svg}");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([1.0, 0.126, -0.001, 100.0, 0.5].map(number), ["1", "0.13", "0", "100", "0.5"]);
    }
}
