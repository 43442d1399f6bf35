"""Writes metrics.json: what scikit-learn makes of labels and choices, for the tests to compare with.

    python3 -m venv venv && venv/bin/pip install scikit-learn==1.9.1
    venv/bin/python metrics.py
"""

import json
import pathlib

import numpy as np
import sklearn
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score

random = np.random.default_rng(3)


def case(classes, samples, chosen_only=None):
    """Class 0 is the most frequent; `chosen_only` is a class that is chosen, but never right."""
    labels = random.integers(0, classes, samples)
    labels = np.where(random.random(samples) < 0.3, 0, labels)
    chosen = np.where(random.random(samples) < 0.6, labels, random.integers(0, classes, samples))
    if chosen_only is not None:
        labels = np.where(labels == chosen_only, 0, labels)
        chosen[:2] = chosen_only
    return {
        "classes": classes + 1,  # the last one neither occurs nor is chosen
        "labels": labels.tolist(),
        "chosen": chosen.tolist(),
        "confusion": confusion_matrix(labels, chosen, labels=range(classes + 1)).tolist(),
        "accuracy": accuracy_score(labels, chosen),
        "balanced_accuracy": balanced_accuracy_score(labels, chosen),
        "macro_f1": f1_score(labels, chosen, average="macro"),
    }


cases = [case(2, 9), case(3, 40), case(4, 25, chosen_only=3), case(6, 100)]
path = pathlib.Path(__file__).with_name("metrics.json")
path.write_text(json.dumps({"made_with": f"scikit-learn {sklearn.__version__}", "cases": cases}) + "\n")
