"""Writes dump.json: what Keras computes, for the tests to compare with.

    python3 -m venv venv && venv/bin/pip install keras==3.15.1 'jax[cpu]==0.10.2'
    KERAS_BACKEND=jax venv/bin/python dump.py

`forward`: networks with their weights, some inputs and the outputs. `training`: one small network,
its first weights, one batch, and for each optimizer the losses and the weights after three steps.
Layers are written as the crate reads them; weights are lists of kernel and bias per layer.
"""

import json
import pathlib

import jax
import keras
import numpy as np

VERSIONS = f"keras {keras.version()}, jax {jax.__version__}, numpy {np.__version__}"
random = np.random.default_rng(0)


def conv2d(filters, kernel, stride=(1, 1), padding="valid"):
    return {"conv2d": {"filters": filters, "kernel": kernel, "stride": stride, "padding": padding}}


def depthwise_conv2d(kernel, stride=(1, 1), dilation=(1, 1), padding="valid"):
    settings = {"kernel": kernel, "stride": stride, "dilation": dilation, "padding": padding}
    return {"depthwise_conv2d": settings}


def max_pool2d(window, stride):
    return {"max_pool2d": {"window": window, "stride": stride}}


def average_pool2d(window, stride):
    return {"average_pool2d": {"window": window, "stride": stride}}


def dense(units):
    return {"dense": {"units": units}}


def activation(name):
    return {"activation": name}


def dropout(rate):
    return {"dropout": {"rate": rate}}


def keras_layer(layer):
    if layer == "flatten":
        return keras.layers.Flatten()
    if layer == "global_average_pool2d":
        return keras.layers.GlobalAveragePooling2D()
    ((kind, of),) = layer.items()
    match kind:
        case "conv2d":
            return keras.layers.Conv2D(of["filters"], of["kernel"], of["stride"], of["padding"])
        case "depthwise_conv2d":
            return keras.layers.DepthwiseConv2D(
                of["kernel"], of["stride"], of["padding"], dilation_rate=of["dilation"]
            )
        case "max_pool2d":
            return keras.layers.MaxPooling2D(of["window"], of["stride"])
        case "average_pool2d":
            return keras.layers.AveragePooling2D(of["window"], of["stride"])
        case "dense":
            return keras.layers.Dense(of["units"])
        case "activation" if "leaky_relu" in of:
            return keras.layers.LeakyReLU(of["leaky_relu"]["negative_slope"])
        case "activation":
            return keras.layers.Activation(of)
        case "dropout":
            return keras.layers.Dropout(of["rate"])


def keras_model(shape, layers):
    model = keras.Sequential([keras.Input(shape), *map(keras_layer, layers)])
    # Biases that aren't zero, and kernels of round numbers that print short.
    model.set_weights([random.normal(0, 0.5, w.shape).round(3) for w in model.get_weights()])
    return model


def values(array):
    return [float(str(value)) for value in np.asarray(array, np.float32).ravel()]


def weights(model):
    flat = [values(w) for w in model.get_weights()]
    return [{"kernel": kernel, "bias": bias} for kernel, bias in zip(flat[::2], flat[1::2])]


def samples(count, shape):
    return random.normal(0, 1, (count, *shape)).round(3).astype("float32")


def forward(name, shape, layers, scale=1):
    model = keras_model(shape, layers)
    inputs = scale * samples(2, shape)
    return {
        "name": name,
        "input": dict(zip(["height", "width", "channels"], shape)),
        "layers": layers,
        "weights": weights(model),
        "inputs": values(inputs),
        "outputs": values(model.predict(inputs, verbose=0)),
    }


LEAKY_RELU = {"leaky_relu": {"negative_slope": round(keras.layers.LeakyReLU().negative_slope, 6)}}
ACTIVATIONS = ["relu", "relu6", LEAKY_RELU, "hard_swish", "sigmoid", "selu", "tanh"]
FORWARD = [
    forward("conv2d 2x2 valid", (5, 4, 1), [conv2d(3, (2, 2))]),
    forward("conv2d 2x2 same", (5, 4, 1), [conv2d(3, (2, 2), padding="same")]),
    forward("conv2d 3x2 same, two channels", (5, 4, 2), [conv2d(3, (3, 2), padding="same")]),
    forward("conv2d 3x3 same, stride 2", (5, 6, 2), [conv2d(3, (3, 3), (2, 2), "same")]),
    forward("conv2d 3x3 valid, stride 2x1", (6, 5, 2), [conv2d(4, (3, 3), (2, 1))]),
    forward("conv2d 5x4 same on 3x3", (3, 3, 1), [conv2d(2, (5, 4), padding="same")]),
    forward("conv2d 1x1", (3, 3, 4), [conv2d(2, (1, 1))]),
    forward("depthwise_conv2d 2x2 valid", (5, 4, 3), [depthwise_conv2d((2, 2))]),
    forward("depthwise_conv2d 3x2 same", (5, 4, 3), [depthwise_conv2d((3, 2), padding="same")]),
    forward(
        "depthwise_conv2d 3x3 same, stride 2",
        (5, 6, 2),
        [depthwise_conv2d((3, 3), (2, 2), padding="same")],
    ),
    forward("depthwise_conv2d, dilation 2x1", (7, 6, 2), [depthwise_conv2d((3, 2), dilation=(2, 1))]),
    forward(
        "depthwise_conv2d same, dilation 2x3",
        (5, 6, 2),
        [depthwise_conv2d((3, 2), dilation=(2, 3), padding="same")],
    ),
    forward("max_pool2d 2x2, odd edges", (5, 7, 2), [max_pool2d((2, 2), (2, 2))]),
    forward("max_pool2d 3x2, stride 1x2", (5, 7, 2), [max_pool2d((3, 2), (1, 2))]),
    forward("average_pool2d 2x2, odd edges", (5, 7, 2), [average_pool2d((2, 2), (2, 2))]),
    forward("average_pool2d 3x2, stride 1x2", (5, 7, 2), [average_pool2d((3, 2), (1, 2))]),
    forward("global_average_pool2d", (5, 4, 3), ["global_average_pool2d"]),
    *[forward(f"{a} on a map", (3, 3, 2), [conv2d(5, (2, 2)), activation(a)]) for a in ACTIVATIONS],
    # Values up to ±10, so that both ends of relu6 and hard_swish are met.
    *[forward(f"{a} of a vector", (1, 1, 24), ["flatten", activation(a)], 4) for a in ACTIVATIONS],
    forward("softmax", (1, 1, 7), ["flatten", dense(5), activation("softmax")]),
    forward(
        "walking network with 6 filters",
        (90, 3, 1),
        [
            conv2d(6, (2, 2)),
            activation("relu"),
            max_pool2d((2, 2), (2, 2)),
            dropout(0.2),
            "flatten",
            dense(6),
            activation("relu"),
            dense(6),
            activation("relu"),
            dense(6),
            activation("softmax"),
        ],
    ),
]

SHAPE, CLASSES, STEPS = (6, 4, 2), 3, 3
LAYERS = [
    conv2d(3, (2, 2), padding="same"),
    activation("tanh"),
    max_pool2d((2, 2), (2, 2)),
    "flatten",
    dense(5),
    activation("selu"),
    dense(CLASSES),
    activation("softmax"),
]
OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "sgd": keras.optimizers.SGD,
    "rmsprop": keras.optimizers.RMSprop,
    "adagrad": keras.optimizers.Adagrad,
    "adadelta": keras.optimizers.Adadelta,
    "adamax": keras.optimizers.Adamax,
}


def training():
    model = keras_model(SHAPE, LAYERS)
    first_weights = model.get_weights()
    inputs, labels = samples(8, SHAPE), random.integers(0, CLASSES, 8)
    one_hot = np.eye(CLASSES)[labels]
    dump = {
        "input": dict(zip(["height", "width", "channels"], SHAPE)),
        "layers": LAYERS,
        "weights": weights(model),
        "inputs": values(inputs),
        "labels": labels.tolist(),
        "runs": [],
    }
    for name, optimizer in OPTIMIZERS.items():
        runs = [({}, optimizer()), ({"learning_rate": 0.05}, optimizer(0.05))]
        if name == "sgd":
            runs.append(({"momentum": 0.9}, optimizer(momentum=0.9)))
        for settings, optimizer in runs:
            model.set_weights(first_weights)
            model.compile(optimizer, "categorical_crossentropy")
            # Python floats of float32 losses; `train_on_batch` averages over calls unless reset.
            losses = []
            for _ in range(STEPS):
                model.reset_metrics()
                losses.append(float(model.train_on_batch(inputs, one_hot)))
            run = {"optimizer": name, **settings, "losses": losses, "weights": weights(model)}
            dump["runs"].append(run)
    return dump


dump = {"made_with": VERSIONS, "forward": FORWARD, "training": training()}
path = pathlib.Path(__file__).with_name("dump.json")
path.write_text(json.dumps(dump, separators=(",", ":")) + "\n")
print(path.stat().st_size, "bytes from", VERSIONS)
