"""LibMTL's GradVac and PCGrad on given gradients: python gradient_vaccine.py DIRECTORY LIBMTL LAYERS BETA.

DIRECTORY holds .npy files: gradients [T, P] to be timed, and pairs [S, 2, Q], S steps of two tasks. LIBMTL is a checkout of
median-research-group/LibMTL. Writes gradvac_pairs.npy and pcgrad_pairs.npy, [S, Q], the gradients that each gives for the
pairs, and prints one line of JSON: milliseconds of a step, one thread.
"""
import json
import pathlib
import statistics
import sys
import time
import types

import numpy
import torch

WARM_UP, COUNTED = 1, 5


def import_weightings(checkout):
    """The two modules alone: the packages around them import solvers that they do not use."""
    for name in ("LibMTL", "LibMTL.weighting"):
        package = types.ModuleType(name)
        package.__path__ = [str(pathlib.Path(checkout, *name.split(".")))]
        sys.modules[name] = package
    from LibMTL.weighting.GradVac import GradVac
    from LibMTL.weighting.PCGrad import PCGrad

    return GradVac, PCGrad


def on_gradients(base, layers, size):
    """The class with gradients given instead of computed, and kept instead of written to parameters."""

    class Given(base):
        def __init__(self, num_tasks):
            super().__init__()
            self.task_num, self.device, self.rep_grad = num_tasks, torch.device("cpu"), False
            self.encoder = torch.nn.Sequential(*(torch.nn.Linear(size // layers, 1, bias=False) for _ in range(layers)))
            self.init_param()

        def _compute_grad_dim(self):
            pass

        def _compute_grad(self, losses, mode, rep_grad=False):
            return self.given

        def _reset_grad(self, new_grads):
            self.result = new_grads

        def combine(self, gradients, **options):
            self.given = gradients
            self.backward([None] * self.task_num, **options)
            return self.result

    return Given


def milliseconds(method, gradients, **options):
    times = []
    for _ in range(WARM_UP + COUNTED):
        before = time.perf_counter()
        method.combine(gradients, **options)
        times.append(1e3 * (time.perf_counter() - before))
    return statistics.median(times[WARM_UP:])


def main():
    directory, checkout, layers, beta = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    torch.set_num_threads(1)
    grad_vac, pcgrad = import_weightings(checkout)
    gradients, pairs = (torch.from_numpy(numpy.load(directory / f"{name}.npy")) for name in ("gradients", "pairs"))
    tasks, size = gradients.shape
    whole, by_layer = ({"GradVac_beta": beta, "GradVac_group_type": group} for group in (0, 1))
    with torch.no_grad():
        times = {
            "gradvac_model": milliseconds(on_gradients(grad_vac, layers, size)(tasks), gradients, **whole),
            "gradvac_layers": milliseconds(on_gradients(grad_vac, layers, size)(tasks), gradients, **by_layer),
            "pcgrad": milliseconds(on_gradients(pcgrad, layers, size)(tasks), gradients),
        }
        for name, base, options in (("gradvac_pairs", grad_vac, whole), ("pcgrad_pairs", pcgrad, {})):
            method = on_gradients(base, 1, pairs.shape[2])(2)
            steps = [method.combine(pair, **options).clone() for pair in pairs]
            numpy.save(directory / f"{name}.npy", torch.stack(steps).numpy())
    print(json.dumps(times))


main()
