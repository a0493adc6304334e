"""DomainBed's IRM, V-REx and GroupDRO on given logits: python invariance.py DIRECTORY DOMAINBED RATE.

DIRECTORY holds .npy files: logits [N, K], targets [N] and parts [N]; each part is one of DomainBed's environments, its
samples in their order. DOMAINBED is a checkout of facebookresearch/DomainBed; it is not on PyPI. Prints one line of JSON:
the penalties of IRM and V-REx, and GroupDRO's loss after one update of its weights with step size RATE. All in float64.
"""
import importlib.machinery
import json
import pathlib
import sys
import unittest.mock

import numpy
import torch


def import_algorithms(checkout):
    """Of its imports only the backbones need torchvision and timm; none is used here."""
    sys.path.insert(0, checkout)
    for name in ("torchvision", "torchvision.models", "timm"):
        try:
            __import__(name)
        except ImportError:
            sys.modules[name] = unittest.mock.MagicMock(__spec__=importlib.machinery.ModuleSpec(name, None))
    from domainbed import algorithms

    return algorithms


class Logits(torch.nn.Module):
    """Inputs are the logits; one parameter, for the optimizer to have something."""

    def __init__(self):
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return x + 0 * self.unused


def update(algorithm_class, minibatches, **hparams):
    algorithm = algorithm_class.__new__(algorithm_class)
    torch.nn.Module.__init__(algorithm)
    algorithm.hparams = hparams
    algorithm.network = Logits()
    algorithm.optimizer = torch.optim.SGD(algorithm.network.parameters(), lr=0.0)
    algorithm.register_buffer("update_count", torch.tensor([1]))
    algorithm.register_buffer("q", torch.Tensor())
    return algorithm.update(minibatches)


def main():
    directory, checkout, rate = pathlib.Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    torch.set_default_dtype(torch.float64)
    algorithms = import_algorithms(checkout)
    logits, targets, parts = (torch.from_numpy(numpy.load(directory / f"{n}.npy")) for n in ("logits", "targets", "parts"))
    minibatches = [(logits[parts == e], targets[parts == e]) for e in parts.unique()]
    print(json.dumps({
        "irm": update(algorithms.IRM, minibatches, irm_lambda=1.0, irm_penalty_anneal_iters=0)["penalty"],
        "vrex": update(algorithms.VREx, minibatches, vrex_lambda=1.0, vrex_penalty_anneal_iters=0)["penalty"],
        "group_dro": update(algorithms.GroupDRO, minibatches, groupdro_eta=rate)["loss"],
    }))


main()
