"""How a trainer talks to the benchmark: a case in, what was measured out, both JSON.

    python keras_trainer.py '{"layers": [...], "input": {...}, "samples": 2650, "batch": 10, ...}'
    {"epoch_seconds": [0.61, 0.60], "peak_bytes": 800000000}

Layers are written as the crate `autotinyml-nn` writes them. The process runs on the core that it was
started on; the first epoch, in which frameworks compile and allocate, is not counted.
"""

import json
import resource
import sys

import numpy as np


def case():
    return json.loads(sys.argv[1])


def random_data(case):
    """Samples `[n, height, width, channels]` and labels."""
    shape = [case["input"][axis] for axis in ("height", "width", "channels")]
    inputs = np.random.default_rng(0).normal(0, 1, (case["samples"], *shape)).astype("float32")
    return inputs, np.arange(case["samples"]) % case["classes"]


def kind(layer):
    """Name and settings."""
    return (layer, None) if isinstance(layer, str) else next(iter(layer.items()))


def report(epoch_seconds):
    """Prints what each epoch took, and the most memory that the process ever held."""
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"epoch_seconds": epoch_seconds[1:], "peak_bytes": peak}))
