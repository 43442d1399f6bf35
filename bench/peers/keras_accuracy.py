"""Test accuracies of Keras: python keras_accuracy.py JOB

JOB is JSON: the folder of a data set (see accuracy_data.py), layers, batch, epochs, optimizers and seeds. The
folder also holds for each seed the first weights and the order of the samples in every epoch, so that both
sides begin alike and see the same batches; only dropout differs. One line per training comes out:

    {"optimizer": "adam", "seed": 0, "accuracy": 0.93}
"""

import json
import pathlib
import sys

import keras_layers  # first: it chooses the backend
import keras
import numpy as np

job = json.loads(sys.argv[1])
folder = pathlib.Path(job["folder"])
described = json.loads((folder / "set.json").read_text())
shape = list(described["input"].values())
inputs = np.fromfile(folder / "inputs.f32", "<f4").reshape(-1, *shape)
labels = np.fromfile(folder / "labels.u32", "<u4").astype("int32")
train = described["train"]

OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "sgd": keras.optimizers.SGD,
    "rmsprop": keras.optimizers.RMSprop,
    "adagrad": keras.optimizers.Adagrad,
    "adadelta": keras.optimizers.Adadelta,
    "adamax": keras.optimizers.Adamax,
}

for seed in job["seeds"]:
    numbers = np.fromfile(folder / f"seed-{seed}.weights.f32", "<f4")
    orders = np.fromfile(folder / f"seed-{seed}.order.u32", "<u4").reshape(job["epochs"], -1)
    for optimizer in job["optimizers"]:
        keras.backend.clear_session()
        keras.utils.set_random_seed(seed)
        model = keras_layers.model(shape, job["layers"])
        shapes = [w.shape for w in model.get_weights()]
        ends = np.cumsum([np.prod(shape) for shape in shapes])
        weights = [part.reshape(s) for part, s in zip(np.split(numbers, ends[:-1]), shapes)]
        model.set_weights(weights)
        model.compile(OPTIMIZERS[optimizer](), "sparse_categorical_crossentropy")
        # All epochs in one: batches are the same as long as they divide an epoch.
        order = orders.ravel()
        model.fit(inputs[order], labels[order], batch_size=job["batch"], shuffle=False, verbose=0)
        chosen = model.predict(inputs[train:], batch_size=256, verbose=0).argmax(1)
        accuracy = float((chosen == labels[train:]).mean())
        print(json.dumps({"optimizer": optimizer, "seed": seed, "accuracy": accuracy}), flush=True)
