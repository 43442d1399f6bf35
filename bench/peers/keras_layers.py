"""Keras on TensorFlow, one thread, and its layers for those that the crate `autotinyml-nn` writes."""

import os

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
        case "depthwise_conv2d":
            return keras.layers.DepthwiseConv2D(of["kernel"], of["stride"], of["padding"])
        case "batch_norm":
            return keras.layers.BatchNormalization(momentum=of["momentum"], epsilon=of["epsilon"])
        case "max_pool2d":
            return keras.layers.MaxPooling2D(of["window"], of["stride"])
        case "global_average_pool2d":
            return keras.layers.GlobalAveragePooling2D()
        case "dropout":
            return keras.layers.Dropout(of["rate"])
        case "flatten":
            return keras.layers.Flatten()
        case "dense":
            return keras.layers.Dense(of["units"])
        case "activation":
            return keras.layers.Activation(of)
        case _:
            raise ValueError(f"no layer of Keras is written down here for {described}")


def model(shape, layers):
    return keras.Sequential([keras.Input(shape), *map(layer, layers)])
