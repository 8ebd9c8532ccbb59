//! Formats of pictures, and which one a name asks for.

use super::PlotError;
use std::path::Path;

/// A format of pictures.
///
/// ```
/// use resurge_report::plot::Format;
///
/// assert_eq!(Format::of("errors.PNG".as_ref())?, Format::Png);
/// let error = Format::of("errors.pdf".as_ref()).unwrap_err().to_string();
/// assert!(error.contains("errors.pdf") && error.ends_with("end the name in .svg or .png"));
/// # Ok::<(), resurge_report::plot::PlotError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Shapes and texts: Scalable Vector Graphics.
    Svg,
    /// Pixels: Portable Network Graphics.
    Png,
}

impl Format {
    /// The format that a name asks for by its ending, whatever the case of its letters; SVG where it has none, as that of
    /// a pipe or a device.
    ///
    /// # Errors
    /// [`PlotError::Format`] for an ending of something else.
    ///
    /// ```
    /// use resurge_report::plot::{Format, PlotError};
    ///
    /// assert_eq!(Format::of("/dev/stdout".as_ref())?, Format::Svg);
    /// assert!(matches!(Format::of("errors.jpg".as_ref()), Err(PlotError::Format { .. })));
    /// # Ok::<(), PlotError>(())
    /// ```
    pub fn of(path: &Path) -> Result<Self, PlotError> {
        let Some(ending) = path.extension() else { return Ok(Self::Svg) };
        match ending.to_ascii_lowercase().to_str() {
            Some("svg") => Ok(Self::Svg),
            Some("png") => Ok(Self::Png),
            _ => {
                let ending = ending.to_string_lossy().into_owned();
                Err(PlotError::Format { path: path.to_owned(), ending })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_of_a_name_decides_and_another_is_named() {
        let of = |name: &str| Format::of(name.as_ref());
        for (name, expected) in [
            ("a.svg", Format::Svg),
            ("a.b/c.Png", Format::Png),
            ("/dev/stdout", Format::Svg),
            ("a.b/c", Format::Svg),
            (".svg", Format::Svg),
        ] {
            assert_eq!(of(name).unwrap(), expected, "{name}");
        }
        for (name, ending) in [("a.pdf", "pdf"), ("a.svg.gz", "gz"), ("a.", ""), ("b.svgz", "svgz")] {
            let error = of(name).unwrap_err();
            assert!(matches!(&error, PlotError::Format { ending: found, .. } if found == ending), "{name}");
            assert!(error.to_string().contains(name) && error.to_string().contains(".svg or .png"));
        }
    }
}
