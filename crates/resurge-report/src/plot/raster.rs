//! A figure as PNG: the shapes of the SVG painted in the colours of a light page.

use super::color::{Paint, Rgb};
use super::font::{self, Step};
use super::scene::{Anchor, At, Item, Scene};
use super::{PlotError, failed};
use tiny_skia::{
    Color, FillRule, GradientStop, LinearGradient, Paint as Brush, Path, PathBuilder, Pixmap, PixmapMut,
    Point, Rect, Shader, SpreadMode, Stroke as Pen, StrokeDash, Transform,
};

/// What journals ask of pictures in colour, at the size of print.
const DOTS_PER_INCH: f64 = 300.0;

/// No side has more pixels: a longer figure has fewer to the inch.
const MOST: f64 = 16_384.0;

/// The figure as the bytes of a PNG file.
///
/// # Errors
/// [`PlotError`] when there is no memory for it or nothing in it.
pub(super) fn png(scene: &Scene) -> Result<Vec<u8>, PlotError> {
    let dots = DOTS_PER_INCH.min(72.0 * MOST / scene.width.max(scene.height));
    let scale = dots / 72.0;
    let pixels = |points: f64| (points * scale).round() as u32;
    let (width, height) = (pixels(scene.width), pixels(scene.height));
    let mut picture = Pixmap::new(width, height)
        .ok_or_else(|| failed(format!("there is no picture of {width} x {height} pixels")))?;
    picture.fill(solid(Paint::Paper.colors().0, 1.0));
    let mut painter =
        Painter { on: picture.as_mut(), place: Transform::from_scale(scale as f32, scale as f32) };
    for item in &scene.items {
        painter.draw(item)?;
    }
    encode(&picture, dots).map_err(failed)
}

/// Opaque pixels as red, green and blue, with the size of the print.
fn encode(picture: &Pixmap, dots: f64) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, picture.width(), picture.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let per_metre = (dots / 0.0254).round() as u32;
    encoder.set_pixel_dims(Some(png::PixelDimensions {
        xppu: per_metre,
        yppu: per_metre,
        unit: png::Unit::Meter,
    }));
    let rgb: Vec<u8> = picture.data().chunks_exact(4).flat_map(|pixel| &pixel[..3]).copied().collect();
    encoder.write_header()?.write_image_data(&rgb)?;
    Ok(bytes)
}

fn solid([r, g, b]: Rgb, opacity: f64) -> Color {
    Color::from_rgba8(r, g, b, (opacity * 255.0).round() as u8)
}

fn brush(paint: Paint, opacity: f64) -> Brush<'static> {
    let shader = Shader::SolidColor(solid(paint.colors().0, opacity));
    Brush { shader, anti_alias: true, ..Brush::default() }
}

fn path(points: &[At], closed: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (i, &(x, y)) in points.iter().enumerate() {
        if i == 0 { path.move_to(x as f32, y as f32) } else { path.line_to(x as f32, y as f32) }
    }
    if closed {
        path.close();
    }
    path.finish()
}

fn rectangle(corner: At, size: At) -> Option<Rect> {
    Rect::from_xywh(corner.0 as f32, corner.1 as f32, size.0 as f32, size.1 as f32)
}

struct Painter<'a> {
    on: PixmapMut<'a>,
    place: Transform,
}

impl Painter<'_> {
    /// Draws an item. What has no extent leaves no mark.
    fn draw(&mut self, item: &Item) -> Result<(), PlotError> {
        match item {
            Item::Rectangle { corner, size, paint, opacity } => {
                if let Some(rectangle) = rectangle(*corner, *size) {
                    // Neighbours share a border: neither must leave a light line there.
                    let brush = Brush { anti_alias: false, ..brush(*paint, *opacity) };
                    self.on.fill_rect(rectangle, &brush, self.place, None);
                }
            }
            Item::Gradient { corner, size, stops } => self.gradient(*corner, *size, stops),
            Item::Line { points, stroke } => {
                if let Some(path) = path(points, false) {
                    let dashes: Vec<f32> = stroke.dashes.iter().map(|&dash| dash as f32).collect();
                    let dash = StrokeDash::new(dashes, 0.0);
                    let pen = Pen { width: stroke.width as f32, dash, ..Pen::default() };
                    self.on.stroke_path(&path, &brush(stroke.paint, 1.0), &pen, self.place, None);
                }
            }
            Item::Area { points, paint, opacity } => {
                self.fill(path(points, true), brush(*paint, *opacity), self.place)
            }
            Item::Circle { centre, radius, paint } => {
                let circle = PathBuilder::from_circle(centre.0 as f32, centre.1 as f32, *radius as f32);
                self.fill(circle, brush(*paint, 1.0), self.place);
            }
            Item::Text { text, at, size, anchor, paint, upright } => {
                let mut path = PathBuilder::new();
                font::outline(text, |step| match step {
                    Step::Move([x, y]) => path.move_to(x, y),
                    Step::Line([x, y]) => path.line_to(x, y),
                    Step::Quadratic([x1, y1, x, y]) => path.quad_to(x1, y1, x, y),
                    Step::Cubic([x1, y1, x2, y2, x, y]) => path.cubic_to(x1, y1, x2, y2, x, y),
                    Step::Close => path.close(),
                })?;
                let back = match anchor {
                    Anchor::Start => 0.0,
                    Anchor::Middle => 0.5,
                    Anchor::End => 1.0,
                } * font::width(text, 1.0);
                let place = self.place.pre_translate(at.0 as f32, at.1 as f32);
                let place = if *upright { place.pre_rotate(-90.0) } else { place };
                let place = place.pre_scale(*size as f32, -*size as f32).pre_translate(-back as f32, 0.0);
                self.fill(path.finish(), brush(*paint, 1.0), place);
            }
        }
        Ok(())
    }

    fn fill(&mut self, path: Option<Path>, brush: Brush<'_>, place: Transform) {
        if let Some(path) = path {
            self.on.fill_path(&path, &brush, FillRule::Winding, place, None);
        }
    }

    fn gradient(&mut self, corner: At, size: At, stops: &[Rgb]) {
        let last = (stops.len() - 1).max(1) as f32;
        let stop = |(i, rgb): (usize, &Rgb)| GradientStop::new(i as f32 / last, solid(*rgb, 1.0));
        let stops = stops.iter().enumerate().map(stop).collect();
        let ends = [corner.0, corner.0 + size.0].map(|x| Point::from_xy(x as f32, corner.1 as f32));
        let shader = LinearGradient::new(ends[0], ends[1], stops, SpreadMode::Pad, Transform::identity());
        if let (Some(shader), Some(rectangle)) = (shader, rectangle(corner, size)) {
            self.on.fill_rect(rectangle, &Brush { shader, ..Brush::default() }, self.place, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::color::Scale;
    use crate::plot::scene::Stroke;

    /// The picture's width, height and pixels, and how many of them there are to the metre.
    fn decoded(scene: &Scene) -> (u32, u32, Vec<u8>, u32) {
        let bytes = png(scene).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let info = reader.info();
        (info.width, info.height, pixels, info.pixel_dims.unwrap().xppu)
    }

    fn scene(items: Vec<Item>) -> Scene {
        Scene { width: 72.0, height: 36.0, description: String::new(), items }
    }

    #[test]
    fn each_shape_is_painted_where_it_is() {
        let red = Paint::Fixed([255, 0, 0]);
        let square = vec![(40.0, 10.0), (50.0, 10.0), (50.0, 20.0), (40.0, 20.0)];
        let stroke = Stroke::new(Paint::Fixed([0, 0, 0]), 2.0);
        let text = |upright, at| Item::Text {
            text: "I".into(),
            at,
            size: 20.0,
            anchor: Anchor::Middle,
            paint: red,
            upright,
        };
        let cases = [
            (
                Item::Rectangle { corner: (10.0, 10.0), size: (10.0, 10.0), paint: red, opacity: 1.0 },
                (15, 15),
                [255, 0, 0],
            ),
            (Item::Area { points: square, paint: red, opacity: 0.5 }, (45, 15), [255, 127, 127]),
            (Item::Circle { centre: (30.0, 18.0), radius: 3.0, paint: red }, (30, 18), [255, 0, 0]),
            (Item::Line { points: vec![(0.0, 18.0), (72.0, 18.0)], stroke }, (36, 18), [0, 0, 0]),
            (text(false, (36.0, 30.0)), (36, 22), [255, 0, 0]),
            (text(true, (36.0, 18.0)), (29, 18), [255, 0, 0]),
        ];
        for (item, (x, y), expected) in cases {
            let (width, height, pixels, per_metre) = decoded(&scene(vec![item.clone()]));
            assert_eq!((width, height, per_metre), (300, 150, 11811));
            // The middle of the point that starts there: 300 / 72 pixels.
            let pixel = |x: f64, y: f64| {
                let at = |v: f64| (v * 300.0 / 72.0).round() as usize;
                let from = 3 * (at(y) * width as usize + at(x));
                [pixels[from], pixels[from + 1], pixels[from + 2]]
            };
            let found = pixel(f64::from(x), f64::from(y));
            let near = found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 1);
            assert!(near, "{item:?}: {found:?}");
            assert_eq!(pixel(1.0, 1.0), [255, 255, 255], "{item:?}");
        }
    }

    #[test]
    fn a_bar_of_colours_goes_from_the_first_to_the_last() {
        let stops = Scale::Sequential.stops();
        let bar = Item::Gradient { corner: (0.0, 0.0), size: (72.0, 36.0), stops };
        let (width, _, pixels, _) = decoded(&scene(vec![bar]));
        for x in 0..width as usize {
            let expected = Scale::Sequential.at((x as f64 + 0.5) / f64::from(width));
            let found = &pixels[3 * x..3 * x + 3];
            assert!(found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 3), "{x}: {found:?}");
        }
    }

    #[test]
    fn a_long_figure_has_fewer_pixels_to_the_inch_and_an_empty_one_is_an_error() {
        let mut long = scene(Vec::new());
        long.height = 72_000.0;
        let (width, height, _, per_metre) = decoded(&long);
        assert_eq!((width, height), (16, 16_384));
        assert!(per_metre < 700, "{per_metre}");
        long.width = 0.0;
        assert!(png(&long).unwrap_err().to_string().contains("pixels"));
    }
}
