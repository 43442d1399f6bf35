"""Writes dump.json: what Keras computes, for the tests to compare with.

    python3 -m venv venv && venv/bin/pip install keras==3.15.1 'jax[cpu]==0.10.2'
    KERAS_BACKEND=jax venv/bin/python dump.py

`forward`: networks with their weights, some inputs and the outputs. `training`: one small network,
its first weights, one batch, and for each optimizer the losses and the weights after three steps;
`normalised` and `residual` the same of other networks for one optimizer. Layers are written as the
crate reads them; weights are lists of kernel and bias per layer. `reads` says what each layer reads,
the input being 0 and the layers' outputs 1, 2 and so on; without it each reads the one before it.
"""

import json
import pathlib

import jax
import keras
import numpy as np

VERSIONS = f"keras {keras.version()}, jax {jax.__version__}, numpy {np.__version__}"
random = np.random.default_rng(0)


def window(kernel, stride, padding, dilation):
    return {"kernel": kernel, "stride": stride, "dilation": dilation, "padding": padding}


def conv2d(filters, kernel, stride=(1, 1), padding="valid", dilation=(1, 1)):
    return {"conv2d": {"filters": filters, **window(kernel, stride, padding, dilation)}}


def depthwise_conv2d(kernel, stride=(1, 1), padding="valid", dilation=(1, 1)):
    return {"depthwise_conv2d": window(kernel, stride, padding, dilation)}


def batch_norm(momentum=0.99, epsilon=1e-3):
    return {"batch_norm": {"momentum": momentum, "epsilon": epsilon}}


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


def conv1d(shape, filters, size, **settings):
    """A network of Keras' Conv1D, dumped as the special case of conv2d that it is."""
    rows, columns, channels = shape
    one = keras.layers.Conv1D(filters, size, **settings)
    model = keras.Sequential(
        [keras.Input(shape), keras.layers.Reshape((rows, columns * channels)), one]
    )
    draw_weights(model)
    pairs = {key: (settings.get(key, 1), 1) for key in ["strides", "dilation_rate"]}
    layer = conv2d(
        filters,
        (size, 1),
        pairs["strides"],
        settings.get("padding", "valid"),
        pairs["dilation_rate"],
    )
    return described(f"conv1d {settings}", shape, ["series", layer], model)


def keras_layer(layer):
    if layer == "add":
        return keras.layers.Add()
    if layer == "flatten":
        return keras.layers.Flatten()
    if layer == "global_average_pool2d":
        return keras.layers.GlobalAveragePooling2D()
    ((kind, of),) = layer.items()
    match kind:
        case "conv2d":
            return keras.layers.Conv2D(
                of["filters"],
                of["kernel"],
                of["stride"],
                of["padding"],
                dilation_rate=of["dilation"],
            )
        case "depthwise_conv2d":
            return keras.layers.DepthwiseConv2D(
                of["kernel"], of["stride"], of["padding"], dilation_rate=of["dilation"]
            )
        case "batch_norm":
            layer = keras.layers.BatchNormalization(**of)
            assert batch_norm(layer.momentum, layer.epsilon) == batch_norm() or of != batch_norm()
            return layer
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


def keras_model(shape, layers, reads=None):
    """The model and its layers in the order of the description, which is not always Keras' own."""
    steps = [keras_layer(layer) for layer in layers]
    if reads is None:
        model = keras.Sequential([keras.Input(shape), *steps])
    else:
        outputs = [keras.Input(shape)]
        for step, sources in zip(steps, reads, strict=True):
            sources = [outputs[source] for source in sources]
            outputs.append(step(sources if len(sources) > 1 else sources[0]))
        model = keras.Model(outputs[0], outputs[-1])
    draw_weights(model)
    return model, steps


def draw_weights(model):
    """Biases that aren't zero, and kernels of round numbers that print short."""
    for w in model.weights:
        is_variance = w.path.endswith("moving_variance")
        draw = random.uniform(0.5, 2, w.shape) if is_variance else random.normal(0, 0.5, w.shape)
        w.assign(draw.round(3))


def values(array):
    return [float(str(value)) for value in np.asarray(array, np.float32).ravel()]


def weights(layers):
    # Those of a batch normalisation are gamma, beta, and the moving averages.
    names = ["kernel", "bias", "moving_mean", "moving_variance"]
    arrays = [layer.get_weights() for layer in layers]
    return [dict(zip(names, map(values, of_layer))) for of_layer in arrays if of_layer]


def samples(count, shape):
    return random.normal(0, 1, (count, *shape)).round(3).astype("float32")


def forward(name, shape, layers, scale=1):
    return described(name, shape, layers, keras_model(shape, layers)[0], scale)


def described(name, shape, layers, model, scale=1):
    inputs = scale * samples(2, shape)
    return {
        "name": name,
        "input": dict(zip(["height", "width", "channels"], shape)),
        "layers": layers,
        "weights": weights(model.layers),
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
    forward("conv2d, dilation 2x1", (7, 6, 2), [conv2d(3, (3, 2), dilation=(2, 1))]),
    forward(
        "conv2d same, dilation 2x3", (5, 6, 2), [conv2d(3, (3, 2), padding="same", dilation=(2, 3))]
    ),
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
    forward("batch_norm of a map", (4, 3, 2), [batch_norm()]),
    forward("conv2d, batch_norm, relu", (5, 4, 2), [conv2d(3, (2, 2)), batch_norm(), activation("relu")]),
    forward("dense, batch_norm", (1, 1, 6), ["flatten", dense(4), batch_norm(0.9, 0.1)]),
    conv1d((9, 3, 1), 4, 3),
    conv1d((9, 2, 2), 3, 3, strides=2, padding="same"),
    conv1d((9, 1, 2), 3, 3, dilation_rate=2),
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

# The same however many networks there are above.
random = np.random.default_rng(1)
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
# Not behind a layer with biases: their gradients would be zero but for rounding.
NORMALISED = [
    conv2d(3, (2, 2), padding="same"),
    activation("tanh"),
    batch_norm(0.9),
    max_pool2d((2, 2), (2, 2)),
    "flatten",
    batch_norm(),
    dense(CLASSES),
    activation("softmax"),
]
# A shortcut from the input, one through a projection, and one around another.
RESIDUAL_LAYERS, RESIDUAL_READS = zip(
    (conv2d(2, (2, 2), padding="same"), [0]),
    (activation("tanh"), [1]),
    ("add", [2, 0]),
    (batch_norm(0.9), [3]),
    (conv2d(4, (3, 3), (2, 2), "same"), [4]),
    (conv2d(4, (1, 1), (2, 2), "same"), [4]),
    ("add", [5, 6]),
    (activation("selu"), [7]),
    (conv2d(4, (2, 2), padding="same"), [8]),
    (depthwise_conv2d((2, 2), padding="same"), [9]),
    ("add", [10, 9]),
    ("add", [11, 8]),
    (activation("hard_swish"), [12]),
    ("flatten", [13]),
    (dense(CLASSES), [14]),
    (activation("softmax"), [15]),
)
OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "sgd": keras.optimizers.SGD,
    "rmsprop": keras.optimizers.RMSprop,
    "adagrad": keras.optimizers.Adagrad,
    "adadelta": keras.optimizers.Adadelta,
    "adamax": keras.optimizers.Adamax,
}


def training(layers, optimizers, reads=None):
    model, steps = keras_model(SHAPE, layers, reads)
    first_weights = model.get_weights()
    inputs, labels = samples(8, SHAPE), random.integers(0, CLASSES, 8)
    one_hot = np.eye(CLASSES)[labels]
    dump = {
        "input": dict(zip(["height", "width", "channels"], SHAPE)),
        "layers": layers,
        **({"reads": reads} if reads else {}),
        "weights": weights(steps),
        "inputs": values(inputs),
        "labels": labels.tolist(),
        "runs": [],
    }
    for name, optimizer in optimizers.items():
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
            run = {"optimizer": name, **settings, "losses": losses, "weights": weights(steps)}
            dump["runs"].append(run)
    return dump


dump = {
    "made_with": VERSIONS,
    "forward": FORWARD,
    "training": training(LAYERS, OPTIMIZERS),
    "normalised": training(NORMALISED, {"sgd": keras.optimizers.SGD}),
    "residual": training(RESIDUAL_LAYERS, {"sgd": keras.optimizers.SGD}, RESIDUAL_READS),
}
path = pathlib.Path(__file__).with_name("dump.json")
path.write_text(json.dumps(dump, separators=(",", ":")) + "\n")
print(path.stat().st_size, "bytes from", VERSIONS)
