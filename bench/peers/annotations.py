"""Agreement and aggregation side by side: python annotations.py BENCH_ANNOTATIONS [REPEATS].

crowd-kit 1.4.2 takes the same 1.6 million annotations as Lathe's benchmark: Krippendorff's alpha, and ten steps of Dawid and
Skene's algorithm. Best of REPEATS (default 1), one core. Both must agree on alpha and on the labels. Prints one object of JSON.
`bench/peers/install annotations` installs the peer.
"""
import json
import os
import subprocess
import sys
import tempfile
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")


def best_of(repeats, action):
    best, result = float("inf"), None
    for _ in range(repeats):
        start = time.perf_counter()
        result = action()
        best = min(best, time.perf_counter() - start)
    return best, result


def measure(table, iterations, repeats):
    import crowdkit
    import numpy as np
    import pandas as pd
    from crowdkit.aggregation import DawidSkene
    from crowdkit.metrics.data import alpha_krippendorff

    rows = np.fromfile(table, dtype=np.int32).reshape(-1, 3)
    answers = pd.DataFrame({"task": rows[:, 0], "worker": rows[:, 1], "label": rows[:, 2]})
    alpha_seconds, alpha = best_of(repeats, lambda: alpha_krippendorff(answers))
    skene_seconds, labels = best_of(repeats, lambda: DawidSkene(n_iter=iterations, tol=0.0).fit_predict(answers))
    return {"alpha": alpha, "alpha_seconds": alpha_seconds, "dawid_skene_seconds": skene_seconds,
            "labels": labels.sort_index().tolist(), "peer": "crowd-kit " + crowdkit.__version__}


def main():
    repeats = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory() as directory:
        table = os.path.join(directory, "table.bin")
        run = subprocess.run([sys.argv[1], "--peers", table], check=True, capture_output=True, text=True)
        lathe = json.loads(run.stdout)
        peer = measure(table, lathe["iterations"], repeats)
    ours, theirs = lathe.pop("dawid_skene_labels"), peer.pop("labels")
    same = sum(a == b for a, b in zip(ours, theirs)) / len(ours)
    assert len(ours) == len(theirs) and same > 0.999, f"Dawid and Skene: {same:.4f} of the labels are the same"
    assert abs(lathe["alpha"] - peer["alpha"]) < 1e-6, f"alpha {lathe['alpha']}, {peer['alpha']}"
    print(json.dumps({"lathe": lathe, "peer": peer, "same_labels": same,
                      "times_faster": {"alpha": peer["alpha_seconds"] / lathe["alpha_seconds"],
                                       "dawid_skene": peer["dawid_skene_seconds"] / lathe["dawid_skene_seconds"]}}, indent=1))


if __name__ == "__main__":
    main()
