"""The authors' gradient projection memory on given tasks: python gradient_projection_memory.py DIRECTORY GPM EPOCHS.

DIRECTORY holds .npy files: parameter0 … parameter2, the first weights of the authors' network; for each task T train_xT
[N, 784] and train_yT [N] with the same of test_, orderT [EPOCHS, N], the order of the training images in each epoch, and
samplesT, those that the memory is updated with. GPM is a checkout of sahagobinda/GPM; it is not on PyPI. Its functions
of main_pmnist.py train and update with its settings (SGD 0.01, batches of 10, thresholds 0.95, 0.99, 0.99) on one
thread, in the order of its main(), which reads its own data and draws at the end. Two things are put in place of its
own at import: its modules for pictures, which are not needed, and numpy's shuffle, so that the orders are those given.
Prints one line of JSON: seconds of each task (training and memory, without the measurements between), the accuracy on
every task after each task, and the vectors in each layer's memory.
"""
import argparse
import contextlib
import importlib
import importlib.machinery
import io
import json
import pathlib
import sys
import time
import types
import unittest.mock

import numpy
import torch


def import_authors(checkout):
    sys.path.insert(0, checkout)
    for name in ("torchvision", "matplotlib", "matplotlib.pyplot", "seaborn", "pandas"):
        sys.modules[name] = unittest.mock.MagicMock(__spec__=importlib.machinery.ModuleSpec(name, None))
    return importlib.import_module("main_pmnist")


class GivenOrder:
    """Stands for numpy.random in the authors' module: shuffles into the order that was asked for, or not at all."""

    def __init__(self):
        self.next = None

    def shuffle(self, rows):
        if self.next is not None:
            rows[: len(self.next)] = self.next
            self.next = None


def numpy_with(random):
    """numpy, but for its random module."""
    module = types.ModuleType("numpy")
    module.__dict__.update(vars(numpy))
    module.random = random
    return module


def main():
    directory, checkout, epochs = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    torch.set_num_threads(1)
    authors = import_authors(checkout)
    given = GivenOrder()
    authors.np = numpy_with(given)

    def read(name):
        return torch.from_numpy(numpy.load(directory / f"{name}.npy"))

    args = argparse.Namespace(batch_size_train=10, batch_size_test=64)
    device, criterion, threshold = torch.device("cpu"), torch.nn.CrossEntropyLoss(), numpy.array([0.95, 0.99, 0.99])
    model = authors.MLPNet(100, 10)
    with torch.no_grad():
        for i, parameter in enumerate(model.parameters()):
            parameter.copy_(read(f"parameter{i}"))
    num_tasks = len(list(directory.glob("train_x*.npy")))
    tests = [(read(f"test_x{t}"), read(f"test_y{t}")) for t in range(num_tasks)]
    features, seconds, accuracy = [], [], []
    for task in range(num_tasks):
        x, y, order, samples = (read(f"{name}{task}") for name in ("train_x", "train_y", "order", "samples"))
        started = time.perf_counter()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        projections = [torch.Tensor(numpy.dot(f, f.transpose())) for f in features]
        for epoch in range(epochs):
            given.next = order[epoch].numpy()
            if task == 0:
                authors.train(args, model, device, x, y, optimizer, criterion)
            else:
                authors.train_projected(args, model, device, x, y, optimizer, criterion, projections)
        with contextlib.redirect_stdout(io.StringIO()):
            given.next = samples.numpy()
            matrices = authors.get_representation_matrix(model, device, x, y)
            features = authors.update_GPM(model, matrices, threshold, features)
        seconds.append(time.perf_counter() - started)
        accuracy.append([authors.test(args, model, device, tx, ty, criterion)[1] / 100 for tx, ty in tests])
    print(json.dumps({
        "seconds": seconds,
        "accuracy": accuracy,
        "vectors": [f.shape[1] for f in features],
        "torch": torch.__version__,
    }))


main()
