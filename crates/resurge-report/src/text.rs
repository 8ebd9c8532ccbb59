//! Text files that people write, in whatever encoding their editor or shell has left them.

use std::io;
use std::path::Path;

/// Reads a text file; a mark of UTF-8 at its beginning is left out.
///
/// ```
/// let directory = tempfile::tempdir()?;
/// let path = directory.path().join("settings.toml");
/// std::fs::write(&path, "\u{feff}steps = 5\n")?;
/// assert_eq!(resurge_report::text::read(&path)?, "steps = 5\n");
/// std::fs::write(&path, b"# gr\xf6\xdfer\n")?;
/// let error = resurge_report::text::read(&path).unwrap_err().to_string();
/// assert!(error.contains("iconv -f ISO-8859-1 -t UTF-8"), "{error}");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn read(path: &Path) -> io::Result<String> {
    let text = decoded(std::fs::read(path)?);
    text.map_err(|problem| io::Error::new(io::ErrorKind::InvalidData, problem))
}

/// The text, or which encoding the bytes seem to have and how to convert them.
fn decoded(bytes: Vec<u8>) -> Result<String, String> {
    let convert = |found: &str, name: &str| {
        format!(
            "{found}, but UTF-8 is read; save it as UTF-8, or convert it: iconv -f {name} -t UTF-8 OLD > NEW"
        )
    };
    // The marks of UTF-32 begin or end as those of UTF-16 do.
    let marks: [(&[u8], &str); 4] = [
        (&[0xff, 0xfe, 0, 0], "UTF-32"),
        (&[0, 0, 0xfe, 0xff], "UTF-32"),
        (&[0xff, 0xfe], "UTF-16"),
        (&[0xfe, 0xff], "UTF-16"),
    ];
    if let Some((_, name)) = marks.iter().find(|(mark, _)| bytes.starts_with(mark)) {
        return Err(convert(&format!("its first bytes are the mark of {name}"), name));
    }
    // Without a mark: every other byte of ASCII in UTF-16 is zero, and no text has such bytes.
    if let Some(zero) = bytes.iter().position(|&byte| byte == 0) {
        return Err(match zero {
            0 => convert("it has zeros between letters, as UTF-16 has", "UTF-16BE"),
            1 => convert("it has zeros between letters, as UTF-16 has", "UTF-16LE"),
            _ => format!("byte {zero} is 0, which no text has; name a text file"),
        });
    }
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let (before, byte) = (&error.as_bytes()[..at], error.as_bytes()[at]);
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        // These are printable in Windows-1252 alone.
        let (language, name) = if (0x80..0xa0).contains(&byte) {
            ("Windows-1252", "WINDOWS-1252")
        } else {
            ("Latin-1", "ISO-8859-1")
        };
        convert(&format!("the byte {byte:#04x} in line {line} is a letter of {language}"), name)
    })?;
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_of_a_text_is_named_with_the_remedy() {
        let text = "# größe\nsteps = 5\n";
        assert_eq!(decoded(text.into()).unwrap(), text);
        assert_eq!(decoded(["\u{feff}", text].concat().into()).unwrap(), text);
        assert_eq!(decoded(Vec::new()).unwrap(), "");
        let wide = |of: fn(u16) -> [u8; 2], mark: bool| -> Vec<u8> {
            let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
            units.flat_map(of).collect()
        };
        let utf32 = |of: fn(u32) -> [u8; 4]| -> Vec<u8> {
            std::iter::once('\u{feff}').chain(text.chars()).flat_map(|c| of(c.into())).collect()
        };
        let latin: Vec<u8> = text.chars().map(|c| u32::from(c) as u8).collect();
        for (bytes, found, remedy) in [
            (wide(u16::to_le_bytes, true), "the mark of UTF-16,", "iconv -f UTF-16 -t UTF-8"),
            (wide(u16::to_be_bytes, true), "the mark of UTF-16,", "iconv -f UTF-16 -t UTF-8"),
            (wide(u16::to_le_bytes, false), "as UTF-16 has", "iconv -f UTF-16LE -t UTF-8"),
            (wide(u16::to_be_bytes, false), "as UTF-16 has", "iconv -f UTF-16BE -t UTF-8"),
            (utf32(u32::to_le_bytes), "the mark of UTF-32,", "iconv -f UTF-32 -t UTF-8"),
            (utf32(u32::to_be_bytes), "the mark of UTF-32,", "iconv -f UTF-32 -t UTF-8"),
            (latin, "the byte 0xf6 in line 1 is a letter of Latin-1", "iconv -f ISO-8859-1 -t UTF-8"),
            (b"a = 1\n# \x80 5\n".into(), "0x80 in line 2 is a letter of Windows-1252", "WINDOWS-1252"),
            (b"steps\0".into(), "byte 5 is 0", "name a text file"),
        ] {
            let error = decoded(bytes).unwrap_err();
            assert!(error.contains(found) && error.contains(remedy), "{error}");
        }
    }
}
