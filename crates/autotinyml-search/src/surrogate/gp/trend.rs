//! The trend: what each parameter adds by itself, wherever the others stand,
//!
//! Σ_d t_d(x_d) + Σ_d s_f(d)(x_d)
//!
//! t_d is a parabola in a number and a constant per category, and so is s_f, which parameters of the same
//! domain share: a layer's activation does much the same as that of the next, an operation on one edge of a
//! cell as on another. All coefficients are normal and integrated out (Rasmussen & Williams 2006, section 2.7).
//!
//! | symbol | meaning |
//! | --- | --- |
//! | f | family: two parameters or more of the same domain |
//! | φ | features of a coordinate: the first two Legendre polynomials of a number, a one for its category |
//! | ρ | share of the variance that a family has in common |

use crate::cholesky::dot;
use crate::space::{ABSENT, Axis, Family};

/// ρ.
const SHARED: f64 = 0.5;

/// The trend's covariance, of variance 1 along each axis.
#[derive(Clone, Debug)]
pub(super) struct Trend {
    /// Per axis, the variance of t_d, divided by the number of axes.
    pub(super) own: Vec<f64>,
    families: Vec<Family>,
    /// Scale of the features, such that their products have the variance of s_f.
    scale: f64,
}

impl Trend {
    pub(super) fn new(axes: &[Axis], families: &[Family]) -> Self {
        let share = 1.0 / axes.len().max(1) as f64;
        let mut own = vec![share; axes.len()];
        for &member in families.iter().flat_map(|family| &family.members) {
            own[member] = (1.0 - SHARED) * share;
        }
        Self { own, families: families.to_vec(), scale: (SHARED * share).sqrt() }
    }

    /// Covariance at two points.
    pub(super) fn between(&self, axes: &[Axis], a: &[f64], b: &[f64]) -> f64 {
        let coordinates = a.iter().zip(b);
        let terms = axes.iter().zip(&self.own).zip(coordinates);
        let own: f64 = terms.map(|((&axis, own), (&a, &b))| own * along(axis, a, b)).sum();
        if self.families.is_empty() { own } else { own + dot(&self.shared(a), &self.shared(b)) }
    }

    /// Σ_d∈f φ(x_d) of all families, scaled: the trend that is shared has the covariance of two points' inner
    /// product.
    pub(super) fn shared(&self, x: &[f64]) -> Vec<f64> {
        let mut features = Vec::new();
        for Family { members, categories } in &self.families {
            let begin = features.len();
            features.resize(begin + categories.unwrap_or(2), 0.0);
            let sums = &mut features[begin..];
            for &coordinate in members.iter().map(|&d| &x[d]).filter(|&&x| x != ABSENT) {
                if categories.is_some() {
                    sums[coordinate as usize] += self.scale;
                } else {
                    let (linear, square) = legendre(coordinate);
                    sums[0] += self.scale * LINEAR.sqrt() * linear;
                    sums[1] += self.scale * SQUARE.sqrt() * square;
                }
            }
        }
        features
    }
}

/// Variances of the coefficients of a number's polynomials.
pub(super) const LINEAR: f64 = 3.0;
pub(super) const SQUARE: f64 = 0.3;

/// The first two Legendre polynomials of a position in [0, 1].
#[inline(always)]
pub(super) fn legendre(position: f64) -> (f64, f64) {
    let centred = 2.0 * position - 1.0;
    (centred, 1.5 * centred * centred - 0.5)
}

/// Covariance of t_d at two coordinates of one axis.
#[inline(always)]
pub(super) fn along(axis: Axis, a: f64, b: f64) -> f64 {
    match axis {
        Axis::Categorical => f64::from(a == b),
        Axis::Numeric if a == ABSENT || b == ABSENT => 0.0,
        Axis::Numeric => {
            let ((a, a_square), (b, b_square)) = (legendre(a), legendre(b));
            LINEAR * a * b + SQUARE * a_square * b_square
        }
    }
}
