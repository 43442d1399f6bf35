//! A look at pictures: the first samples of each class side by side.

pub mod png;

use autotinyml_nn::{Dataset, Shape};

/// Sheets stay small enough for any viewer.
const SAMPLE_PIXELS_MAX: usize = 512;

/// Samples are enlarged to about so many pixels.
const SHOWN_PIXELS: usize = 96;

/// Between samples, in pixels.
const GAP: usize = 4;

/// A picture in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Row by row: red, green, blue.
    pub pixels: Vec<[u8; 3]>,
}

/// A row for each class, with its first samples, up to `columns` of them. The data's least value is
/// black, its greatest white. `None`: these are no pictures (1 or 3 channels), or large ones.
pub fn contact_sheet(data: &Dataset, columns: usize) -> Option<Image> {
    let Shape { height, width, channels } = data.shape;
    let longer = height.max(width);
    if !matches!(channels, 1 | 3) || longer > SAMPLE_PIXELS_MAX {
        return None;
    }
    let scale = SHOWN_PIXELS.div_ceil(longer);
    let shown = [height, width].map(|pixels| pixels * scale);
    let [down, right] = shown.map(|pixels| pixels + GAP);
    let size = [data.classes.len() * down - GAP, columns * right - GAP];
    let mut sheet =
        Image { width: size[1], height: size[0], pixels: vec![[255; 3]; size[0] * size[1]] };
    let [least, greatest] = data
        .inputs
        .iter()
        .fold([f32::MAX, f32::MIN], |[least, most], &value| [least.min(value), most.max(value)]);
    let grey = |value: f32| (255.0 * (value - least) / (greatest - least)).round() as u8;
    let mut shown_of = vec![0; data.classes.len()];
    for (sample, &class) in data.labels.iter().enumerate() {
        let column = shown_of[class];
        shown_of[class] += 1;
        if column >= columns {
            continue;
        }
        let values = data.sample(sample);
        for y in 0..shown[0] {
            for x in 0..shown[1] {
                let first = (y / scale * width + x / scale) * channels;
                let colour = [0, 1, 2].map(|channel| grey(values[first + channel % channels]));
                sheet.pixels[(class * down + y) * sheet.width + column * right + x] = colour;
            }
        }
    }
    Some(sheet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_stand_in_the_rows_of_their_classes() {
        let data = Dataset {
            shape: Shape::new(1, 2, 1),
            classes: ["a", "b"].map(String::from).to_vec(),
            inputs: vec![0.0, 10.0, 2.0, 4.0, 5.0, 5.0],
            labels: vec![1, 0, 1],
            spans: None,
            groups: None,
        };
        let sheet = contact_sheet(&data, 2).unwrap();
        // Each value a square of 48 pixels, samples 4 apart.
        assert_eq!([sheet.height, sheet.width], [2 * 48 + 4, 2 * 96 + 4]);
        let at = |row: usize, column: usize| sheet.pixels[row * sheet.width + column];
        assert_eq!([at(0, 0), at(47, 48)], [[51; 3], [102; 3]]);
        assert_eq!([at(52, 0), at(52, 95), at(99, 100)], [[0; 3], [255; 3], [128; 3]]);
        assert_eq!([at(0, 100), at(48, 0), at(0, 96)], [[255; 3]; 3], "nothing there");
        assert_eq!(contact_sheet(&Dataset { shape: Shape::new(1, 1, 2), ..data }, 2), None);
    }
}
