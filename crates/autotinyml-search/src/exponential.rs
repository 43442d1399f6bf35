//! eˣ in double precision, in operations that vectorise and give the same bits on every machine (the
//! standard library's is a call for each value, and differs by platform).
//!
//! x = k ln 2 + r with |r| ≤ ½ ln 2, and eˣ = 2ᵏ eʳ with Taylor's polynomial of degree 12 for eʳ.
//! Relative error below 1e-15.

/// eˣ; x beyond ±708 as if it were ±708.
#[inline(always)]
pub(crate) fn exp(x: f64) -> f64 {
    /// Added to a number of less than 51 bits, leaves its nearest whole number in the lowest bits.
    const ROUNDING: f64 = 6_755_399_441_055_744.0;
    /// ln 2 in two parts: k times the first is exact.
    const LN_2: [f64; 2] = [6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10];
    /// 1/12!, 1/11!, …, 1/0!
    const INVERSE_FACTORIALS: [f64; 13] = [
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ];
    let x = x.clamp(-708.0, 708.0);
    let shifted = x * std::f64::consts::LOG2_E + ROUNDING;
    let k = shifted - ROUNDING;
    let r = x - k * LN_2[0] - k * LN_2[1];
    let mut power = INVERSE_FACTORIALS[0];
    for coefficient in &INVERSE_FACTORIALS[1..] {
        power = power * r + coefficient;
    }
    power * f64::from_bits((shifted.to_bits() << 52).wrapping_add(1.0_f64.to_bits()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_standard_library() {
        for step in -70_000..=70_000 {
            let x = f64::from(step) / 100.0 + 1e-3;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-15, "{x}: {} {}", exp(x), x.exp());
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(-1e9) < 1e-300 && exp(f64::NEG_INFINITY) < 1e-300);
    }
}
