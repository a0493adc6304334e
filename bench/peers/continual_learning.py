"""Tasks learned one after another side by side: python continual_learning.py BENCH_CONTINUAL.

Avalanche (PyPI avalanche-lib 0.6.0) beside Lathe's train_tasks, which `lathe run` calls for [train.continual], one
thread: three tasks of permuted Fashion-MNIST, the same pixels, 3,000 training and 1,000 test examples each, an MLP
784-100-100-10 with the same first weights, one epoch of SGD 0.01 in batches of 10.
Reported: processor time of a task, what a method does at its end included (for Lathe also the measuring of all tasks),
and the average accuracy at the end, mean and range of two orders of the examples.
- finetune and Naive, joint and JointTraining are the same computation: the means of their accuracies must lie within 3 %.
- replay: 1,000 examples in all, ten of them in a step; agem as well.
- ewc: Avalanche's Fisher matrix is of mean gradients of batches with true labels, Lathe's of single examples with labels
  drawn from the model; where gradients are independent theirs is smaller by the size of a batch, and their penalty has no
  1/2. So λ is 10 here and batch / 2 times that there.
- LwF (α 1, temperature 2) and SI (λ 1) have no counterpart in Lathe, nor gpm one in Avalanche: they stand beside each
  other.
`bench/peers/install continual` installs the peer.
"""
import statistics
import sys
import warnings

warnings.filterwarnings("ignore")

import torch
from avalanche import __version__ as version
from avalanche.benchmarks import benchmark_from_datasets, with_task_labels
from avalanche.benchmarks.utils.classification_dataset import _make_taskaware_tensor_classification_dataset as dataset
from avalanche.training import supervised
from avalanche.training.plugins import EvaluationPlugin

from common import Comparison, Lathe, seconds_of

THE_SAME = {"Naive": "finetune", "JointTraining": "joint"}  # the same computation, but for the order of the examples


def read_tasks(lathe, part):
    return [(lathe.read(f"{part}{t}_x"), lathe.read(f"{part}{t}_y")) for t in range(lathe.facts["tasks"])]


def network(lathe):
    layers = [torch.nn.Linear(784, 100), torch.nn.ReLU(), torch.nn.Linear(100, 100), torch.nn.ReLU(), torch.nn.Linear(100, 10)]
    model = torch.nn.Sequential(*layers)
    with torch.no_grad():
        for i, parameter in enumerate(model.parameters()):
            parameter.copy_(lathe.read(f"parameter{i}"))
    return model


def accuracy(model, tests):
    with torch.no_grad():
        return statistics.mean((model(x).argmax(1) == y).double().mean().item() for x, y in tests)


def learn(lathe, benchmark, name, options, seed):
    """The trained model, and seconds a task."""
    torch.manual_seed(seed)
    model = network(lathe)
    strategy = getattr(supervised, name)(
        model=model, optimizer=torch.optim.SGD(model.parameters(), lathe.facts["rate"]), criterion=torch.nn.CrossEntropyLoss(),
        train_mb_size=lathe.facts["batch"], train_epochs=1, evaluator=EvaluationPlugin(loggers=[]), **options)
    stream = benchmark.train_stream
    parts = [stream] if name == "JointTraining" else stream
    return model, sum(seconds_of(lambda: strategy.train(part)) for part in parts) / len(stream)


def described(accuracies):
    return f"{100 * statistics.mean(accuracies):.1f} ({100 * min(accuracies):.1f} to {100 * max(accuracies):.1f})"


def compare(lathe, benchmark, tests, comparison, ours, theirs, options):
    """Two trainings of theirs, the time of the second counts; the accuracies of Lathe's two are in its facts."""
    accuracies, own = [], lathe.facts["accuracy"][ours]

    def turn():
        model, seconds = learn(lathe, benchmark, theirs, options, len(accuracies))
        accuracies.append(accuracy(model, tests))
        return seconds

    comparison.times(f"a task: {ours} and {theirs}", lambda: lathe.turn(ours), turn, rounds=1)
    print(f"average accuracy, %: {ours} {described(own)}, {theirs} {described(accuracies)}")
    if theirs in THE_SAME and ours == THE_SAME[theirs]:
        comparison.equal(f"{ours} and {theirs}: average accuracy", statistics.mean(own), statistics.mean(accuracies), 0.03)


def main():
    comparison = Comparison(f"Avalanche {version}")
    with Lathe(sys.argv[1]) as lathe:
        tests = read_tasks(lathe, "test")
        benchmark = with_task_labels(benchmark_from_datasets(
            **{part: [dataset(x, y, task_labels=0) for x, y in read_tasks(lathe, part)] for part in ("train", "test")}))
        memory, batch = lathe.facts["memory"], lathe.facts["batch"]
        for ours, theirs, options in (
            ("finetune", "Naive", {}),
            ("joint", "JointTraining", {}),
            ("ewc", "EWC", {"ewc_lambda": lathe.facts["lambda"] * batch / 2}),
            ("agem", "AGEM", {"patterns_per_exp": memory // lathe.facts["tasks"], "sample_size": batch}),
            ("replay", "Replay", {"mem_size": memory}),
            ("gpm", "LwF", {"alpha": 1.0, "temperature": 2.0}),
            ("gpm", "SynapticIntelligence", {"si_lambda": 1.0}),
        ):
            compare(lathe, benchmark, tests, comparison, ours, theirs, options)
    comparison.finish()


main()
