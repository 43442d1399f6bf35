"""Test accuracies of Keras: python keras_accuracy.py JOB

JOB is JSON: the folder of a data set (see accuracy_data.py), layers, batch, epochs, optimizers and seeds. The
folder also holds for each seed the first weights and the order of the samples in every epoch, so that both
sides begin alike and see the same batches. One line per training comes out:

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



def split(numbers, shapes):
    ends = np.cumsum([np.prod(shape) for shape in shapes])
    return [part.reshape(shape) for part, shape in zip(np.split(numbers, ends[:-1]), shapes)]


for optimizer in job["optimizers"]:
    model = keras_layers.model(shape, job["layers"])
    model.compile(OPTIMIZERS[optimizer](), "sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    # Compiled once; every training begins with the optimizer as it is now.
    first = [variable.numpy() for variable in model.optimizer.variables]
    for seed in job["seeds"]:
        keras.utils.set_random_seed(seed)
        numbers = np.fromfile(folder / f"seed-{seed}.weights.f32", "<f4")
        model.set_weights(split(numbers, [weights.shape for weights in model.get_weights()]))
        for variable, value in zip(model.optimizer.variables, first):
            variable.assign(value)
        # All epochs in one: batches are the same as long as they divide an epoch.
        order = np.fromfile(folder / f"seed-{seed}.order.u32", "<u4")
        model.fit(inputs[order], labels[order], batch_size=job["batch"], shuffle=False, verbose=0)
        chosen = model.predict(inputs[train:], batch_size=256, verbose=0).argmax(1)
        accuracy = float((chosen == labels[train:]).mean())
        print(json.dumps({"optimizer": optimizer, "seed": seed, "accuracy": accuracy}), flush=True)
