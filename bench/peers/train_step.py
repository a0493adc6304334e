"""Times a training step of PyPI's PyTorch: python train_step.py NETWORK THREADS STEPS [compile].

NETWORK is cnn (3×3 convolutions 16 32 | 64 64 | 128 128 with batch norm, pools between, batch 128 of 28×28) or
mlp (784-256-10). Prints one line of JSON with the median milliseconds. Data in float, layout channels last for cnn.
"""
import json
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


class GlobalPool(nn.Module):
    def forward(self, x):
        return x.mean((2, 3)) + x.amax((2, 3))


def network(name):
    if name == "mlp":
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
    layers, channels = [], 1
    for i, out in enumerate([16, 32, 64, 64, 128, 128]):
        if i and i % 2 == 0:
            layers.append(nn.MaxPool2d(2))
        layers += [nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)]
        channels = out
    return nn.Sequential(*layers, GlobalPool(), nn.Linear(128, 10)).to(memory_format=torch.channels_last)


def main():
    name, threads, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = network(name)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    images = torch.randn(128, 1, 28, 28).contiguous(memory_format=torch.channels_last)
    targets = torch.randint(0, 10, (128,))

    def loss_of(x, y):
        return F.cross_entropy(model(x), y)

    if "compile" in sys.argv[4:]:
        loss_of = torch.compile(loss_of)
    times = []
    for _ in range(steps + 10):
        start = time.perf_counter()
        optimizer.zero_grad()
        loss_of(images, targets).backward()
        optimizer.step()
        times.append(time.perf_counter() - start)
    times = sorted(times[10:])
    print(json.dumps({"milliseconds": 1e3 * times[len(times) // 2], "torch": torch.__version__}))


main()
