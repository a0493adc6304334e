"""Trains an MLP with fairscale's AdaScale over accumulated gradients: python adascale.py DIRECTORY LR.

DIRECTORY holds .npy files: images [N, 784], targets [N], parameter0 … (weights and biases of the linear layers in turn)
and order [steps, replicas, batch], the indices of every micro-batch. SGD with momentum 0.9, one thread. Prints one line
of JSON: the gain of every step and the median milliseconds of a step.
"""
import json
import pathlib
import sys
import time

import numpy
import torch
import torch.nn.functional as F
from fairscale.optim import AdaScale

WARM_UP = 3


def main():
    directory, lr = pathlib.Path(sys.argv[1]), float(sys.argv[2])

    def read(name):
        return torch.from_numpy(numpy.load(directory / f"{name}.npy"))

    torch.set_num_threads(1)
    layers = []
    count = len(list(directory.glob("parameter*.npy")))
    for i in range(0, count, 2):
        weight, bias = read(f"parameter{i}"), read(f"parameter{i + 1}")
        layers += [torch.nn.Linear(weight.shape[1], weight.shape[0]), torch.nn.ReLU()]
        layers[-2].weight.data.copy_(weight)
        layers[-2].bias.data.copy_(bias)
    model = torch.nn.Sequential(*layers[:-1])
    images, targets, order = read("images"), read("targets"), read("order")
    replicas = order.shape[1]
    optimizer = AdaScale(
        torch.optim.SGD(model.parameters(), lr, momentum=0.9), world_size=1, num_gradients_to_accumulate=replicas
    )
    gains, times = [], []
    last = time.perf_counter()
    for step in order:
        optimizer.zero_grad()
        for indices in step:
            (F.cross_entropy(model(images[indices]), targets[indices]) / replicas).backward()
        gains.append(float(optimizer.gain()))
        optimizer.step()
        now = time.perf_counter()
        times.append(now - last)
        last = now
    times = sorted(times[WARM_UP:])
    print(json.dumps({"gains": gains, "milliseconds": 1e3 * times[len(times) // 2], "torch": torch.__version__}))


main()
