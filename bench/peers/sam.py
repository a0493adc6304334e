"""Trains an MLP with pytorch-optimizer's SAM on one thread: python sam.py DIRECTORY RHO.

DIRECTORY holds .npy files: images [N, 784] and targets [N] with the same of test_ images, parameter0 … (weights and
biases of the linear layers in turn) and order [steps, batch], the indices of every batch. SGD 0.05 with momentum 0.9,
weight decay 5e-4 and a cosine to 0. Prints one line of JSON: median milliseconds of a step, test accuracy in percent.
"""
import json
import math
import pathlib
import sys
import time

import numpy
import pytorch_optimizer
import torch
import torch.nn.functional as F

WARM_UP = 3


def network(parameters):
    layers = []
    for weight, bias in zip(parameters[::2], parameters[1::2]):
        layers += [torch.nn.Linear(weight.shape[1], weight.shape[0]), torch.nn.ReLU()]
        layers[-2].weight.data.copy_(weight)
        layers[-2].bias.data.copy_(bias)
    return torch.nn.Sequential(*layers[:-1])


def main():
    directory, rho = pathlib.Path(sys.argv[1]), float(sys.argv[2])

    def read(name):
        return torch.from_numpy(numpy.load(directory / f"{name}.npy"))

    torch.set_num_threads(1)
    model = network([read(f"parameter{i}") for i in range(len(list(directory.glob("parameter*.npy"))))])
    images, targets, order = read("images"), read("targets"), read("order")
    optimizer = pytorch_optimizer.SAM(
        model.parameters(), torch.optim.SGD, rho=rho, lr=0.05, momentum=0.9, weight_decay=5e-4
    )
    times = []
    last = time.perf_counter()
    for step, indices in enumerate(order):
        for group in optimizer.param_groups:
            group["lr"] = 0.05 * (1 + math.cos(math.pi * step / len(order))) / 2
        x, y = images[indices], targets[indices]

        def closure():
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            return loss

        closure()
        optimizer.step(closure)
        now = time.perf_counter()
        times.append(now - last)
        last = now
    with torch.no_grad():
        right = (model(read("test_images")).argmax(1) == read("test_targets")).double().mean().item()
    times = sorted(times[WARM_UP:])
    print(json.dumps({"milliseconds": 1e3 * times[len(times) // 2], "accuracy": 100 * right}))


main()
