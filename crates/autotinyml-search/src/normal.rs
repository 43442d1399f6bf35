//! The standard normal distribution, to double precision far into its tails.

/// The quantile Φ⁻¹(p), 0 < p < 1, to a relative error of 1.2e-9.
///
/// P. J. Acklam, An algorithm for computing the inverse normal cumulative distribution function (2003):
/// one rational function for the middle, one for both tails.
pub fn quantile(p: f64) -> f64 {
    const MIDDLE: ([f64; 6], [f64; 6]) = (
        [
            -3.969683028665376e1,
            2.209460984245205e2,
            -2.759285104469687e2,
            1.38357751867269e2,
            -3.066479806614716e1,
            2.506628277459239,
        ],
        [
            -5.447609879822406e1,
            1.615858368580409e2,
            -1.556989798598866e2,
            6.680131188771972e1,
            -1.328068155288572e1,
            1.0,
        ],
    );
    const TAIL: ([f64; 6], [f64; 5]) = (
        [
            -7.784894002430293e-3,
            -3.223964580411365e-1,
            -2.400758277161838,
            -2.549732539343734,
            4.374664141464968,
            2.938163982698783,
        ],
        [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416, 1.0],
    );
    const TAIL_BELOW: f64 = 0.02425;
    let tail = |p: f64| {
        let q = (-2.0 * p.ln()).sqrt();
        polynomial(&TAIL.0, q) / polynomial(&TAIL.1, q)
    };
    if p < TAIL_BELOW {
        tail(p)
    } else if p > 1.0 - TAIL_BELOW {
        -tail(1.0 - p)
    } else {
        let q = p - 0.5;
        polynomial(&MIDDLE.0, q * q) * q / polynomial(&MIDDLE.1, q * q)
    }
}

/// Φ(z).
pub(crate) fn cdf(z: f64) -> f64 {
    let tail = 0.5 * erfcx(z.abs() * std::f64::consts::FRAC_1_SQRT_2) * (-0.5 * z * z).exp();
    if z > 0.0 { 1.0 - tail } else { tail }
}

/// ln Φ(z), also where Φ(z) is too small for a number.
pub(crate) fn log_cdf(z: f64) -> f64 {
    let u = z * std::f64::consts::FRAC_1_SQRT_2;
    if z > 0.0 {
        (-0.5 * erfcx(u) * (-u * u).exp()).ln_1p()
    } else {
        (0.5 * erfcx(-u)).ln() - u * u
    }
}

/// Mills' ratio Φ(z) / φ(z), for z ≤ 0; φ is the density.
pub(crate) fn mills_ratio(z: f64) -> f64 {
    (0.5 * std::f64::consts::PI).sqrt() * erfcx(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// φ(z) / Φ(z), for every z.
pub(crate) fn inverse_mills_ratio(z: f64) -> f64 {
    if z <= 0.0 {
        return 1.0 / mills_ratio(z);
    }
    let density = (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
    density / (1.0 - density * mills_ratio(-z))
}

/// The scaled complementary error function exp(x²) erfc(x), x ≥ 0.
///
/// W. J. Cody, Rational Chebyshev approximations for the error function, Mathematics of Computation 23
/// (1969) 631–637.
fn erfcx(x: f64) -> f64 {
    /// Numerator and denominator of erf(x)/x in x², of erfcx(x) in x, and of its rest in 1/x².
    const NEAR: ([f64; 5], [f64; 5]) = (
        [
            1.857_777_061_846_031_5e-1,
            3.161_123_743_870_565_6,
            1.138_641_541_510_501_6e2,
            3.774_852_376_853_02e2,
            3.209_377_589_138_469_5e3,
        ],
        [
            1.0,
            2.360_129_095_234_412_1e1,
            2.440_246_379_344_441_7e2,
            1.282_616_526_077_372_3e3,
            2.844_236_833_439_171e3,
        ],
    );
    const MIDDLE: ([f64; 9], [f64; 9]) = (
        [
            2.153_115_354_744_038_5e-8,
            5.641_884_969_886_701e-1,
            8.883_149_794_388_376,
            6.611_919_063_714_163e1,
            2.986_351_381_974_001e2,
            8.819_522_212_417_69e2,
            1.712_047_612_634_070_6e3,
            2.051_078_377_826_071_5e3,
            1.230_339_354_797_997_2e3,
        ],
        [
            1.0,
            1.574_492_611_070_983_5e1,
            1.176_939_508_913_125e2,
            5.371_811_018_620_099e2,
            1.621_389_574_566_690_2e3,
            3.290_799_235_733_459_6e3,
            4.362_619_090_143_247e3,
            3.439_367_674_143_721_6e3,
            1.230_339_354_803_749_4e3,
        ],
    );
    const FAR: ([f64; 6], [f64; 6]) = (
        [
            1.631_538_713_730_209_8e-2,
            3.053_266_349_612_323_4e-1,
            3.603_448_999_498_044_4e-1,
            1.257_817_261_112_292_5e-1,
            1.608_378_514_874_228e-2,
            6.587_491_615_298_378e-4,
        ],
        [
            1.0,
            2.568_520_192_289_822,
            1.872_952_849_923_467_3,
            5.279_051_029_514_284e-1,
            6.051_834_131_244_132e-2,
            2.335_204_976_268_691_8e-3,
        ],
    );
    const SQRT_1_PI: f64 = 0.564_189_583_547_756_3;
    debug_assert!(x >= 0.0);
    let ratio = |(numerator, denominator): (&[f64], &[f64]), x: f64| {
        polynomial(numerator, x) / polynomial(denominator, x)
    };
    if x <= 0.468_75 {
        let square = x * x;
        square.exp() * (1.0 - x * ratio((&NEAR.0, &NEAR.1), square))
    } else if x <= 4.0 {
        ratio((&MIDDLE.0, &MIDDLE.1), x)
    } else {
        let inverse_square = 1.0 / (x * x);
        (SQRT_1_PI - inverse_square * ratio((&FAR.0, &FAR.1), inverse_square)) / x
    }
}

/// Coefficients from the highest power down.
fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

/// Normal scores: each value's rank as a quantile, Φ⁻¹((rank − ½) / n). Equal values share their mean rank.
pub(crate) fn scores(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut scores = vec![0.0; values.len()];
    let mut below = 0;
    for equal in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = below as f64 + equal.len() as f64 / 2.0;
        let score = quantile(rank / values.len() as f64);
        equal.iter().for_each(|&i| scores[i] = score);
        below += equal.len();
    }
    scores
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (p, expected) in [
            (0.5, 0.0),
            (0.975, 1.959963984540054),
            (0.01, -2.326347874040841),
            (0.999999, 4.753424308822899),
            (1e-10, -6.361340902404056),
        ] {
            assert!((quantile(p) - expected).abs() < 1e-8, "{p}");
        }
    }

    /// What mpmath computes: tests/reference/dump_gp.py.
    #[derive(serde::Deserialize)]
    struct Reference {
        z: Vec<f64>,
        log_cdf: Vec<f64>,
        inverse_mills_ratio: Vec<f64>,
    }

    #[test]
    fn probabilities_are_exact_far_into_the_tails() {
        let r: Reference =
            serde_json::from_str(include_str!("../tests/reference/normal.json")).unwrap();
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-13 * b.abs();
        for ((z, log_cdf_z), ratio) in r.z.into_iter().zip(r.log_cdf).zip(r.inverse_mills_ratio) {
            assert!(near(log_cdf(z), log_cdf_z), "{z}: {} {log_cdf_z}", log_cdf(z));
            assert!(near(cdf(z), log_cdf_z.exp()) || z < -12.0, "{z}: {}", cdf(z));
            let found = inverse_mills_ratio(z);
            assert!(near(found, ratio), "{z}: {found} {ratio}");
        }
    }

    #[test]
    fn scores_keep_order_and_ties() {
        let found = scores(&[3.0, 1.0, 2.0, 1.0]);
        assert_eq!(found[1], found[3]);
        assert_eq!(found[1], quantile(0.25));
        assert!(found[1] < found[2] && found[2] < found[0]);
        assert_eq!(scores(&[7.0; 3]), [0.0; 3]);
    }
}
