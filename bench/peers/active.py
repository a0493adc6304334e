"""Scoring and drawing side by side: python active.py BENCH_ACTIVE [REPEATS].

baal 2.1.0 scores a pool of 1,000 images with 16 dropout samples of a small CNN and BALD, as its documentation does it
(ModelWrapper.predict_on_dataset on a patched module, whole batches at a time); Lathe's benchmark does the same with its own
CNN of the same shape. The two take turns, REPEATS of them (default 5), so that a busy machine meets both alike; reported
are the medians and the median of the turns' ratios. Also: PyTorch with the trunk computed once, which is what baal could
do, and one weighted draw of a million points with NumPy, beside Lathe's. Threads: as OMP_NUM_THREADS says, both.

Prints one object of JSON. `bench/peers/install active` installs the peer.
"""
import json
import os
import statistics
import subprocess
import sys
import time

IMAGES, MEMBERS, POINTS, BATCH = 1000, 16, 1_000_000, 125


def network():
    import torch
    from torch import nn

    class Network(nn.Module):
        def __init__(self):
            super().__init__()

            def block(channels, out):
                return nn.Sequential(nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU())

            self.trunk = nn.Sequential(block(1, 16), nn.MaxPool2d(2), block(16, 32), nn.MaxPool2d(2), block(32, 128))
            self.dropout = nn.Dropout(0.5)
            self.head = nn.Linear(128, 10)

        def features(self, x):
            x = self.trunk(x)
            return x.mean((2, 3)) + x.amax((2, 3))

        def forward(self, x):
            return self.head(self.dropout(self.features(x)))

    torch.manual_seed(0)
    return Network().eval()


class Images:
    """What baal wants of a data set: pairs, one at a time."""

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.images[i], 0


def timed(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def main():
    import numpy
    import torch
    from baal.active.heuristics import BALD
    from baal.bayesian.dropout import patch_module
    from baal.modelwrapper import ModelWrapper, TrainingArgs
    from torch.utils.data import default_collate

    threads = int(os.environ.get("OMP_NUM_THREADS", len(os.sched_getaffinity(0))))
    torch.set_num_threads(threads)
    images = torch.rand(IMAGES, 1, 28, 28)
    plain = network()
    wrapper = ModelWrapper(patch_module(network(), inplace=False),
                           TrainingArgs(batch_size=BATCH, use_cuda=False, workers=0, collate_fn=default_collate,
                                        replicate_in_memory=True))

    def baal():
        predictions = wrapper.predict_on_dataset(Images(images), iterations=MEMBERS, verbose=False)
        return BALD().get_uncertainties(predictions)

    def trunk_once():
        with torch.no_grad():
            features = torch.cat([plain.features(part) for part in images.split(BATCH)])
            masks = torch.empty(MEMBERS, 1, 128).bernoulli_(0.5) * 2
            p = torch.softmax(plain.head(features * masks), -1)
            mean = p.mean(0)
            return -(mean * mean.log()).sum(-1) + (p * p.log()).sum(-1).mean(0)

    scores = numpy.random.default_rng(0).random(POINTS)
    random = numpy.random.default_rng(1)

    def numpy_draw():
        return random.choice(POINTS, p=scores / scores.sum())

    bench = subprocess.Popen([sys.argv[1], "--peers"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def lathe(command):
        bench.stdin.write(command + "\n")
        bench.stdin.flush()
        return float(bench.stdout.readline())

    repeats = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    baal(), trunk_once(), lathe("score"), lathe("draw")
    turns = [{"baal_score": timed(baal), "lathe_score": lathe("score"), "pytorch_trunk_once": timed(trunk_once),
              "lathe_score_again": lathe("score"), "numpy_draw": timed(numpy_draw), "lathe_draw": lathe("draw")}
             for _ in range(repeats)]
    bench.stdin.close()
    bench.wait()
    median = {key: statistics.median(turn[key] for turn in turns) for key in turns[0]}

    def ratio(a, b):
        return statistics.median(turn[a] / turn[b] for turn in turns)

    print(json.dumps({"images": IMAGES, "members": MEMBERS, "threads": threads, "torch": torch.__version__, "seconds": median,
                      "times_faster": {"score_than_baal": ratio("baal_score", "lathe_score"),
                                       "score_than_trunk_once": ratio("pytorch_trunk_once", "lathe_score_again"),
                                       "draw_than_numpy": ratio("numpy_draw", "lathe_draw")}}, indent=1))


if __name__ == "__main__":
    main()
