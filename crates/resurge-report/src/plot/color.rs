//! Colours: of series, of maps, and of what a page in dark colours shows in others.

/// Red, green and blue.
pub(super) type Rgb = [u8; 3];

/// Colours that people with any kind of colour vision can tell apart (Okabe and Ito), and what takes their place on a
/// dark page: the two blues are lighter there, the black is white.
const SERIES: [(Rgb, Rgb); 7] = [
    ([0, 114, 178], [86, 180, 233]),
    ([213, 94, 0], [230, 119, 34]),
    ([0, 158, 115], [0, 178, 130]),
    ([204, 121, 167], [214, 140, 180]),
    ([86, 180, 233], [240, 228, 66]),
    ([230, 159, 0], [230, 159, 0]),
    ([0, 0, 0], [255, 255, 255]),
];

/// What a shape is painted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    /// What lies below the figure.
    Paper,
    /// Text, frames and ticks.
    Ink,
    /// Lines of a grid.
    Faint,
    /// The series of this number.
    Series(usize),
    /// This colour, on every page.
    Fixed(Rgb),
}

impl Paint {
    /// Its colours on a light and on a dark page.
    pub(super) fn colors(self) -> (Rgb, Rgb) {
        match self {
            Self::Paper => ([255, 255, 255], [27, 29, 33]),
            Self::Ink => ([26, 26, 26], [224, 224, 224]),
            Self::Faint => ([222, 222, 222], [66, 69, 75]),
            Self::Series(i) => SERIES[i % SERIES.len()],
            Self::Fixed(rgb) => (rgb, rgb),
        }
    }

    /// All that have another colour on a dark page, each with its name.
    pub(super) fn themed() -> impl Iterator<Item = (Self, String)> {
        let series = (0..SERIES.len()).map(Self::Series);
        [Self::Paper, Self::Ink, Self::Faint].into_iter().chain(series).filter_map(|paint| {
            let name = paint.name()?;
            Some((paint, name))
        })
    }

    /// The name under which a style sheet finds it.
    pub(super) fn name(self) -> Option<String> {
        match self {
            Self::Paper => Some("paper".into()),
            Self::Ink => Some("ink".into()),
            Self::Faint => Some("faint".into()),
            Self::Series(i) => Some(format!("s{}", i % SERIES.len())),
            Self::Fixed(_) => None,
        }
    }
}

/// Colours of numbers: stops at equal distances, and in between a mixture of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// From dark blue over green to yellow, ever lighter: five stops of matplotlib's viridis (Smith and van der Walt
    /// 2015), which is uniform to the eye and keeps its order in grey.
    Sequential,
    /// Blue below the middle, white in it, red above: five stops of ColorBrewer's RdBu (Brewer 2002), which people with
    /// any kind of colour vision can tell apart.
    Diverging,
    /// From nearly white to dark red.
    Reds,
}

impl Scale {
    pub(super) const fn stops(self) -> &'static [Rgb] {
        match self {
            Self::Sequential => &[[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]],
            Self::Diverging => {
                &[[33, 102, 172], [146, 197, 222], [247, 247, 247], [244, 165, 130], [178, 24, 43]]
            }
            Self::Reds => &[[255, 245, 215], [140, 10, 20]],
        }
    }

    /// The colour at a share of the way; that of the nearer end beyond it.
    pub(super) fn at(self, share: f64) -> Rgb {
        let stops = self.stops();
        let at = share.clamp(0.0, 1.0) * (stops.len() - 1) as f64;
        let below = (at as usize).min(stops.len() - 2);
        std::array::from_fn(|i| {
            let [from, to] = [stops[below][i], stops[below + 1][i]].map(f64::from);
            (from + (to - from) * (at - below as f64)).round() as u8
        })
    }
}

/// Relative luminance (WCAG 2).
pub(super) fn luminance(rgb: Rgb) -> f64 {
    let linear = |x: u8| match f64::from(x) / 255.0 {
        x if x <= 0.04045 => x / 12.92,
        x => ((x + 0.055) / 1.055).powf(2.4),
    };
    0.2126 * linear(rgb[0]) + 0.7152 * linear(rgb[1]) + 0.0722 * linear(rgb[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contrast(a: Rgb, b: Rgb) -> f64 {
        let [a, b] = [a, b].map(luminance);
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn sequential_colours_keep_their_order_in_grey() {
        let greys = |scale: Scale| (0..=100).map(move |i| luminance(scale.at(f64::from(i) / 100.0)));
        let rising: Vec<f64> = greys(Scale::Sequential).collect();
        assert!(rising.windows(2).all(|pair| pair[1] > pair[0]), "{rising:?}");
        assert!(rising[0] < 0.05 && rising[100] > 0.7);
        let falling: Vec<f64> = greys(Scale::Reds).collect();
        assert!(falling.windows(2).all(|pair| pair[1] < pair[0]), "{falling:?}");
        assert_eq!(Scale::Sequential.at(-3.0), Scale::Sequential.at(0.0));
        assert_eq!(Scale::Sequential.at(7.0), Scale::Sequential.at(1.0));
    }

    #[test]
    fn diverging_colours_are_neutral_in_the_middle_and_darker_to_both_sides() {
        let [red, green, blue] = Scale::Diverging.at(0.5);
        assert!(red == green && green == blue && red > 240);
        for step in 1..=50 {
            for side in [-1.0, 1.0] {
                let at = |steps: i32| luminance(Scale::Diverging.at(0.5 + side * f64::from(steps) / 100.0));
                assert!(at(step) < at(step - 1), "{side} {step}");
            }
        }
        let [low, high] = [0.2, 0.8].map(|share| Scale::Diverging.at(share));
        assert!(low[2] > low[0] && high[0] > high[2], "blue below, red above");
    }

    #[test]
    fn what_is_drawn_stands_out_from_both_pages() {
        let (light, dark) = Paint::Paper.colors();
        // WCAG 2 asks 4.5 of text, and 3 of graphics, which Okabe and Ito's light colours do not reach on white.
        let ink = Paint::Ink.colors();
        assert!(contrast(ink.0, light) > 12.0 && contrast(ink.1, dark) > 12.0);
        for i in 0..SERIES.len() {
            let of = Paint::Series(i).colors();
            assert!(contrast(of.0, light) > 2.0 && contrast(of.1, dark) > 4.5, "series {i}");
        }
        assert_eq!(Paint::themed().count(), 3 + SERIES.len());
    }
}
