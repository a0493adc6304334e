"""Averages and curves of weights side by side: python weight_space.py BENCH_WEIGHT_SPACE.

torch.optim.swa_utils (PyTorch) and timgaripov/dnn-mode-connectivity (not on PyPI: LATHE_MODE_CONNECTIVITY names a
checkout) beside Lathe, one thread.
Equal to 1e-6, in float64: the average of five snapshots of a CNN, batch norm's running statistics of it over 2,000
images, 500 at a time; the learning rate that goes with it; the coefficients of lines and curves, and at three places on a
quadratic Bézier curve in turn the loss, the first one's gradient for each of the three sets of weights, and what three
steps of SGD change in them.
Times, float32: taking in a snapshot; update_bn beside nn::recompute_batch_norm; a step of dnn-mode-connectivity's ConvFC
on 128 images of 3×32×32, plain and on a curve. On the curve both ways: the loss alone, which is the same function for
both; and as each was published, with weight decay at the point (theirs) or on the endpoints and the term that pushes them
apart (ours).
dnn-mode-connectivity's utils.py is not valid Python since 3.7 (`async` as an argument), so its training loop stands here.
"""
import importlib
import sys

import torch
from torch.optim.swa_utils import SWALR, AveragedModel, update_bn

from common import Comparison, Lathe, checkout, seconds_of


class Pool(torch.nn.Module):
    def forward(self, x):
        return x.mean((2, 3)) + x.amax((2, 3))


def cnn():
    """Lathe's default CNN."""
    layers, channels = [], 1
    for i, out in enumerate([16, 32, 64, 64, 128, 128]):
        if i and i % 2 == 0:
            layers.append(torch.nn.MaxPool2d(2))
        layers += [torch.nn.Conv2d(channels, out, 3, padding=1, bias=False), torch.nn.BatchNorm2d(out),
                   torch.nn.ReLU(inplace=True)]
        channels = out
    return torch.nn.Sequential(*layers, Pool(), torch.nn.Linear(128, 10)).to(memory_format=torch.channels_last)


def flat(tensors):
    return torch.cat([t.detach().flatten() for t in tensors])


def put(values, parameters):
    with torch.no_grad():
        for value, parameter in zip(values.split([p.numel() for p in parameters]), parameters, strict=True):
            parameter.copy_(value.view(parameter.shape))


def swalr(rates, factor):
    """The rates that SWALR gives where averaging begins to fall after half of the steps and has fallen after 90 %."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 1.0)
    steps, given = len(rates), []
    for step in range(steps):
        if step == steps // 2:
            schedule = SWALR(optimizer, swa_lr=factor, anneal_epochs=int(0.4 * steps), anneal_strategy="linear")
        given.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step >= steps // 2:
            schedule.step()
    return torch.tensor(given)


def compare_swa(lathe, comparison):
    def averaged(dtype):
        network = cnn().to(dtype)
        average = AveragedModel(network)
        for snapshot in lathe.read("snapshots"):
            put(snapshot, list(network.parameters()))
            average.update_parameters(network)
        batches = lathe.read("pictures").to(dtype).contiguous(memory_format=torch.channels_last).split(500)
        return network, average, batches

    with torch.no_grad():
        _, average, batches = averaged(torch.float64)
        update_bn(batches, average)
        comparison.equal("swa_utils: average of 5 snapshots", lathe.read("average"), flat(average.parameters()))
        theirs = [buffer for buffer in average.module.buffers() if buffer.is_floating_point()]
        comparison.equal("swa_utils: batch norm's statistics", lathe.read("statistics"), flat(theirs))
        rates = lathe.read("rates")
        comparison.equal("SWALR: rate of 100 steps", rates, swalr(rates, lathe.facts["swa_factor"]))
        network, average, batches = averaged(torch.float32)
        comparison.times("swa_utils: a snapshot", lambda: lathe.turn("snapshot"),
                         lambda: seconds_of(lambda: average.update_parameters(network)), rounds=15)
        comparison.times("swa_utils: update_bn, 2,000 images", lambda: lathe.turn("statistics"),
                         lambda: seconds_of(lambda: update_bn(batches, average)), rounds=3)


class Training:
    """A network and its optimizer; step() is what the authors' loop does with a batch."""

    def __init__(self, lathe, network, dtype, regularizer=None):
        self.network, self.regularizer = network.to(dtype), regularizer
        self.images, self.labels = lathe.read("images").to(dtype), lathe.read("labels")
        self.optimizer = torch.optim.SGD(network.parameters(), lathe.facts["rate"], momentum=lathe.facts["momentum"])

    def step(self, *place):
        loss = torch.nn.functional.cross_entropy(self.network(self.images, *place), self.labels)
        if self.regularizer:
            loss += self.regularizer(self.network)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()


def compare_curves(folder, lathe, comparison):
    sys.path.insert(0, folder)
    curves, convfc = importlib.import_module("curves"), importlib.import_module("models.convfc")
    name = "dnn-mode-connectivity"
    places, of_curve = lathe.read("places"), lathe.read("curve")
    theirs = [torch.stack([kind(t) for t in places]) for kind in (curves.PolyChain(2), curves.Bezier(3))]
    bends = [0, 2, 1]  # Lathe's third set of weights is the control point, theirs the second
    comparison.equal(f"{name}: PolyChain of 2 and line", lathe.read("line"), theirs[0])
    comparison.equal(f"{name}: Bezier of 3 and curve", of_curve, theirs[1][:, bends])

    def on_curve(dtype, regularizer=None):
        network = curves.CurveNet(10, curves.Bezier, convfc.ConvFCCurve, 3, fix_start=False, fix_end=False).to(dtype)
        for values, bend in zip(lathe.read("endpoints"), bends):
            put(values, list(network.net.parameters())[bend::3])
        return Training(lathe, network, dtype, regularizer)

    training = on_curve(torch.float64)
    of_bends = [list(training.network.net.parameters())[bend::3] for bend in bends]
    losses = []
    for i, t in enumerate(places):
        losses.append(training.step(t))
        if i == 0:
            gradients = torch.stack([flat(p.grad for p in parameters) for parameters in of_bends])
    comparison.equal(f"{name}: losses of 3 steps", lathe.read("losses"), torch.tensor(losses))
    comparison.equal(f"{name}: gradients of the first", lathe.read("gradients"), gradients)
    before = lathe.read("endpoints")
    comparison.equal(f"{name}: what 3 steps change", lathe.read("trained") - before,
                     torch.stack([flat(p) for p in of_bends]) - before)

    plain, bare = Training(lathe, convfc.ConvFCBase(10), torch.float32), on_curve(torch.float32)
    decayed = on_curve(torch.float32, curves.l2_regularizer(lathe.facts["weight_decay"]))
    for what, ours, peer in (("plain step", "plain", plain), ("curve's step, the loss alone", "curve", bare),
                             ("curve's step, as published", "regularised", decayed)):
        comparison.times(f"{name}: {what}", lambda: lathe.turn(ours), lambda: seconds_of(peer.step), rounds=5)


def main():
    comparison = Comparison()
    with Lathe(sys.argv[1]) as lathe:
        compare_swa(lathe, comparison)
        folder = checkout("LATHE_MODE_CONNECTIVITY", "timgaripov/dnn-mode-connectivity")
        if folder:
            compare_curves(folder, lathe, comparison)
    comparison.finish()


main()
