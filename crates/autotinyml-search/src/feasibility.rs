//! The boundary of the deployable region: a support vector machine (Cortes & Vapnik 1995) that separates
//! what was deployable from what was not by the widest margin.
//!
//! Trained by sequential minimal optimization with second-order working sets (Fan, Chen & Lin, JMLR 2005):
//! minimise ½ αᵀQα − Σα with 0 ≤ α ≤ C and yᵀα = 0, where Q_ij = y_i y_j k(x_i, x_j). The decision value
//! f(x) = Σ α_i y_i k(x_i, x) + b is positive on the deployable side and ±1 on the margins.

use crate::kernel::{Cross, Kernel};

/// Largest violation of the optimality conditions that is accepted. LIBSVM's default is 1e-3.
const TOLERANCE: f64 = 1e-4;

/// A bound on the work. Only labels that follow no rule meet it, and then no boundary is worth more.
const STEPS_PER_POINT: usize = 100;

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

    /// Σ α_i y_i k(x_i, x) alone, by another kernel than the classifier was trained with.
    pub(crate) fn without_intercept(self, kernel: &Kernel) -> Self {
        Self { cross: kernel.cross(self.cross.into_points()), intercept: 0.0, ..self }
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
    // What b would have to be for each point to lie on its margin: y_i − Σ α_j y_j k(x_j, x_i).
    let mut wanted = y.to_vec();
    for _ in 0..STEPS_PER_POINT * n {
        let Some((i, j)) = working_set(k, y, &alpha, &wanted, penalty) else { break };
        let (similar_i, similar_j) = (&k[i * n..(i + 1) * n], &k[j * n..(j + 1) * n]);
        // Move α_i y_i up and α_j y_j down by the same amount: yᵀα stays 0.
        let unbounded = (wanted[i] - wanted[j]) / curvature(similar_i[j]);
        let room_i = if y[i] > 0.0 { penalty - alpha[i] } else { alpha[i] };
        let room_j = if y[j] > 0.0 { alpha[j] } else { penalty - alpha[j] };
        let step = unbounded.min(room_i).min(room_j);
        alpha[i] = within(alpha[i] + y[i] * step, penalty);
        alpha[j] = within(alpha[j] - y[j] * step, penalty);
        for ((wanted, similar_i), similar_j) in wanted.iter_mut().zip(similar_i).zip(similar_j) {
            *wanted -= step * (similar_i - similar_j);
        }
    }
    let intercept = intercept(y, &alpha, &wanted, penalty);
    (alpha, intercept)
}

/// Second derivative along the direction that changes two points of this similarity.
fn curvature(similarity: f64) -> f64 {
    (2.0 - 2.0 * similarity).max(1e-12)
}

/// α on its bound rather than a rounding error beside it.
fn within(alpha: f64, penalty: f64) -> f64 {
    let nothing = 1e-12 * penalty;
    if alpha < nothing {
        0.0
    } else if alpha > penalty - nothing {
        penalty
    } else {
        alpha
    }
}

/// Whether α_t y_t may still rise, or fall, for a label and its α.
fn can_rise(y: f64, alpha: f64, penalty: f64) -> bool {
    if y > 0.0 { alpha < penalty } else { alpha > 0.0 }
}

fn can_fall(y: f64, alpha: f64, penalty: f64) -> bool {
    can_rise(-y, alpha, penalty)
}

/// The point that violates optimality most, and the one that promises the greatest decrease with it;
/// `None` once no pair violates it by more than the tolerance.
fn working_set(
    k: &[f64],
    y: &[f64],
    alpha: &[f64],
    wanted: &[f64],
    penalty: f64,
) -> Option<(usize, usize)> {
    let n = y.len();
    let rising = (0..n).filter(|&t| can_rise(y[t], alpha[t], penalty));
    let i = rising.reduce(|i, t| if wanted[t] > wanted[i] { t } else { i })?;
    let similarities = &k[i * n..(i + 1) * n];
    let (mut partner, mut greatest_decrease, mut greatest_violation) = (None, 0.0, 0.0);
    for t in (0..n).filter(|&t| can_fall(y[t], alpha[t], penalty)) {
        let violation = wanted[i] - wanted[t];
        if violation <= 0.0 {
            continue;
        }
        greatest_violation = f64::max(greatest_violation, violation);
        let decrease = violation * violation / curvature(similarities[t]);
        if decrease > greatest_decrease {
            (partner, greatest_decrease) = (Some(t), decrease);
        }
    }
    partner.filter(|_| greatest_violation >= TOLERANCE).map(|j| (i, j))
}

/// b, such that free support vectors lie on their margins; without any, midway between what bounds it.
fn intercept(y: &[f64], alpha: &[f64], wanted: &[f64], penalty: f64) -> f64 {
    let of = |which: &dyn Fn(usize) -> bool| -> Vec<f64> {
        (0..y.len()).filter(|&t| which(t)).map(|t| wanted[t]).collect()
    };
    let free = of(&|t| alpha[t] > 0.0 && alpha[t] < penalty);
    if !free.is_empty() {
        return free.iter().sum::<f64>() / free.len() as f64;
    }
    let low =
        of(&|t| can_rise(y[t], alpha[t], penalty)).into_iter().fold(f64::NEG_INFINITY, f64::max);
    let high = of(&|t| can_fall(y[t], alpha[t], penalty)).into_iter().fold(f64::INFINITY, f64::min);
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
