//! Writing PNG files (W3C, Portable Network Graphics, third edition): eight bits each of red, green
//! and blue, no filters.

use std::io::Write;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

use super::Image;

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// Eight bits a value; red, green and blue; deflate; filters; not interlaced.
const FORMAT: [u8; 5] = [8, 2, 0, 0, 0];

/// The content of a file that holds the picture.
pub fn encode(image: &Image) -> Vec<u8> {
    let [width, height] = [image.width, image.height].map(|pixels| (pixels as u32).to_be_bytes());
    let mut packed = ZlibEncoder::new(vec![], Compression::best());
    for row in image.pixels.chunks(image.width) {
        // Each row says first how it is filtered.
        let bytes = [&[0], row.as_flattened()].concat();
        packed.write_all(&bytes).expect("memory takes all bytes");
    }
    let packed = packed.finish().expect("memory takes all bytes");
    let mut file = SIGNATURE.to_vec();
    file.extend(chunk(*b"IHDR", &[&width[..], &height, &FORMAT].concat()));
    file.extend(chunk(*b"IDAT", &packed));
    file.extend(chunk(*b"IEND", &[]));
    file
}

fn chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut checksum = Crc::new();
    checksum.update(&kind);
    checksum.update(data);
    let length = (data.len() as u32).to_be_bytes();
    [&length[..], &kind, data, &checksum.sum().to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::ZlibDecoder;

    use super::*;

    /// Beside what Python's `struct` and `zlib` make of the same pixels, red and blue.
    #[test]
    fn two_pixels() {
        let image = Image { width: 2, height: 1, pixels: vec![[255, 0, 0], [0, 0, 255]] };
        let file = encode(&image);
        let end = b"\0\0\0\0IEND\xae\x42\x60\x82";
        assert!(
            file.starts_with(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x01\x08\x02\0\0\0")
        );
        assert_eq!(file[29..33], [0x7b, 0x40, 0xe8, 0xdd], "zlib.crc32 of the header");
        assert!(file.ends_with(end), "as every PNG file ends");
        let data = &file[33..file.len() - end.len()];
        let (length, data) = (u32::from_be_bytes(data[..4].try_into().unwrap()), &data[4..]);
        assert_eq!((&data[..4], length as usize), (&b"IDAT"[..], data.len() - 8));
        let mut rows = vec![];
        ZlibDecoder::new(&data[4..data.len() - 4]).read_to_end(&mut rows).unwrap();
        assert_eq!(rows, [0, 255, 0, 0, 0, 0, 255]);
    }
}
