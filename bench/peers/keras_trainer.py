"""Keras on TensorFlow: python keras_trainer.py CASE"""

import os
import time

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
import tensorflow as tf

import training

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)


def layer(described):
    name, of = training.kind(described)
    match name:
        case "conv2d":
            return keras.layers.Conv2D(of["filters"], of["kernel"], of["stride"], of["padding"])
        case "max_pool2d":
            return keras.layers.MaxPooling2D(of["window"], of["stride"])
        case "dropout":
            return keras.layers.Dropout(of["rate"])
        case "flatten":
            return keras.layers.Flatten()
        case "dense":
            return keras.layers.Dense(of["units"])
        case "activation":
            return keras.layers.Activation(of)


class Stopwatch(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.start)


case = training.case()
inputs, labels = training.random_data(case)
model = keras.Sequential([keras.Input(inputs.shape[1:]), *map(layer, case["layers"])])
model.compile("adam", "sparse_categorical_crossentropy")
stopwatch = Stopwatch()
model.fit(
    inputs,
    labels,
    batch_size=case["batch"],
    epochs=case["epochs"],
    callbacks=[stopwatch],
    verbose=0,
)
training.report(stopwatch.seconds)
