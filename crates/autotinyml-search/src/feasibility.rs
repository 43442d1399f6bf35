//! The boundary of the deployable region: a support vector machine (Cortes & Vapnik 1995) that separates
//! what was deployable from what was not by the widest margin.
//!
//! Trained by sequential minimal optimization with second-order working sets (Fan, Chen & Lin, JMLR 2005):
//! minimise ½ αᵀQα − Σα with 0 ≤ α ≤ C and yᵀα = 0, where Q_ij = y_i y_j k(x_i, x_j). The decision value
//! f(x) = Σ α_i y_i k(x_i, x) + b is positive on the deployable side and ±1 on the margins.

use crate::kernel::{Cross, Kernel};

/// Largest violation of the optimality conditions that is accepted. LIBSVM's default is 1e-3.
const TOLERANCE: f64 = 1e-4;

/// A bound on the work, never met in practice: the method converges linearly.
const STEPS_PER_POINT: usize = 1_000;

/// A trained classifier.
pub(crate) struct Svm {
    /// Towards the support vectors.
    cross: Cross,
    /// α_i y_i of each support vector.
    coefficients: Vec<f64>,
    /// b.
    intercept: f64,
}

impl Svm {
    /// Separates points labelled true from those labelled false; `None` if there is only one class.
    /// `penalty` is C, what a point on the wrong side costs.
    pub(crate) fn fit(
        kernel: &Kernel,
        points: &[Vec<f64>],
        labels: &[bool],
        penalty: f64,
    ) -> Option<Self> {
        if labels.iter().all(|&label| label) || !labels.contains(&true) {
            return None;
        }
        let signs: Vec<f64> = labels.iter().map(|&label| if label { 1.0 } else { -1.0 }).collect();
        let (alpha, intercept) = solve(&kernel.matrix(points), &signs, penalty);
        let support: Vec<usize> = (0..points.len()).filter(|&i| alpha[i] > 0.0).collect();
        Some(Self {
            cross: kernel.cross(support.iter().map(|&i| points[i].clone()).collect()),
            coefficients: support.iter().map(|&i| alpha[i] * signs[i]).collect(),
            intercept,
        })
    }

    /// f(x): positive where deployable.
    pub(crate) fn decision(&mut self, x: &[f64]) -> f64 {
        crate::cholesky::dot(self.cross.row(x), &self.coefficients) + self.intercept
    }
}

/// α and b for the similarities k (n × n) and labels y (±1).
fn solve(k: &[f64], y: &[f64], penalty: f64) -> (Vec<f64>, f64) {
    let n = y.len();
    let mut alpha = vec![0.0; n];
    let mut gradient = vec![-1.0; n];
    for _ in 0..STEPS_PER_POINT * n {
        let Some((i, j)) = working_set(k, y, &alpha, &gradient, penalty) else { break };
        let (similar_i, similar_j) = (&k[i * n..(i + 1) * n], &k[j * n..(j + 1) * n]);
        // Move α_i y_i up and α_j y_j down by the same amount: yᵀα stays 0.
        let curvature = (2.0 - 2.0 * similar_i[j]).max(1e-12);
        let unbounded = (y[j] * gradient[j] - y[i] * gradient[i]) / curvature;
        let room_i = if y[i] > 0.0 { penalty - alpha[i] } else { alpha[i] };
        let room_j = if y[j] > 0.0 { alpha[j] } else { penalty - alpha[j] };
        let step = unbounded.min(room_i).min(room_j);
        move_within(&mut alpha[i], y[i] * step, penalty);
        move_within(&mut alpha[j], -y[j] * step, penalty);
        for (t, gradient) in gradient.iter_mut().enumerate() {
            *gradient += step * y[t] * (similar_i[t] - similar_j[t]);
        }
    }
    let intercept = intercept(y, &alpha, &gradient, penalty);
    (alpha, intercept)
}

/// Moves α, and onto a bound rather than a rounding error beside it.
fn move_within(alpha: &mut f64, by: f64, penalty: f64) {
    let moved = *alpha + by;
    let nothing = 1e-12 * penalty;
    *alpha = if moved < nothing {
        0.0
    } else if moved > penalty - nothing {
        penalty
    } else {
        moved
    };
}

fn can_rise(y: f64, alpha: f64, penalty: f64) -> bool {
    if y > 0.0 { alpha < penalty } else { alpha > 0.0 }
}

fn can_fall(y: f64, alpha: f64, penalty: f64) -> bool {
    can_rise(-y, alpha, penalty)
}

/// The pair that violates optimality most (first) and promises the greatest decrease with it (second);
/// `None` once no pair violates it by more than the tolerance.
fn working_set(
    k: &[f64],
    y: &[f64],
    alpha: &[f64],
    gradient: &[f64],
    penalty: f64,
) -> Option<(usize, usize)> {
    let n = y.len();
    let pull = |t: usize| -y[t] * gradient[t];
    let i = (0..n)
        .filter(|&t| can_rise(y[t], alpha[t], penalty))
        .max_by(|&a, &b| pull(a).total_cmp(&pull(b)))?;
    let falling = || (0..n).filter(|&t| can_fall(y[t], alpha[t], penalty));
    let least = falling().map(pull).fold(f64::INFINITY, f64::min);
    if pull(i) - least < TOLERANCE {
        return None;
    }
    let decrease = |t: usize| (pull(i) - pull(t)).powi(2) / (2.0 - 2.0 * k[i * n + t]).max(1e-12);
    let j = falling()
        .filter(|&t| pull(t) < pull(i))
        .max_by(|&a, &b| decrease(a).total_cmp(&decrease(b)))?;
    Some((i, j))
}

/// b, such that free support vectors lie on their margins; without any, midway between what bounds it.
fn intercept(y: &[f64], alpha: &[f64], gradient: &[f64], penalty: f64) -> f64 {
    let at_margin = |t: usize| -y[t] * gradient[t];
    let free: Vec<f64> =
        (0..y.len()).filter(|&t| alpha[t] > 0.0 && alpha[t] < penalty).map(at_margin).collect();
    if !free.is_empty() {
        return free.iter().sum::<f64>() / free.len() as f64;
    }
    let rising = (0..y.len()).filter(|&t| can_rise(y[t], alpha[t], penalty));
    let falling = (0..y.len()).filter(|&t| can_fall(y[t], alpha[t], penalty));
    let low = rising.map(at_margin).fold(f64::NEG_INFINITY, f64::max);
    let high = falling.map(at_margin).fold(f64::INFINITY, f64::min);
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::space::Axis;

    const AXES: [Axis; 3] = [Axis::Numeric, Axis::Numeric, Axis::Categorical];

    /// What scikit-learn (LIBSVM) computes: tests/reference/dump.py.
    #[derive(Deserialize)]
    struct Reference {
        points: Vec<Vec<f64>>,
        labels: Vec<bool>,
        at: Vec<Vec<f64>>,
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        penalty: f64,
        length_scale: f64,
        decision: Vec<f64>,
        intercept: f64,
    }

    #[test]
    fn decides_as_libsvm_does() {
        let r: Reference =
            serde_json::from_str(include_str!("../tests/reference/svm.json")).unwrap();
        assert_eq!(r.cases.len(), 4);
        for case in r.cases {
            let kernel = Kernel::isotropic(&AXES, case.length_scale);
            let mut svm = Svm::fit(&kernel, &r.points, &r.labels, case.penalty).unwrap();
            assert!(
                (svm.intercept - case.intercept).abs() < 1e-3,
                "{} {}",
                svm.intercept,
                case.intercept
            );
            for (x, expected) in r.at.iter().zip(&case.decision) {
                let found = svm.decision(x);
                assert!(
                    (found - expected).abs() < 1e-3,
                    "C = {}: {found} {expected}",
                    case.penalty
                );
            }
        }
    }

    #[test]
    fn between_two_points_the_boundary_is_midway() {
        let kernel = Kernel::isotropic(&[Axis::Numeric], 0.5);
        let mut svm = Svm::fit(&kernel, &[vec![0.2], vec![0.6]], &[true, false], 1e6).unwrap();
        for (x, expected) in [(0.2, 1.0), (0.4, 0.0), (0.6, -1.0)] {
            assert!((svm.decision(&[x]) - expected).abs() < 1e-3);
        }
    }

    #[test]
    fn contradicting_labels_do_no_harm_and_one_class_is_no_boundary() {
        let kernel = Kernel::isotropic(&[Axis::Numeric], 0.5);
        let same = vec![vec![0.3]; 6];
        let mut svm =
            Svm::fit(&kernel, &same, &[true, false, true, false, true, true], 100.0).unwrap();
        assert!(svm.decision(&[0.3]).is_finite());
        assert!(Svm::fit(&kernel, &same, &[true; 6], 1.0).is_none());
        assert!(Svm::fit(&kernel, &same, &[false; 6], 1.0).is_none());
        assert!(Svm::fit(&kernel, &[], &[], 1.0).is_none());
    }
}
