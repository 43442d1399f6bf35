//! The standard normal distribution.

/// The quantile Φ⁻¹(p), 0 < p < 1, to a relative error of 1.2e-9.
///
/// P. J. Acklam, An algorithm for computing the inverse normal cumulative distribution function (2003):
/// one rational function for the middle, one for both tails.
pub(crate) fn quantile(p: f64) -> f64 {
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
    let polynomial =
        |coefficients: &[f64], x: f64| coefficients.iter().fold(0.0, |sum, c| sum * x + c);
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

/// Φ(z), to an absolute error of 7.5e-8 (Abramowitz & Stegun 1964, 26.2.17).
pub(crate) fn cdf(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let polynomial = t
        * (0.319_381_530
            + t * (-0.356_563_782
                + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    let tail = polynomial * (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
    if z > 0.0 { 1.0 - tail } else { tail }
}

/// Normal scores: each value's rank as a quantile, Φ⁻¹((rank − ½) / n). Equal values share their mean rank.
pub(crate) fn scores(values: &[f64]) -> Vec<f64> {
    let n = values.len() as f64;
    let score = |value: &f64| {
        let below = values.iter().filter(|other| *other < value).count() as f64;
        let equal = values.iter().filter(|other| *other == value).count() as f64;
        quantile((below + equal / 2.0) / n)
    };
    values.iter().map(score).collect()
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

    #[test]
    fn scores_keep_order_and_ties() {
        let found = scores(&[3.0, 1.0, 2.0, 1.0]);
        assert_eq!(found[1], found[3]);
        assert_eq!(found[1], quantile(0.25));
        assert!(found[1] < found[2] && found[2] < found[0]);
        assert_eq!(scores(&[7.0; 3]), [0.0; 3]);
    }
}
