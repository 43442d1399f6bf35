"""Writes stored.npz and deflated.npz, for the reader of .npz files to be tested on.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 && venv/bin/python arrays.py

Both hold the same arrays. Samples are counted from 0 on in the order of C, so that a test knows what
belongs where; `fortran` is the same as `images` in the other order.
"""

import pathlib

import numpy as np

FOLDER = pathlib.Path(__file__).parent

images = np.arange(6 * 2 * 3).reshape(6, 2, 3)
arrays = {
    "images": images.astype(np.uint8),
    "fortran": np.asfortranarray(images.astype(np.float32)),
    "more": (100 + images[:2]).astype(">i2"),
    "negative": (-images).astype(np.int64),
    "truth": images % 2 == 0,
    "double": images / 8,
    "numbers": np.array([2, 10, 2, 10, 2, 2]),
    "column": np.array([[1.0], [0.0], [1.0], [0.0], [1.0], [0.0]]),
    "texts": np.array(["walk", "run", "walk", "run", "é", "run"]),
    "bytes": np.array([b"a", b"bb", b"a", b"a", b"a", b"bb"]),
    "two": np.array([10, 2], dtype=np.uint16),
    "one_hot": np.eye(6),
    "half": images.astype(np.float16),
    "objects": np.array([{"no": "numbers"}] * 6, dtype=object),
    "gaps": np.where(images == 7, np.nan, images),
}
np.savez(FOLDER / "stored.npz", **arrays)
np.savez_compressed(FOLDER / "deflated.npz", **arrays)
