//! Pictures as PNG files.

use png::{BitDepth, ColorType, Compression, Encoder};

use super::Image;

/// The content of a file that holds the picture.
pub fn encode(image: &Image) -> Vec<u8> {
    let mut file = vec![];
    let mut encoder = Encoder::new(&mut file, image.width as u32, image.height as u32);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::High);
    let written = encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(image.pixels.as_flattened()));
    written.expect("memory takes all bytes, and there are as many as pixels");
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Python's `struct` and `zlib` write the same pixels, red and blue, but for how they are packed.
    #[test]
    fn two_pixels() {
        let image = Image { width: 2, height: 1, pixels: vec![[255, 0, 0], [0, 0, 255]] };
        let file = encode(&image);
        let header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x01\x08\x02\0\0\0";
        assert!(file.starts_with(header));
        assert_eq!(file[29..33], [0x7b, 0x40, 0xe8, 0xdd], "zlib.crc32 of the header");
        assert!(file.ends_with(b"\0\0\0\0IEND\xae\x42\x60\x82"), "as every PNG file ends");
        let decoder = png::Decoder::new(std::io::Cursor::new(&file));
        let mut pixels = [0; 6];
        decoder.read_info().unwrap().next_frame(&mut pixels).unwrap();
        assert_eq!(pixels, [255, 0, 0, 0, 0, 255]);
    }
}
