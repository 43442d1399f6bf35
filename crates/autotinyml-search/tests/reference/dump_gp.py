"""Writes gp.json, classifier.json and normal.json beside itself: what scikit-learn, SciPy and mpmath compute.

python3 -m venv /tmp/reference && /tmp/reference/bin/pip install scikit-learn==1.9.1 scipy==1.17.1 mpmath==1.4.1
/tmp/reference/bin/python crates/autotinyml-search/tests/reference/dump_gp.py

Points have two numbers and one category of three. scikit-learn sees them as five columns for Matern's kernel,
the category as three columns of 0 and 1/sqrt(2), so that two different categories are at distance 1; and as
seven more for the trend: Legendre polynomials of degree 1 and 2 of the numbers, and the category as 0 and 1.
"""

import json
from pathlib import Path

import mpmath
import numpy as np
from scipy.stats import multivariate_normal
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Kernel, Matern, WhiteKernel

HERE = Path(__file__).parent
CATEGORIES = 3
PARAMETERS = 3


def points(rng, n):
    numbers = rng.integers(0, 6, (n, 2)) / 5
    return np.column_stack([numbers, rng.integers(0, CATEGORIES, n)])


def embedded(x):
    is_category = np.eye(CATEGORIES)[x[:, 2].astype(int)]
    centred = 2 * x[:, :2] - 1
    trend = np.column_stack([np.sqrt(3) * centred, np.sqrt(0.3) * (1.5 * centred**2 - 0.5), is_category])
    return np.column_stack([x[:, :2], is_category / np.sqrt(2), trend / np.sqrt(PARAMETERS)])


class Of(Kernel):
    """A kernel of some columns only."""

    def __init__(self, kernel, columns):
        self.kernel, self.columns = kernel, columns

    def __call__(self, x, y=None, eval_gradient=False):
        return self.kernel(x[:, self.columns], None if y is None else y[:, self.columns], eval_gradient=eval_gradient)

    def diag(self, x):
        return self.kernel.diag(x[:, self.columns])

    def is_stationary(self):
        return self.kernel.is_stationary()

    hyperparameters = property(lambda self: self.kernel.hyperparameters)
    theta = property(lambda self: self.kernel.theta, lambda self, theta: setattr(self.kernel, "theta", theta))
    bounds = property(lambda self: self.kernel.bounds)

    def clone_with_theta(self, theta):
        return Of(self.kernel.clone_with_theta(theta), self.columns)


SCALES, AMPLITUDE, NOISE, TREND = np.array([0.4, 1.3, 0.9]), 1.7, 0.02, 0.6
THETA = np.log(np.r_[SCALES, AMPLITUDE, NOISE, TREND]).tolist()


def function_kernel():
    matern = ConstantKernel(AMPLITUDE) * Matern(np.r_[SCALES, [SCALES[2]] * (CATEGORIES - 1)], nu=2.5)
    trend = ConstantKernel(TREND) * DotProduct(1e-30, sigma_0_bounds="fixed")
    return Of(matern, slice(0, 5)), Of(trend, slice(5, 12))


def gp(rng):
    x, at = points(rng, 14), points(rng, 8)
    y = np.sin(4 * x[:, 0]) + 0.5 * (x[:, 2] == 1) + 0.1 * rng.standard_normal(len(x))
    matern, trend = function_kernel()
    model = GaussianProcessRegressor(matern + trend, alpha=NOISE, optimizer=None).fit(embedded(x), y)
    mean, deviation = model.predict(embedded(at), return_std=True)
    # As a kernel, the noise has a gradient, too.
    noisy = GaussianProcessRegressor(matern + trend + WhiteKernel(NOISE), alpha=0, optimizer=None).fit(embedded(x), y)
    likelihood, slopes = noisy.log_marginal_likelihood(noisy.kernel_.theta, eval_gradient=True)
    # Order there: amplitude, scales (the category has three), trend, noise.
    gradient = [slopes[1], slopes[2], slopes[3:6].sum(), slopes[0], slopes[7], slopes[6]]
    return {
        "points": x.tolist(), "targets": y.tolist(), "log_hyperparameters": THETA, "at": at.tolist(),
        "mean": mean.tolist(), "deviation": deviation.tolist(), "log_likelihood": likelihood, "gradient": gradient,
    }


def classifier(rng):
    """P(label at x | labels) is a ratio of two orthant probabilities: exact, no approximation of the posterior."""
    x, at = points(rng, 6), points(rng, 6)
    labels = np.where(x[:, 0] + 0.5 * (x[:, 2] == 0) < 0.7, 1, -1)
    matern, trend = function_kernel()

    def probability(x, labels):
        covariance = (matern + trend)(embedded(x)) + np.eye(len(x))
        return multivariate_normal.cdf(
            np.zeros(len(x)), cov=covariance * np.outer(labels, labels), maxpts=10_000_000, abseps=1e-9, releps=1e-6
        )

    evidence = probability(x, labels)
    true = [probability(np.vstack([x, one]), np.r_[labels, 1]) / evidence for one in at]
    return {
        "points": x.tolist(), "labels": (labels > 0).tolist(), "log_hyperparameters": THETA,
        "at": at.tolist(), "probability": [float(p) for p in true],
    }


def normal(_):
    mpmath.mp.dps = 120
    z = [-1e4, -1e3, -999.0, -300.0, -40.0, -38.0, -12.5, -6.0, -3.0, -1.5, -1.0, -0.7, -0.3, -1e-3, 0.0, 1e-3, 0.4, 0.7, 1.0, 2.0, 5.5, 8.5, 20.0]
    cdf = [mpmath.ncdf(u) if u > -300 else mpmath.erfc(-mpmath.mpf(u) / mpmath.sqrt(2)) / 2 for u in map(mpmath.mpf, z)]
    pdf = [mpmath.npdf(mpmath.mpf(u)) for u in z]
    return {
        "z": z,
        "log_cdf": [float(mpmath.log(c)) for c in cdf],
        "inverse_mills_ratio": [float(p / c) for p, c in zip(pdf, cdf)],
        "log_h": [float(mpmath.log(p + mpmath.mpf(u) * c)) for u, p, c in zip(z, pdf, cdf)],
    }


for name, dump in [("gp", gp), ("classifier", classifier), ("normal", normal)]:
    text = json.dumps(dump(np.random.default_rng(7)), indent=1)
    (HERE / f"{name}.json").write_text(text + "\n")
