"""Writes compare.json beside itself: what NumPy and SciPy say of fixed numbers.

python3 -m venv /tmp/reference && /tmp/reference/bin/pip install numpy==2.4.6 scipy==1.17.1
/tmp/reference/bin/python crates/autotinyml-search/tests/reference/compare.py
"""

import json
from pathlib import Path

import numpy as np
from scipy.stats import PermutationMethod, rankdata, wilcoxon

rng = np.random.default_rng(7)


def signed_rank(differences, method):
    # For a two-sided test SciPy reports the lesser of both sums of ranks.
    greater = wilcoxon(differences, zero_method="wilcox", method=method, alternative="greater")
    both = wilcoxon(differences, zero_method="wilcox", method=method)
    return {
        "differences": differences.tolist(),
        "positive_rank_sum": greater.statistic,
        "p_value": both.pvalue,
    }


without_ties = [rng.normal(shift, 1, n) for n, shift in [(1, 0), (5, 1), (12, 1), (28, -0.8), (60, 0.3), (100, 0)]]
# Every assignment of signs is tried: exact, too.
with_ties = [rng.integers(-3, 5, n).astype(float) for n in (6, 10, 12)]
every = PermutationMethod(n_resamples=np.inf)
with_zeros = np.array([0, 0, 1, 2, 2, -1, 4, 4, 4, -2.0])

values = np.round(rng.normal(0, 1, 15), 1)
dump = {
    "values": values.tolist(),
    "ranks": rankdata(values).tolist(),
    "quantiles": [(at, np.quantile(values, at)) for at in (0, 0.1, 0.25, 0.5, 0.9, 1)],
    "tests": [signed_rank(differences, "exact") for differences in without_ties]
    + [signed_rank(differences[differences != 0], every) for differences in [*with_ties, with_zeros]],
}
dump["tests"][-1]["differences"] = with_zeros.tolist()
(Path(__file__).parent / "compare.json").write_text(json.dumps(dump, indent=1) + "\n")
