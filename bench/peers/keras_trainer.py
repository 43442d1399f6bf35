"""Keras on TensorFlow, timed: python keras_trainer.py CASE"""

import time

import keras_layers  # first: it chooses the backend
import keras

import training


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
model = keras_layers.model(inputs.shape[1:], case["layers"])
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
