"""Writes recipe.json: what Keras makes of every setting of a training recipe, for the tests to compare with.

    python3 -m venv venv && venv/bin/pip install keras==3.15.1 'jax[cpu]==0.10.2'
    KERAS_BACKEND=jax venv/bin/python recipe.py

One small network with its first weights and one batch; for each recipe the loss and the validation loss of
every epoch (one step each), and the weights at the end.
"""

import json
import pathlib

import jax
import keras
import numpy as np

VERSIONS = f"keras {keras.version()}, jax {jax.__version__}, numpy {np.__version__}"
random = np.random.default_rng(1)
SHAPE, CLASSES = (4, 3, 1), 3
LAYERS = [
    {"conv2d": {"filters": 3, "kernel": [2, 2], "stride": [1, 1], "padding": "valid"}},
    {"activation": "tanh"},
    "flatten",
    {"dense": {"units": 6}},
    {"activation": "selu"},
    {"dense": {"units": CLASSES}},
    {"activation": "softmax"},
]


def keras_model(l2):
    regularizer = keras.regularizers.L2(l2) if l2 else None
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.Conv2D(3, 2, activation="tanh", kernel_regularizer=regularizer),
            keras.layers.Flatten(),
            keras.layers.Dense(6, activation="selu", kernel_regularizer=regularizer),
            keras.layers.Dense(CLASSES, activation="softmax", kernel_regularizer=regularizer),
        ]
    )


def values(array):
    return [float(str(value)) for value in np.asarray(array, np.float32).ravel()]


def weights(model):
    flat = [values(w) for w in model.get_weights()]
    return [{"kernel": kernel, "bias": bias} for kernel, bias in zip(flat[::2], flat[1::2])]


def samples(count):
    inputs = random.normal(0, 1, (count, *SHAPE)).round(3).astype("float32")
    return inputs, random.integers(0, CLASSES, count)


FIRST_WEIGHTS = [random.normal(0, 0.5, w.shape).round(3) for w in keras_model(0).get_weights()]
(INPUTS, LABELS), (VALIDATION_INPUTS, VALIDATION_LABELS) = samples(9), samples(5)


def rate(schedule, learning_rate):
    """With one step per epoch."""
    match schedule:
        case None:
            return learning_rate
        case {"cosine": {"epochs": epochs}}:
            return keras.optimizers.schedules.CosineDecay(learning_rate, epochs)
        case {"step": {"every": every, "factor": factor}}:
            return keras.optimizers.schedules.ExponentialDecay(
                learning_rate, every, factor, staircase=True
            )


def run(epochs=3, optimizer="adam", learning_rate=0.05, momentum=None, schedule=None, l2=0.0,
        label_smoothing=0.0, class_weights=None, clip_norm=None, early_stopping=None):
    settings = {name: value for name, value in locals().items() if value is not None}
    model = keras_model(l2)
    model.set_weights(FIRST_WEIGHTS)
    classes = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}
    more = {} if momentum is None else {"momentum": momentum}
    model.compile(
        classes[optimizer](rate(schedule, learning_rate), global_clipnorm=clip_norm, **more),
        keras.losses.CategoricalCrossentropy(label_smoothing=label_smoothing),
        metrics=["accuracy"],
    )
    callbacks = []
    if early_stopping:
        callbacks.append(
            keras.callbacks.EarlyStopping(
                monitor={"validation-loss": "val_loss", "validation-accuracy": "val_accuracy"}[
                    early_stopping["monitor"]
                ],
                mode="max" if early_stopping["monitor"] == "validation-accuracy" else "min",
                patience=early_stopping["patience"],
                restore_best_weights=True,
            )
        )
    history = model.fit(
        INPUTS,
        np.eye(CLASSES)[LABELS],
        batch_size=len(INPUTS),
        epochs=epochs,
        shuffle=False,
        validation_data=(VALIDATION_INPUTS, np.eye(CLASSES)[VALIDATION_LABELS]),
        class_weight=None if class_weights is None else dict(enumerate(class_weights)),
        callbacks=callbacks,
        verbose=0,
    ).history
    return {
        **settings,
        "losses": history["loss"],
        "validation_losses": history["val_loss"],
        "validation_accuracies": history["val_accuracy"],
        "weights": weights(model),
    }


balanced = (len(LABELS) / CLASSES / np.bincount(LABELS, minlength=CLASSES)).tolist()
RUNS = [
    run(),
    run(l2=0.02),
    run(label_smoothing=0.1),
    run(class_weights=[0.5, 2.0, 1.0]),
    {**run(class_weights=balanced), "class_weights": "balanced"},
    run(optimizer="sgd", clip_norm=0.3),
    run(clip_norm=1000.0),
    run(epochs=5, schedule={"cosine": {"epochs": 4}}),
    run(epochs=5, schedule={"step": {"every": 2, "factor": 0.1}}),
    run(
        epochs=6,
        optimizer="sgd",
        learning_rate=0.2,
        momentum=0.8,
        schedule={"cosine": {"epochs": 8}},
        l2=0.01,
        label_smoothing=0.2,
        class_weights=[1.5, 0.7, 1.0],
        clip_norm=0.5,
    ),
    run(epochs=40, l2=0.01, early_stopping={"monitor": "validation-loss", "patience": 3}),
    run(epochs=40, early_stopping={"monitor": "validation-accuracy", "patience": 2}),
    # Not worn out at the end: the best weights are restored all the same.
    run(epochs=5, early_stopping={"monitor": "validation-accuracy", "patience": 30}),
]
dump = {
    "made_with": VERSIONS,
    "input": dict(zip(["height", "width", "channels"], SHAPE)),
    "layers": LAYERS,
    "weights": [
        {"kernel": values(k), "bias": values(b)} for k, b in zip(FIRST_WEIGHTS[::2], FIRST_WEIGHTS[1::2])
    ],
    "inputs": values(INPUTS),
    "labels": LABELS.tolist(),
    "validation_inputs": values(VALIDATION_INPUTS),
    "validation_labels": VALIDATION_LABELS.tolist(),
    "runs": RUNS,
}
path = pathlib.Path(__file__).with_name("recipe.json")
path.write_text(json.dumps(dump, separators=(",", ":")) + "\n")
print(path.stat().st_size, "bytes from", VERSIONS)
for r in RUNS:
    print(len(r["losses"]), {k: v for k, v in r.items() if k != "weights"})
