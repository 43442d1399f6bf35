//! The UCI "Optical Recognition of Handwritten Digits" test set, as the `smartcore` crate carries
//! it: real data that comes with the build.

use autotinyml_nn::{Dataset, Shape};
use smartcore::dataset::digits::load_dataset;

use super::Loaded;

/// 1,797 images of 8×8×1 pixels with values from 0 to 16, classes `0` to `9`.
///
/// Source: Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
/// Repository, 1998, CC BY 4.0.
pub fn read() -> Loaded {
    let digits = load_dataset();
    let dataset = Dataset {
        shape: Shape::new(8, 8, 1),
        classes: (0..10).map(|digit| digit.to_string()).collect(),
        inputs: digits.data,
        labels: digits.target.iter().map(|&digit| digit as usize).collect(),
        spans: None,
        groups: None,
    };
    let notes =
        vec!["handwritten digits from the UCI repository (Alpaydin and Kaynak, 1998)".to_owned()];
    Loaded { dataset, period: 1, columns: None, notes }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts and a picture as in scikit-learn's `load_digits()`, which reads the same file.
    #[test]
    fn the_set_is_the_published_one() {
        let dataset = read().dataset;
        let mut per_class = [0; 10];
        for &label in &dataset.labels {
            per_class[label] += 1;
        }
        assert_eq!(per_class, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
        assert_eq!(dataset.inputs.len(), 1797 * 64);
        assert!(dataset.inputs.iter().all(|value| (0.0..=16.0).contains(value)));
        assert_eq!(dataset.labels[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(
            dataset.inputs[..16],
            [
                0., 0., 5., 13., 9., 1., 0., 0., //
                0., 0., 13., 15., 10., 15., 5., 0.,
            ]
        );
    }
}
