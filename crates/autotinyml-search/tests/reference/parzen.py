"""Parzen estimators by SciPy's truncated normal and statsmodels' bandwidths: python parzen.py > parzen.json

The space: `a` is one of 0, 1, 2, 3, 4; `b` one of x, y, z; `c` from 0.001 to 10 by its logarithm; `d`, from 0 to 1,
is only there where b is y. Places are those on the unit interval.

scipy 1.17.1, statsmodels 0.15.0
"""

import json

import numpy as np
from scipy.stats import truncnorm
from statsmodels.nonparametric.kernel_density import KDEMultivariate

LEVELS, CATEGORIES = 5, "xyz"
rng = np.random.default_rng(3)


def configuration():
    b = CATEGORIES[rng.integers(3)]
    return {
        "a": int(rng.integers(LEVELS)),
        "b": b,
        "c": float(np.round(10 ** rng.uniform(-3, 1), 6)),
        **({"d": float(np.round(rng.uniform(), 6))} if b == "y" else {}),
    }


def kernel(centre, sigma):
    return truncnorm((0 - centre) / sigma, (1 - centre) / sigma, loc=centre, scale=sigma)


def place(c):
    return (np.log10(c) + 3) / 4


def likelihood(x, at, sigma, category):
    """Of x by the kernel around `at`; that of the prior if `at` is empty."""
    p = 1.0
    if "a" in at:
        k = kernel((at["a"] + 0.5) / LEVELS, sigma["a"])
        p *= k.cdf((x["a"] + 1) / LEVELS) - k.cdf(x["a"] / LEVELS)
    else:
        p /= LEVELS
    p *= (1 - category if x["b"] == at["b"] else category / 2) if "b" in at else 1 / 3
    if "c" in at:
        p *= kernel(place(at["c"]), sigma["c"]).pdf(place(x["c"]))
    if "d" in at and "d" in x:
        p *= kernel(at["d"], sigma["d"]).pdf(x["d"])
    return p


observations = [configuration() for _ in range(12)]
weights = np.round(rng.uniform(0.5, 2.0, 12), 3).tolist()
queries = [configuration() for _ in range(30)]


def shrinking(name):
    n = sum(name in o for o in observations) + 1
    return max(0.2 * n ** (-1 / 8), 0.03)


sigma = {name: shrinking(name) for name in "acd"}
mixture = [
    (w / (sum(weights) + 1.5), o) for w, o in [*zip(weights, observations), (1.5, {})]
]
log_densities = [float(np.log(sum(w * likelihood(x, o, sigma, 0.2) for w, o in mixture))) for x in queries]

# Two columns of one estimator of four: statsmodels' rule knows their number only by the data it is given.
columns = np.array([[(o["a"] + 0.5) / LEVELS, place(o["c"])] * 2 for o in observations])
bandwidths = KDEMultivariate(columns, var_type="cccc", bw="normal_reference").bw[:2].tolist()

print(json.dumps({
    "observations": observations,
    "weights": weights,
    "queries": queries,
    "log_densities": log_densities,
    "normal_reference": bandwidths,
}))
