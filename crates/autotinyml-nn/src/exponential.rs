//! eˣ in single precision, in operations that vectorise and give the same bits on every machine
//! (the standard library's is a call for each value, and differs by platform).
//!
//! As in Cephes (Moshier 1989): x = k ln 2 + r with |r| ≤ ½ ln 2, and eˣ = 2ᵏ eʳ with a polynomial
//! for eʳ − 1. Relative error below 2e-7.

/// eˣ; x beyond ±87 as if it were ±87.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    let (scale, rest) = split(x);
    scale * rest + scale
}

/// eˣ − 1, exact also near 0; x beyond ±87 as if it were ±87.
#[inline(always)]
pub(crate) fn exp_minus_1(x: f32) -> f32 {
    let (scale, rest) = split(x);
    scale * rest + (scale - 1.0)
}

/// (2ᵏ, eʳ − 1)
#[inline(always)]
fn split(x: f32) -> (f32, f32) {
    /// Added to a number of less than 22 bits, leaves its nearest whole number in the lowest bits.
    const ROUNDING: f32 = 12_582_912.0;
    /// ln 2 in two parts: k times the first is exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    let x = x.clamp(-87.0, 87.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUNDING;
    let k = shifted - ROUNDING;
    let r = x - k * LN_2[0] - k * LN_2[1];
    let mut tail = 1.987_569_1e-4;
    for coefficient in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        tail = tail * r + coefficient;
    }
    let scale = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0f32.to_bits()));
    (scale, tail * (r * r) + r)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_double_precision() {
        for step in -87_000..=87_000 {
            let x = step as f32 / 1000.0;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) / exact - 1.0).abs() < 2e-7, "{x}");
            let exact = f64::from(x).exp_m1();
            assert!((f64::from(exp_minus_1(x)) - exact).abs() <= 2.5e-7 * exact.abs(), "{x}");
        }
        for x in [1e-3f32, -1e-3, 1e-8, -1e-8, 1e-30] {
            let exact = f64::from(x).exp_m1();
            assert!((f64::from(exp_minus_1(x)) / exact - 1.0).abs() < 2e-7, "{x}");
        }
    }

    #[test]
    fn ends() {
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(f32::INFINITY).is_finite() && exp(f32::NEG_INFINITY) < 1e-37);
        assert!(exp(f32::NAN).is_nan() && exp_minus_1(f32::NAN).is_nan());
    }
}
