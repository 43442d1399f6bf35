"""PyTorch: python pytorch_trainer.py CASE [fused]; with `fused` Adam is one kernel per step."""

import sys
import time

import numpy as np
import torch
from torch import nn

import training

torch.set_num_threads(1)


class Same(nn.Module):
    """Zeros around a map as Keras' `same` padding puts them."""

    def __init__(self, kernel):
        super().__init__()
        before = [(size - 1) // 2 for size in kernel]
        after = [size - 1 - zeros for size, zeros in zip(kernel, before)]
        self.zeros = (before[1], after[1], before[0], after[0])

    def forward(self, x):
        return nn.functional.pad(x, self.zeros)


def convolution(of, channels, filters, groups):
    # An odd kernel is padded alike on both sides, which the convolution does itself.
    odd = of["padding"] == "same" and all(size % 2 for size in of["kernel"])
    padding = [size // 2 for size in of["kernel"]] if odd else 0
    before = [Same(of["kernel"])] if of["padding"] == "same" and not odd else []
    after = nn.Conv2d(channels, filters, of["kernel"], of["stride"], padding, groups=groups)
    return [*before, after]


def layers(described, channels):
    name, of = training.kind(described)
    match name:
        case "conv2d":
            return convolution(of, channels, of["filters"], 1)
        case "depthwise_conv2d":
            return convolution(of, channels, channels, channels)
        case "batch_norm":
            return [nn.BatchNorm2d(channels, of["epsilon"], 1 - of["momentum"])]
        case "global_average_pool2d":
            return [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        case "max_pool2d":
            return [nn.MaxPool2d(tuple(of["window"]), tuple(of["stride"]))]
        case "dropout":
            return [nn.Dropout(of["rate"])]
        case "flatten":
            return [nn.Flatten()]
        case "dense":
            return [nn.LazyLinear(of["units"])]
        case "activation" if of == "relu":
            return [nn.ReLU()]
        case "activation" if of == "relu6":
            return [nn.ReLU6()]
        case "activation" if of == "softmax":
            return []  # part of the loss
        case _:
            raise ValueError(f"no layer of PyTorch is written down here for {described}")


def modules(case):
    channels = case["input"]["channels"]
    for described in case["layers"]:
        yield from layers(described, channels)
        name, of = training.kind(described)
        channels = of["filters"] if name == "conv2d" else channels


case = training.case()
inputs, labels = training.random_data(case)
inputs = torch.from_numpy(np.ascontiguousarray(inputs.transpose(0, 3, 1, 2)))
labels = torch.from_numpy(labels)
model = nn.Sequential(*modules(case))
model(inputs[:1])
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7, fused="fused" in sys.argv)
loss = nn.CrossEntropyLoss()
model.train()

seconds = []
for _ in range(case["epochs"]):
    start = time.perf_counter()
    for batch in torch.randperm(len(inputs)).split(case["batch"]):
        optimizer.zero_grad()
        loss(model(inputs[batch]), labels[batch]).backward()
        optimizer.step()
    seconds.append(time.perf_counter() - start)
training.report(seconds)
