"""Surgery on the gradients of several tasks side by side: python gradient_surgery.py BENCH_GRADIENT_VACCINE.

TorchJD (PyPI) and WeiChengTseng/Pytorch-PCGrad (not on PyPI: LATHE_PYTORCH_PCGRAD names a checkout) beside Lathe, one
thread.
Equal to 1e-6: what PCGrad and GradVac make of the same gradients of five tasks over six steps, tasks met in the same
order, in float64; GradVac's averages after the last step.
Times: the surgery on 8 tasks × 1 M float32 parameters; a whole training step of four tasks with 32 images each, an MLP
784-512-512-10 without heads: Lathe's Trainer, which draws its batches, beside TorchJD's backward and jac_to_grad and
Pytorch-PCGrad's pc_backward on batches at hand. TorchJD's UPGrad is another method, timed for scale.
`bench/peers/install` installs TorchJD.
"""
import importlib
import importlib.metadata
import statistics
import sys
import unittest.mock

import torch
from torchjd.aggregation import GradVac, PCGrad, UPGrad
from torchjd.autojac import backward, jac_to_grad

from common import Comparison, Lathe, checkout, seconds_of

TASKS, BATCH, STEPS = 4, 32, 20


def torchjd_in_order(aggregator, rows, order):
    """TorchJD draws with torch.randperm: PCGrad among all tasks, GradVac places among the others."""
    draws = iter(enumerate(order.tolist()))

    def given(size):
        i, met = next(draws)
        others = [j for j in range(len(order)) if j != i]
        return torch.tensor(met if size == len(order) else [others.index(j) for j in met if j != i])

    with unittest.mock.patch("torch.randperm", given):
        return aggregator(rows)


def pytorch_pcgrad_in_order(surgery, rows, order):
    draws = iter(order.tolist())

    def given(gradients):
        gradients[:] = [rows[j] for j in next(draws)]

    with unittest.mock.patch("random.shuffle", given):
        return surgery(list(rows))


def network():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 512), torch.nn.ReLU(), torch.nn.Linear(512, 512),
                               torch.nn.ReLU(), torch.nn.Linear(512, 10))


def training(take_gradients):
    """Median seconds of a step; take_gradients(losses, model, optimizer) fills .grad."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 1e-3, momentum=0.9, nesterov=True, weight_decay=5e-4)
    images, targets = torch.randn(TASKS, BATCH, 1, 28, 28), torch.randint(0, 10, (TASKS, BATCH))

    def step():
        optimizer.zero_grad()
        take_gradients([torch.nn.functional.cross_entropy(model(x), y) for x, y in zip(images, targets)], model, optimizer)
        optimizer.step()

    return statistics.median(seconds_of(step) for _ in range(STEPS))


def torchjd_training(aggregator):
    def take_gradients(losses, model, _):
        backward(losses)
        jac_to_grad(model.parameters(), aggregator, optimize_gramian_computation=True)  # the faster way

    return training(take_gradients)


def compare_torchjd(lathe, comparison):
    rows, orders = lathe.read("rows"), lathe.read("orders")
    pcgrad, gradvac, upgrad = PCGrad(), GradVac(beta=lathe.facts["beta"]), UPGrad()
    for name, aggregator in (("pcgrad", pcgrad), ("gradvac", gradvac)):
        theirs = torch.stack([torchjd_in_order(aggregator, *step) for step in zip(rows, orders)])
        comparison.equal(f"TorchJD {name}: gradients of 6 steps", lathe.read(name), theirs)
    comparison.equal("TorchJD gradvac: averages", lathe.read("averages"), gradvac.gramian_weighting._phi_t)
    gradvac.reset()
    gradients = lathe.read("gradients")
    for name, aggregator, ours in (("PCGrad", pcgrad, "pcgrad"), ("GradVac", gradvac, "gradvac"),
                                   ("UPGrad (Lathe: GradVac)", upgrad, "gradvac")):
        comparison.times(f"TorchJD {name}, 8 × 1 M", lambda: lathe.turn(ours),
                         lambda: seconds_of(lambda: aggregator(gradients)))
        comparison.times(f"TorchJD {name}, step of an MLP", lambda: lathe.turn(f"{ours} step"),
                         lambda: torchjd_training(type(aggregator)()))


def compare_pytorch_pcgrad(folder, lathe, comparison):
    sys.path.insert(0, folder)
    authors = importlib.import_module("pcgrad").PCGrad

    def surgery(rows):
        return authors(None)._project_conflicting(rows, [torch.ones_like(row) for row in rows])

    rows, orders = lathe.read("rows"), lathe.read("orders")
    theirs = torch.stack([pytorch_pcgrad_in_order(surgery, *step) for step in zip(rows, orders)])
    comparison.equal("Pytorch-PCGrad: gradients of 6 steps, mean of the tasks", lathe.read("pcgrad") / rows.shape[1], theirs)
    gradients = lathe.read("gradients")
    comparison.times("Pytorch-PCGrad, 8 × 1 M", lambda: lathe.turn("pcgrad"),
                     lambda: seconds_of(lambda: surgery(list(gradients))))
    comparison.times("Pytorch-PCGrad, step of an MLP", lambda: lathe.turn("pcgrad step"),
                     lambda: training(lambda losses, _, optimizer: authors(optimizer).pc_backward(losses)))


def main():
    comparison = Comparison(f"TorchJD {importlib.metadata.version('torchjd')}")
    with Lathe(sys.argv[1]) as lathe:
        compare_torchjd(lathe, comparison)
        folder = checkout("LATHE_PYTORCH_PCGRAD", "WeiChengTseng/Pytorch-PCGrad")
        if folder:
            compare_pytorch_pcgrad(folder, lathe, comparison)
    comparison.finish()


main()
