"""Writes data sets as plain numbers for all trainers: python accuracy_data.py DATA OUT

DATA/uiwad holds 1.csv to 22.csv (time, x, y, z; a person each), DATA/mnist1d train.csv and test.csv (label,
40 values). OUT/NAME gets inputs.f32 and labels.u32 (little-endian, training samples first) and set.json.
"""

import json
import pathlib
import sys

import numpy as np

WINDOW, STEP, GAP_SECONDS = 90, 45, 1.0
TEST_SHARE = 0.25


def recordings(rows):
    """Cuts where the time jumps or runs backwards, and leaves repeated rows out."""
    rows = rows[np.r_[True, np.any(np.diff(rows, axis=0) != 0, axis=1)]]
    steps = np.diff(rows[:, 0])
    return np.split(rows[:, 1:], np.flatnonzero((steps < 0) | (steps > GAP_SECONDS)) + 1)


def uiwad(folder):
    inputs, labels = [], []
    for person in range(22):
        rows = np.loadtxt(folder / f"{person + 1}.csv", delimiter=",")
        for recording in recordings(rows):
            for start in range(0, len(recording) - WINDOW + 1, STEP):
                inputs.append(recording[start : start + WINDOW])
                labels.append(person)
    order = np.random.default_rng(0).permutation(len(labels))
    inputs, labels = np.array(inputs)[order], np.array(labels)[order]
    train = len(labels) - round(TEST_SHARE * len(labels))
    mean, deviation = inputs[:train].mean((0, 1)), inputs[:train].std((0, 1))
    return (inputs - mean) / deviation, labels, train, [WINDOW, 3, 1]


def mnist1d(folder):
    parts = [np.loadtxt(folder / f"{part}.csv", delimiter=",") for part in ("train", "test")]
    rows = np.concatenate(parts)
    return rows[:, 1:], rows[:, 0], len(parts[0]), [40, 1, 1]


data, out = map(pathlib.Path, sys.argv[1:])
for name, read in {"uiwad": uiwad, "mnist1d": mnist1d}.items():
    inputs, labels, train, shape = read(data / name)
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    inputs.astype("<f4").tofile(folder / "inputs.f32")
    labels.astype("<u4").tofile(folder / "labels.u32")
    described = {
        "input": dict(zip(["height", "width", "channels"], shape)),
        "classes": int(labels.max()) + 1,
        "train": train,
    }
    (folder / "set.json").write_text(json.dumps(described))
    print(name, len(labels), described, file=sys.stderr)
