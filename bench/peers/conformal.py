"""Prediction sets side by side: python conformal.py BENCH_CONFORMAL [REPEATS].

Lathe's benchmark writes 50,000 × 1000 float32 logits and labels into a temporary directory and times itself; the same
files then go through the published algorithm written with numpy, as its authors' code does it (a full sort, [N, K]
arrays), and through MAPIE. Half of the examples calibrate, the other half get sets and a report; all at alpha 0.1 and
lambda, k_reg and T as Lathe chose them. The numpy code also fits T (Newton in ln T) on 30 % of the calibration part;
MAPIE takes probabilities, and its softmax is not in its time. Prints one object of JSON; ratios are seconds over Lathe's
total.
"""
import json
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np

ALPHA = 0.1


def softmax(logits):
    weights = np.exp(logits - logits.max(1, keepdims=True))
    return weights / weights.sum(1, keepdims=True)


def fit_temperature(logits, labels):
    x = logits.astype(np.float64) - logits.max(1, keepdims=True)
    true = x[np.arange(len(x)), labels]
    log_t = 0.0
    for _ in range(20):
        p = softmax(x * np.exp(-log_t))
        mean, square = (p * x).sum(1), (p * x * x).sum(1)
        beta = np.exp(-log_t)
        slope = beta * (true - mean).mean()
        curvature = (beta * beta * (square - mean**2)).mean() - slope
        if abs(slope) < 1e-6:
            break
        log_t -= np.clip(slope / curvature, -1, 1)
    return np.exp(log_t)


def ranked(logits, temperature):
    """Probabilities in decreasing order, their labels, the sums up to each rank."""
    p = softmax(logits / temperature)
    order = np.argsort(-p, axis=1, kind="stable")
    p = np.take_along_axis(p, order, 1)
    return order, p, np.cumsum(p, 1, dtype=np.float64)


class Raps:
    """Angelopoulos, Bates, Malik and Jordan 2021, eqs. 3 and 4 and algorithms 2 and 3."""

    def __init__(self, lam, k_reg, rng):
        self.lam, self.k_reg, self.rng = lam, k_reg, rng

    def penalties(self, num_classes):
        return self.lam * np.maximum(0, np.arange(1, num_classes + 1) - self.k_reg)

    def fit(self, logits, labels):
        n = len(labels)
        tune = self.rng.permutation(n)[: int(0.3 * n)]
        rest = np.setdiff1d(np.arange(n), tune)
        self.temperature = fit_temperature(logits[tune], labels[tune])
        order, p, sums = ranked(logits[rest], self.temperature)
        at = np.argmax(order == labels[rest, None], axis=1)
        i = np.arange(len(rest))
        scores = sums[i, at] - p[i, at] + self.rng.random(len(rest)) * p[i, at] + self.penalties(p.shape[1])[at]
        index = int(np.ceil((len(rest) + 1) * (1 - ALPHA)))
        self.tau = np.sort(scores)[index - 1] if index <= len(rest) else np.inf

    def predict(self, logits):
        order, p, sums = ranked(logits, self.temperature)
        penalties = self.penalties(p.shape[1])
        sizes = np.minimum((sums + penalties <= self.tau).sum(1) + 1, p.shape[1])
        i, last = np.arange(len(p)), sizes - 1
        v = (self.tau - (sums[i, last] - p[i, last]) - penalties[last]) / p[i, last]
        sizes = sizes - (self.rng.random(len(p)) >= v)
        return [order[row, :size] for row, size in enumerate(sizes)]


def report(sets, labels):
    covered = np.array([label in s for s, label in zip(sets, labels)])
    sizes = np.array([len(s) for s in sets])
    return {"coverage": covered.mean(), "mean_size": sizes.mean()}


def run_numpy(calibration, test, ours):
    model = Raps(ours["lambda"], ours["k_reg"], np.random.default_rng(0))
    start = time.perf_counter()
    model.fit(*calibration)
    result = report(model.predict(test[0]), test[1])
    return {"seconds": time.perf_counter() - start, "temperature": model.temperature, **result}


def run_mapie(calibration, test, ours):
    import mapie
    from mapie.classification import SplitConformalClassifier
    from mapie.conformity_scores import RAPSConformityScore
    from sklearn.base import BaseEstimator, ClassifierMixin

    num_classes = calibration[0].shape[1]

    class Identity(ClassifierMixin, BaseEstimator):
        """The features are the probabilities."""

        classes_ = np.arange(num_classes)
        n_features_in_ = num_classes

        def fit(self, x, y):
            return self

        def predict_proba(self, x):
            return x

        def predict(self, x):
            return x.argmax(1)

        def __sklearn_is_fitted__(self):
            return True

    def probabilities(logits):
        p = softmax(logits.astype(np.float64) / ours["temperature"])
        return p / p.sum(1, keepdims=True)

    seen, unseen = probabilities(calibration[0]), probabilities(test[0])
    start = time.perf_counter()
    classifier = SplitConformalClassifier(
        Identity(), confidence_level=1 - ALPHA, conformity_score=RAPSConformityScore(size_raps=0.3), prefit=True,
        random_state=0)
    classifier.conformalize(seen, calibration[1])
    _, sets = classifier.predict_set(unseen, conformity_score_params={"include_last_label": "randomized"})
    members = sets[:, :, 0]
    result = {"coverage": members[np.arange(len(members)), test[1]].mean(), "mean_size": members.sum(1).mean()}
    return {"seconds": time.perf_counter() - start, "version": mapie.__version__, **result}


def best(run, *arguments, repeats):
    return min((run(*arguments) for _ in range(repeats)), key=lambda r: r["seconds"])


def main():
    program, repeats = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as directory:
        lathe = json.loads(subprocess.run([program, "--peers", directory], check=True, capture_output=True, text=True).stdout)
        logits, labels = np.load(directory + "/logits.npy"), np.load(directory + "/labels.npy")
    half = len(labels) // 2
    calibration, test = (logits[:half], labels[:half]), (logits[half:], labels[half:])
    peers = {}
    for name, run in (("numpy", run_numpy), ("mapie", run_mapie)):
        try:
            peers[name] = best(run, calibration, test, lathe["raps"], repeats=repeats)
            peers[name]["ratio"] = peers[name]["seconds"] / lathe["raps"]["total"]
        except Exception as error:  # one peer that fails leaves the others
            peers[name] = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps({"lathe": lathe, **peers}, default=float, indent=1))


main()
