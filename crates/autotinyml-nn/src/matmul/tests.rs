use super::transposed::Transposed;
use super::*;
use crate::registers::registers_of_256_bits;

/// Whole numbers, whose products and sums are exact in any order.
fn numbers(count: usize, seed: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * i + 7 * i + seed) % 13) as f32 - 6.0).collect()
}

#[test]
fn products_of_all_sizes_and_layouts() {
    let sizes = [1, 2, 3, 5, 8, 11, 16, 33, 250];
    for (rows, inner) in sizes.into_iter().flat_map(|r| sizes.map(|i| (r, i))) {
        for columns in [1, 3, 7, 8, 10, 16, 22, 33, 50, 64, 100] {
            let (a, b) = (numbers(rows * inner, 1), numbers(inner * columns, 2));
            let start = numbers(columns, 3);
            for left in [Matrix::new(&a, rows, inner), Matrix::new(&a, inner, rows).transposed()] {
                let expected: Vec<f32> = (0..rows * columns)
                    .map(|i| {
                        let of = |k| {
                            a[left.row(i / columns) + left.column(k)] * b[k * columns + i % columns]
                        };
                        (0..inner).map(of).sum()
                    })
                    .collect();
                let size = format!("{rows}×{inner}×{columns}");
                let mut product = vec![9.0; rows * columns];
                multiply(left, &b, Start::Zero, &mut product);
                assert_eq!(product, expected, "{size}");
                multiply(left, &b, Start::Product, &mut product);
                assert!(product.iter().zip(&expected).all(|(p, e)| *p == 2.0 * e), "{size}");
                multiply(left, &b, Start::Row(&start), &mut product);
                assert!(
                    product.iter().enumerate().all(|(i, p)| *p == expected[i] + start[i % columns]),
                    "{size}"
                );
            }
        }
    }
}

#[test]
fn the_same_bits_whatever_the_registers() {
    let fractions = |count, seed| -> Vec<f32> {
        numbers(count, seed).iter().enumerate().map(|(i, x)| x / (i + 3) as f32).collect()
    };
    for (rows, inner, columns) in [(10, 700, 64), (7, 5, 22), (250, 33, 10), (3, 400, 3)] {
        let (a, b) = (fractions(rows * inner, 1), fractions(inner * columns, 2));
        let left = Matrix::new(&a, rows, inner);
        let mut widest = vec![0.0; rows * columns];
        multiply(left, &b, Start::Zero, &mut widest);
        let mut narrower = vec![0.0; rows * columns];
        let (right, start) = (&b[..], Start::Zero);
        Product { left, right, start, product: &mut narrower, inner, columns }
            .run::<[f32; 8], [[f32; 8]; 2]>();
        assert_eq!(widest, narrower);
        narrower.fill(0.0);
        let product = &mut narrower[..];
        if registers_of_256_bits(Product { left, right, start, product, inner, columns }) {
            assert_eq!(widest, narrower);
        }

        let (left, right) = (&a[..], &fractions(columns * inner, 2)[..]);
        multiply_transposed(left, right, inner, &mut widest, columns);
        let product = &mut narrower[..];
        Transposed { left, right, inner, product, product_step: columns }
            .run::<[f32; 8], [[f32; 8]; 2]>();
        assert_eq!(widest, narrower);
        narrower.fill(0.0);
        let product = &mut narrower[..];
        if registers_of_256_bits(Transposed { left, right, inner, product, product_step: columns })
        {
            assert_eq!(widest, narrower);
        }
    }
}

#[test]
fn products_with_rows_of_both_factors() {
    for (rows, inner) in
        [1, 3, 5, 6, 10, 33].into_iter().flat_map(|r| [1, 8, 16, 22, 50].map(|i| (r, i)))
    {
        for columns in [1, 2, 4, 7, 64] {
            let (a, b) = (numbers(rows * inner, 1), numbers(columns * inner, 2));
            let step = columns + 3;
            let mut product = vec![9.0; rows * step];
            multiply_transposed(&a, &b, inner, &mut product, step);
            for (i, value) in product.iter().enumerate() {
                let (r, c) = (i / step, i % step);
                let of = |k: usize| a[r * inner + k] * b[c * inner + k];
                let expected = if c < columns { (0..inner).map(of).sum() } else { 9.0 };
                assert_eq!(*value, expected, "{rows}×{inner}×{columns}");
            }
        }
    }
}

#[test]
fn windows_of_an_image() {
    // An image of 5 × 6 pixels, windows of 2 × 3 at all places: 4 × 4.
    let image = numbers(30, 1);
    let start = |i: usize| i / 4 * 6 + i % 4;
    let place = |k: usize| k / 3 * 6 + k % 3;
    let rows = Places::new((0..16).map(|i| start(i) as u32).collect());
    let columns = Places::new((0..6).map(|k| place(k) as u32).collect());
    let windows = Windows::new(&image, &rows, 16, &columns);
    let kernel = numbers(6 * 9, 2);
    let mut product = vec![0.0; 16 * 9];
    multiply(windows, &kernel, Start::Zero, &mut product);
    for (i, value) in product.iter().enumerate() {
        let of = |k: usize| image[start(i / 9) + place(k)] * kernel[k * 9 + i % 9];
        assert_eq!(*value, (0..6).map(of).sum::<f32>());
    }
}
