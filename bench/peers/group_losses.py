"""Parts of classes and losses over groups side by side: python group_losses.py BENCH_GROUP_INVARIANCE.

None of these peers is on PyPI; each is left out unless a checkout is named: ecreager/eiil (LATHE_EIIL), p-lambda/wilds
(LATHE_WILDS), kohpangwei/group_DRO (LATHE_GROUP_DRO).
Equal: EIIL's parts of 5,000 examples of two classes, from the same logits and the same random start, 1,000 iterations
with learning rate 0.01 (published: 10,000 with 0.001); theirs are numbered as ours are, the part with the larger mean
loss second in each class. GroupDRO's loss and weights over 50 batches of 128 with four groups (1e-6): wilds' GroupDRO;
group_DRO's LossComputer, also with adjustments C/√n and with normalised risks. LossComputer's loss holds the adjustments,
ours does not: they have no gradient and are added here. All in float64.
Times, float32: inferring the parts; a GroupDRO step on given logits, loss, gradient and weights.
`.cuda()` is made to do nothing. wilds' average over groups comes from torch_scatter, which needs a build of its own:
PyTorch's scatter_reduce stands in. What else the modules import without using it here is replaced by nothing.
The authors' own program for predictive group invariance (Faruk-Ahmed/predictive_group_invariance) wants TensorFlow 1.14,
for which Python 3.7 was the last.
"""
import contextlib
import importlib
import importlib.machinery
import importlib.util
import io
import pathlib
import sys
import types
import unittest.mock

import torch

from common import Comparison, Lathe, checkout, seconds_of


def module_of(file):
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def precision(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    with unittest.mock.patch.object(torch.Tensor, "float", lambda tensor: tensor.to(dtype)):
        yield
    torch.set_default_dtype(before)


def compare_eiil(folder, lathe, comparison):
    authors = module_of(pathlib.Path(folder, "opt_env/utils/opt_utils.py"))
    logits, targets = lathe.read("pool_logits"), lathe.read("pool_targets")
    losses = torch.nn.functional.cross_entropy(logits, targets, reduction="none")

    def infer(dtype):
        """Rows of the two parts."""
        pool = {"images": logits[:, 1:].to(dtype), "labels": targets[:, None].to(dtype), "row": torch.arange(len(targets))}
        with precision(dtype), contextlib.redirect_stdout(io.StringIO()):
            parts = authors.split_data_opt(pool, torch.nn.Identity(), n_steps=lathe.facts["iterations"],
                                           lr=lathe.facts["lr"], join=False, no_tqdm=True)
        return [part["row"] for part in parts]

    with unittest.mock.patch("torch.randn", lambda size: lathe.read("start")):
        parts = infer(torch.float64)
    theirs = torch.zeros(len(targets))
    for of_class in (targets == 0, targets == 1):
        members = [part[of_class[part]] for part in parts]
        theirs[max(members, key=lambda rows: losses[rows].mean())] = 1
    comparison.equal("eiil: parts of 5,000 examples", lathe.read("parts"), theirs, 0)
    print(f"eiil: {int(theirs.sum())} of {len(theirs)} examples are in the second part of their class")
    comparison.times("eiil: inferring the parts", lambda: lathe.turn("eiil"), lambda: seconds_of(lambda: infer(torch.float32)),
                     rounds=3)


def wilds_group_dro(folder):
    sys.path[:0] = [folder, str(pathlib.Path(folder, "examples"))]
    for name in ("pandas", "pandas.api", "pandas.api.types", "transformers", "models", "models.initializer"):
        sys.modules[name] = unittest.mock.MagicMock(__spec__=importlib.machinery.ModuleSpec(name, None))
    sys.modules["torch_scatter"] = types.SimpleNamespace(scatter=lambda src, index, dim_size, reduce: torch.zeros(
        dim_size).scatter_reduce(0, index, src, reduce, include_self=False))
    algorithm = importlib.import_module("algorithms.groupDRO").GroupDRO
    loss = importlib.import_module("wilds.common.metrics.loss").ElementwiseLoss
    return algorithm, loss(torch.nn.CrossEntropyLoss(reduction="none"))


class Wilds:
    """Their update of one batch, without the network and its optimizer."""

    def __init__(self, algorithm, loss, sizes, rate):
        self.algorithm = algorithm.__new__(algorithm)
        torch.nn.Module.__init__(self.algorithm)
        self.algorithm.loss, self.algorithm.group_weights_step_size = loss, rate
        self.algorithm.grouper = types.SimpleNamespace(n_groups=len(sizes))
        self.algorithm.group_weights = torch.full((len(sizes),), 1 / len(sizes))

    def step(self, logits, targets, groups):
        results = {"y_pred": logits, "y_true": targets, "g": groups}
        self.algorithm._update(results, should_step=False)
        return results["objective"], results["group_weight"]


class LossComputer:
    def __init__(self, authors, sizes, rate, adjustment=0.0, normalize=False):
        groups = types.SimpleNamespace(n_groups=len(sizes), group_counts=lambda: sizes, group_str=str)
        adjustments = torch.full((len(sizes),), adjustment).numpy()
        self.computer = authors.LossComputer(torch.nn.CrossEntropyLoss(reduction="none"), True, groups, alpha=0.2,
                                             adj=adjustments, step_size=rate, normalize_loss=normalize)

    def step(self, logits, targets, groups):
        loss = self.computer.loss(logits, targets, groups, is_training=True)
        loss.backward()
        return loss.item(), self.computer.adv_probs


def course(peer, logits, targets, groups):
    """Losses and weights of one batch after the other."""
    taken = [peer.step(x.clone().requires_grad_(), y, g) for x, y, g in zip(logits, targets, groups)]
    return torch.tensor([loss for loss, _ in taken]), torch.stack([weights for _, weights in taken])


def compare_group_dro(name, modes, lathe, comparison):
    """modes: name of Lathe's course -> (peer of sizes, what its loss has besides)."""
    logits, targets, groups, sizes = (lathe.read(n) for n in ("logits", "targets", "groups", "sizes"))
    for mode, (make, adjustment) in modes.items():
        with precision(torch.float64):
            losses, weights = course(make(sizes), logits, targets, groups)
        own_losses, own_weights = lathe.read(f"{mode}_losses"), lathe.read(f"{mode}_weights")
        own_losses += own_weights @ (adjustment / sizes.double().sqrt())
        comparison.equal(f"{name}, {mode} risks: losses", own_losses, losses)
        comparison.equal(f"{name}, {mode} risks: weights", own_weights, weights)
    single, make = logits.to(torch.float32), modes["absolute"][0]
    comparison.times(f"{name}: a step", lambda: lathe.turn("group_dro"),
                     lambda: seconds_of(lambda: course(make(sizes), single, targets, groups)) / len(logits), rounds=15)


def main():
    comparison = Comparison()
    with Lathe(sys.argv[1]) as lathe, unittest.mock.patch.object(torch.Tensor, "cuda", lambda tensor: tensor):
        rate, adjustment = lathe.facts["rate"], lathe.facts["adjustment"]
        folder = checkout("LATHE_EIIL", "ecreager/eiil")
        if folder:
            compare_eiil(folder, lathe, comparison)
        folder = checkout("LATHE_WILDS", "p-lambda/wilds")
        if folder:
            algorithm, loss = wilds_group_dro(folder)
            compare_group_dro("wilds", {"absolute": (lambda sizes: Wilds(algorithm, loss, sizes, rate), 0)}, lathe, comparison)
        folder = checkout("LATHE_GROUP_DRO", "kohpangwei/group_DRO")
        if folder:
            authors = module_of(pathlib.Path(folder, "loss.py"))
            compare_group_dro("group_DRO", {
                "absolute": (lambda sizes: LossComputer(authors, sizes, rate), 0),
                "adjusted": (lambda sizes: LossComputer(authors, sizes, rate, adjustment), adjustment),
                "relative": (lambda sizes: LossComputer(authors, sizes, rate, normalize=True), 0),
            }, lathe, comparison)
    comparison.finish()


main()
