"""One step of the authors' training of a line of networks: python neural_subspaces.py CHECKOUT STEPS.

CHECKOUT is a checkout of apple/learning-subspaces. Their ResNet-20 and their training loop run on random images of
CIFAR-10's shape, batches of 128, on one CPU thread. Prints one line of JSON: milliseconds per step (median), and the number
of parameters.
"""
import importlib.machinery
import json
import statistics
import sys
import time
import types
import unittest.mock
import warnings

import torch

WARM_UP_STEPS = 3
BATCH = 128


class TimedBatches:
    """Hands out one batch again and again, and notes when it was asked for the next one."""

    def __init__(self, steps):
        generator = torch.Generator().manual_seed(1)
        self.dataset = range(BATCH * steps)
        self.steps = steps
        self.images = torch.randn(BATCH, 3, 32, 32, generator=generator)
        self.labels = torch.randint(10, (BATCH,), generator=generator)
        self.times = []

    def __len__(self):
        return self.steps

    def __iter__(self):
        for _ in range(self.steps):
            self.times.append(time.perf_counter())
            yield self.images, self.labels
        self.times.append(time.perf_counter())


def import_authors(checkout):
    """Their modules read the command line when imported; the data sets and plots are not needed here."""
    sys.path.insert(0, checkout)
    sys.argv = ["main.py"]
    warnings.filterwarnings("ignore")
    for name in ("data", "torch.utils.tensorboard", "torchvision", "torchvision.models", "pandas", "tqdm"):
        sys.modules[name] = unittest.mock.MagicMock(__spec__=importlib.machinery.ModuleSpec(name, None))
    from args import args

    args.model, args.model_name = "CIFARResNet", "cifar_resnet_20"
    args.conv_type, args.bn_type, args.conv_init = "LinesConv", "LinesBN", "kaiming_normal"
    args.output_size, args.beta, args.num_samples, args.layerwise = 10, 1.0, 1, False
    args.lr, args.momentum, args.wd, args.optimizer = 0.05, 0.9, 1e-4, "sgd"
    args.device, args.multigpu, args.save, args.log_interval = "cpu", None, False, 10**9
    import utils
    from trainers import train_one_dim_subspaces

    return args, utils, train_one_dim_subspaces


def main():
    checkout, steps = sys.argv[1], int(sys.argv[2]) + WARM_UP_STEPS
    torch.set_num_threads(1)
    torch.manual_seed(1)
    args, utils, trainer = import_authors(checkout)
    model = utils.get_model()
    optimizer = utils.get_optimizer(args, model)
    batches = TimedBatches(steps)
    with unittest.mock.patch("builtins.print"):
        trainer.train([model], None, types.SimpleNamespace(train_loader=batches), [optimizer],
                      torch.nn.CrossEntropyLoss(), 0)
    times = [b - a for a, b in zip(batches.times, batches.times[1:])][WARM_UP_STEPS:]
    print(json.dumps({"milliseconds": 1e3 * statistics.median(times),
                      "parameters": sum(p.numel() for p in model.parameters())}))


main()
