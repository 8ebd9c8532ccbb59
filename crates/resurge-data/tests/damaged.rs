//! What damaged, hostile or merely foreign files are answered with.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use resurge_data::digits::{MAX_CSV_BYTES, PIXELS};
use resurge_data::{DataError, Digits};

const ORIGINAL: &[u8] = include_bytes!("../data/optdigits.csv.gz");

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("writing to memory");
    encoder.finish().expect("writing to memory")
}

/// A valid line, except that the field in `column` (from 1) is `value`.
fn line_with(column: usize, value: &str) -> String {
    let mut fields = ["0"; PIXELS + 1];
    fields[column - 1] = value;
    fields.join(",")
}

fn message(text: &str) -> String {
    Digits::from_csv(text).expect_err("the text is wrong").to_string()
}

#[test]
fn a_field_out_of_range_is_named_by_line_column_and_value() {
    let good = line_with(1, "0");
    for (column, value, expected) in [
        (1, "17", r#"line 2, column 1: pixel "17" is not"#),
        (64, "256", r#"line 2, column 64: pixel "256" is not"#),
        (30, "99999999999999999999", r#"line 2, column 30: pixel "99999999999999999999" is not"#),
        (30, "-1", r#"pixel "-1" is not"#),
        (30, "+1", r#"pixel "+1" is not"#),
        (30, "1.0", r#"pixel "1.0" is not"#),
        (30, " 1", r#"pixel " 1" is not"#),
        (30, "", r#"line 2, column 30: pixel "" is not"#),
        (30, "\0", r#"line 2, column 30: pixel "\0" is not"#),
        (30, "٣", r#"pixel "٣" is not"#),
        (30, &"x".repeat(1_000_000), r#"pixel "xxxxxxxxxxxxxxxxxxxxxxxx..." is not"#),
        (65, "10", r#"line 2, column 65: label "10" is not"#),
        (65, "16", r#"line 2, column 65: label "16" is not"#),
        (65, "seven", r#"line 2, column 65: label "seven" is not"#),
        (65, "", r#"line 2, column 65: label "" is not"#),
        (65, "7\0", r#"line 2, column 65: label "7\0" is not"#),
    ] {
        let message = message(&format!("{good}\n{}\n", line_with(column, value)));
        assert!(message.contains(expected), "expected {expected:?} in {message:?}");
    }
}

#[test]
fn error_variants_carry_what_the_message_says() {
    let pixel = Digits::from_csv(&line_with(3, "17")).unwrap_err();
    assert!(matches!(pixel, DataError::Pixel { line: 1, column: 3, ref value } if value == "17"));
    let label = Digits::from_csv(&line_with(65, "10")).unwrap_err();
    assert!(matches!(label, DataError::Label { line: 1, ref value } if value == "10"));
    let index = Digits::from_csv(&line_with(65, "9")).unwrap().intensities(&[0, 1]).unwrap_err();
    assert!(matches!(index, DataError::Index { index: 1, len: 1 }));
    assert_eq!(index.to_string(), "there is no image 1: the set holds 1, numbered from 0");
}

#[test]
fn a_wrong_number_of_columns_is_counted() {
    let good = line_with(1, "0");
    for (line, found) in [
        (good[..good.len() - 2].to_owned(), 64),
        (format!("{good},0"), 66),
        (format!("{good},"), 66),
        (good.replace(',', ";"), 1),
        (String::new(), 0),
        ("\0".to_owned(), 1),
    ] {
        let error = Digits::from_csv(&format!("{good}\n{good}\n{line}\n{good}\n")).unwrap_err();
        assert!(matches!(error, DataError::Columns { line: 3, found: f } if f == found), "{line:?}: {error}");
    }
}

#[test]
fn empty_input_is_refused() {
    assert!(matches!(Digits::from_csv(""), Err(DataError::NoDigits)));
    assert!(matches!(Digits::from_csv_gz(&gzip(b"")), Err(DataError::NoDigits)));
    assert!(matches!(Digits::from_csv_gz(b""), Err(DataError::Gzip { .. })));
    assert!(matches!(Digits::from_csv("\n"), Err(DataError::Columns { line: 1, found: 0 })));
}

#[test]
fn line_ends_may_be_lf_crlf_or_missing_at_the_end() {
    let (a, b) = (line_with(65, "3"), line_with(1, "16"));
    let expected = Digits::from_csv(&format!("{a}\n{b}\n")).unwrap();
    assert_eq!(expected.labels(), [3, 0]);
    assert_eq!(expected.image(1).map(|image| image[0]), Some(16));
    for text in [format!("{a}\r\n{b}\r\n"), format!("{a}\n{b}"), format!("{a}\r\n{b}")] {
        assert_eq!(Digits::from_csv(&text).unwrap(), expected);
    }
}

#[test]
fn bytes_that_are_not_text_are_located() {
    let mut csv = format!("{}\n", line_with(1, "0")).into_bytes();
    csv.extend(b"0,0,\xff,0\n");
    let error = Digits::from_csv_gz(&gzip(&csv)).unwrap_err();
    assert!(matches!(error, DataError::NotText { line: 2, byte: 0xff }), "{error}");
    // A multi-byte character cut off by the end of the file.
    let error = Digits::from_csv_gz(&gzip(b"0,\xe2\x82")).unwrap_err();
    assert!(matches!(error, DataError::NotText { line: 1, byte: 0xe2 }), "{error}");
}

#[test]
fn a_truncated_file_is_refused_wherever_it_ends() {
    let ends = (0..64).chain((64..ORIGINAL.len()).step_by(499)).chain(ORIGINAL.len() - 8..ORIGINAL.len());
    for end in ends {
        let result = Digits::from_csv_gz(&ORIGINAL[..end]);
        assert!(matches!(result, Err(DataError::Gzip { .. })), "cut at byte {end}: {result:?}");
    }
}

#[test]
fn a_flipped_bit_never_changes_the_data_unnoticed() {
    let original = Digits::from_csv_gz(ORIGINAL).unwrap();
    let mut refused = 0;
    let positions =
        (0..32).chain((32..ORIGINAL.len()).step_by(1_009)).chain(ORIGINAL.len() - 8..ORIGINAL.len());
    for (position, bit) in positions.flat_map(|position| (0..8).map(move |bit| (position, bit))) {
        let mut bytes = ORIGINAL.to_vec();
        bytes[position] ^= 1 << bit;
        match Digits::from_csv_gz(&bytes) {
            Err(_) => refused += 1,
            // The header has fields that do not touch the data: time, system, file name.
            Ok(digits) => assert!(digits == original && position < 22, "byte {position}, bit {bit}"),
        }
    }
    assert!(refused > 500, "only {refused} flips were noticed");
}

#[test]
fn bytes_after_the_stream_are_refused() {
    let mut bytes = ORIGINAL.to_vec();
    bytes.extend(b"more");
    assert!(matches!(Digits::from_csv_gz(&bytes), Err(DataError::Gzip { .. })));
}

#[test]
fn a_gzip_bomb_is_refused_and_the_limit_itself_is_not() {
    // 64 MiB of zeros in some 64 kB: far above the limit.
    let bomb = gzip(&vec![b'0'; 64 << 20]);
    assert!(bomb.len() < 1 << 20);
    let error = Digits::from_csv_gz(&bomb).unwrap_err();
    assert!(matches!(error, DataError::Oversized { limit: MAX_CSV_BYTES }), "{error}");

    // A bomb of many members is bounded as well.
    let members = gzip(&vec![b'0'; MAX_CSV_BYTES / 2 + 1]).repeat(2);
    assert!(matches!(Digits::from_csv_gz(&members), Err(DataError::Oversized { .. })));

    // Exactly at the limit it is the content that counts, one byte above it is the size.
    let line = line_with(1, "0") + "\n";
    let mut csv = line.repeat(MAX_CSV_BYTES / line.len());
    while csv.len() < MAX_CSV_BYTES {
        csv.push('\n');
    }
    assert!(matches!(Digits::from_csv_gz(&gzip(csv.as_bytes())), Err(DataError::Columns { found: 0, .. })));
    csv.push('\n');
    assert!(matches!(Digits::from_csv_gz(&gzip(csv.as_bytes())), Err(DataError::Oversized { .. })));
}

fn rows() -> impl Strategy<Value = Vec<(Vec<u8>, u8)>> {
    prop::collection::vec((prop::collection::vec(0..=16_u8, PIXELS), 0..10_u8), 1..8)
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(rows in rows()) {
        let mut csv = String::new();
        for (image, label) in &rows {
            for pixel in image {
                csv.push_str(&format!("{pixel},"));
            }
            csv.push_str(&format!("{label}\n"));
        }
        let digits = Digits::from_csv_gz(&gzip(csv.as_bytes())).unwrap();
        prop_assert_eq!(digits.len(), rows.len());
        for (index, (image, label)) in rows.iter().enumerate() {
            prop_assert_eq!(digits.image(index), Some(image.as_slice()));
            prop_assert_eq!(digits.label(index), Some(*label));
        }
    }

    #[test]
    fn arbitrary_bytes_and_text_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..512), text in ".*") {
        prop_assert!(Digits::from_csv_gz(&bytes).is_err());
        prop_assert!(Digits::from_csv_gz(&gzip(&bytes)).is_err());
        prop_assert!(Digits::from_csv(&text).is_err());
    }
}
