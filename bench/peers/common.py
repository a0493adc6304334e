"""What the side-by-side scripts share: Lathe's program on the other side, turns, a table, the exit code.

Run them on one core: OMP_NUM_THREADS=1 taskset -c 0 bench/peers/.venv/bin/python SCRIPT PROGRAM
"""
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
import torch


class Lathe:
    """A benchmark program of bench/: what it wrote for the peers, and a turn of its work on request."""

    def __init__(self, program):
        torch.set_num_threads(1)
        self._folder = tempfile.TemporaryDirectory()
        environment = {"OMP_NUM_THREADS": "1", **as_lathe_starts(), **os.environ}
        self._process = subprocess.Popen([program, "--peers", self._folder.name], env=environment, text=True,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        said = self._process.stdout.readline()
        if not said:
            sys.exit(f"{program} --peers ended early")
        self.facts = json.loads(said)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._process.stdin.close()
        self._process.wait()
        self._folder.cleanup()

    def read(self, name):
        return torch.from_numpy(numpy.load(pathlib.Path(self._folder.name, f"{name}.npy")))

    def turn(self, work):
        """Seconds."""
        self._process.stdin.write(work + "\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())


def as_lathe_starts():
    """The setting for OpenBLAS that the lathe program makes at its start (docs/train.md, Threads and environment)."""
    cpu = pathlib.Path("/proc/cpuinfo").read_text()
    return {"OPENBLAS_CORETYPE": "SkylakeX"} if "AuthenticAMD" in cpu and "avx512f" in cpu else {}


def seconds_of(action):
    """Of the processor, as Lathe's: what else runs on the machine does not count."""
    start = time.process_time()
    action()
    return time.process_time() - start


def checkout(variable, repository):
    """The folder that the environment names; where it names none, the peer is left out."""
    folder = os.environ.get(variable)
    if not folder:
        print(f"left out: {repository}, which is not on PyPI; name a checkout with {variable}")
    return folder


class Comparison:
    """Prints numbers that must be equal and times as they come; finish() ends with 1 where numbers differ."""

    def __init__(self, *versions):
        self._wrong = False
        print(", ".join([f"torch {torch.__version__}", f"Python {platform.python_version()}", *versions]))
        print(f"load average {os.getloadavg()[0]:.1f}; times are the processor's, medians of turns")
        print(f"{'':56} {'Lathe':>13} {'peer':>13}", flush=True)

    def equal(self, name, ours, theirs, tolerance=1e-6):
        """Their largest entry and ours there, and the largest difference as a share of it."""
        ours, theirs = (torch.as_tensor(x).detach().double().flatten() for x in (ours, theirs))
        at = theirs.abs().argmax()
        difference = ((ours - theirs).abs().max() / theirs[at].abs().clamp_min(1e-30)).item()
        right = difference <= tolerance
        self._wrong |= not right
        print(f"{name:56} {ours[at]:13.8g} {theirs[at]:13.8g} differ by {difference:.1e}, {'' if right else 'NOT '}within "
              f"{tolerance:.0e}", flush=True)

    def times(self, name, ours, theirs, rounds=7):
        """Both do their work in turn, one round uncounted and `rounds` more; ours and theirs return seconds."""
        pairs = [(ours(), theirs()) for _ in range(rounds + 1)][1:]
        own, peer = (1e3 * statistics.median(times) for times in zip(*pairs))
        print(f"{name:56} {own:10.3f} ms {peer:10.3f} ms {statistics.median(b / a for a, b in pairs):6.2f} × Lathe's",
              flush=True)

    def finish(self):
        print(f"load average {os.getloadavg()[0]:.1f}")
        sys.exit(self._wrong)
