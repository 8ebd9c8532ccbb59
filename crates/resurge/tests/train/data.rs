//! A tiny data set in the format of MNIST, which a small network learns in seconds.

use std::path::Path;

/// Writes four files of `train` and `test` images of 28 x 28: class `c` is a bar of two bright columns at `2 + 2 c`, with
/// a speck of its own in each image.
pub(crate) fn write_bars(dir: &Path, train: usize, test: usize) {
    std::fs::create_dir_all(dir).unwrap();
    for (name, count) in [("train", train), ("t10k", test)] {
        let (mut images, mut labels) = (header(0x803, count), header(0x801, count));
        for dimension in [28_u32, 28] {
            images.extend(dimension.to_be_bytes());
        }
        for index in 0..count {
            let class = index % 10;
            labels.push(class as u8);
            images.extend((0..28 * 28).map(|pixel| {
                let column = pixel % 28;
                let bar = column == 2 + 2 * class || column == 3 + 2 * class;
                let speck = pixel == (index * 37) % (28 * 28);
                if bar || speck { 255 } else { 0 }
            }));
        }
        std::fs::write(dir.join(format!("{name}-images-idx3-ubyte")), images).unwrap();
        std::fs::write(dir.join(format!("{name}-labels-idx1-ubyte")), labels).unwrap();
    }
}

fn header(magic: u32, count: usize) -> Vec<u8> {
    [magic.to_be_bytes(), (count as u32).to_be_bytes()].concat()
}
