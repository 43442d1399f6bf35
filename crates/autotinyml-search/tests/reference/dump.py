"""Writes svm.json and tree.json beside itself: what scikit-learn computes for fixed data and settings.

python3 -m venv /tmp/reference && /tmp/reference/bin/pip install scikit-learn==1.9.1
/tmp/reference/bin/python crates/autotinyml-search/tests/reference/dump.py

Points of svm have two numbers and one category of three. scikit-learn sees the category as three columns of 0
and 1/sqrt(2), so that two different categories are at distance 1.
"""

import json
from pathlib import Path

import numpy as np
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeRegressor

HERE = Path(__file__).parent
CATEGORIES = 3


def points(rng, n):
    numbers = rng.integers(0, 6, (n, 2)) / 5
    return np.column_stack([numbers, rng.integers(0, CATEGORIES, n)])


def embedded(x):
    return np.column_stack([x[:, :2], np.eye(CATEGORIES)[x[:, 2].astype(int)] / np.sqrt(2)])


def svm(rng):
    x, at = points(rng, 40), points(rng, 12)
    labels = x[:, 0] + x[:, 1] * (x[:, 2] != 0) < 0.9
    labels[3] = not labels[3]  # no kernel separates everything with C = 1
    cases = []
    for penalty, length_scale in [(1.0, 0.6), (100.0, 0.6), (100.0, 0.2), (0.01, 1.0)]:
        model = SVC(C=penalty, gamma=0.5 / length_scale**2, tol=1e-7).fit(embedded(x), labels)
        cases.append({
            "penalty": penalty,
            "length_scale": length_scale,
            "decision": model.decision_function(embedded(at)).tolist(),
            "intercept": model.intercept_[0],
        })
    return {"points": x.tolist(), "labels": labels.tolist(), "at": at.tolist(), "cases": cases}


def tree(rng):
    # scikit-learn's trees hold single precision.
    x, at = (rng.random((n, 3)).astype(np.float32).astype(float) for n in (60, 20))
    y = np.sin(6 * x[:, 0]) + x[:, 1] * (x[:, 2] > 0.5) + 0.1 * rng.standard_normal(len(x))
    leaf_min = 4
    trees = [DecisionTreeRegressor(min_samples_leaf=leaf_min, random_state=s).fit(x, y) for s in range(20)]
    # scikit-learn breaks ties by chance: with these points there are none.
    assert all(np.array_equal(t.tree_.threshold, trees[0].tree_.threshold) for t in trees)
    grown = trees[0].tree_
    inner = grown.children_left >= 0
    return {
        "points": x.tolist(),
        "targets": y.tolist(),
        "leaf_min": leaf_min,
        "splits": [[int(f), t] for f, t in zip(grown.feature[inner], grown.threshold[inner])],
        "at": at.tolist(),
        "mean": trees[0].predict(at).tolist(),
        "variance": grown.impurity[trees[0].apply(at)].tolist(),
    }


for name, dump in [("svm", svm), ("tree", tree)]:
    text = json.dumps(dump(np.random.default_rng(7)), indent=1)
    (HERE / f"{name}.json").write_text(text + "\n")
