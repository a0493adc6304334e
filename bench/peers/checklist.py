"""Behavioural tests side by side: python checklist.py BENCH_CHECKLIST [REPEATS].

PyPI's `checklist` 0.0.11 expands the same template to 100,000 cases (with labels and meta), and scores a suite of 35 tests
and 87,470 examples of the same shape from a file of probabilities; so does Lathe's benchmark. Best of REPEATS (default 3),
one core. Prints one object of JSON. `bench/peers/install checklist` installs the peer: its own setup wants Jupyter and
builds MySQL's client, which these two things do not need.

Where it is not there, the numbers measured once with it on another machine stand in, and "peer" says so.
"""
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import types

WITHOUT_PEER = {"expand_seconds": 1.19, "score_seconds": 1.3, "peer": "not installed; measured elsewhere"}
TESTS, EXAMPLES = 35, 87470


def import_peer():
    """Its viewer wants a notebook, and nothing of it is used here."""
    names = {"template_editor": "TemplateEditor", "test_summarizer": "TestSummarizer", "suite_summarizer": "SuiteSummarizer"}
    sys.modules["checklist.viewer"] = types.ModuleType("checklist.viewer")
    for module, name in names.items():
        stand_in = types.ModuleType("checklist.viewer." + module)
        setattr(stand_in, name, object)
        sys.modules["checklist.viewer." + module] = stand_in
    folder = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != folder]  # this file has the peer's name
    from checklist.editor import Editor
    from checklist.expect import Expect
    from checklist.test_suite import TestSuite
    from checklist.test_types import DIR, INV, MFT

    return Editor, Expect, TestSuite, MFT, INV, DIR


def best_of(repeats, action):
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - start)
    return best


def words(word, n):
    return [word + chr(ord("a") + i % 26) + chr(ord("a") + i // 26) for i in range(n)]


def measure(repeats):
    Editor, Expect, TestSuite, MFT, INV, DIR = import_peer()
    lexicons = {"first": words("Mary", 50), "last": words("Smith", 20), "job": words("engineer", 10), "city": words("London", 10)}
    editor = Editor()

    def expand():
        cases = editor.template("{first} {last} is {a:job} in {city}.", labels=1, meta=True, **lexicons)
        assert len(cases.data) == 100000

    suite, made = TestSuite(), 0
    for t in range(TESTS):
        end, size, data, labels = EXAMPLES * (t + 1) // TESTS, 1 if t < 15 else 10, [], []
        while made < end:
            count = min(size, end - made)
            texts = [f"This is the text of the example number {made + i}." for i in range(count)]
            made += count
            data.append(texts[0] if t < 15 else texts)
            labels.append(made % 3)
        if t < 15:
            test = MFT(data, labels=labels, name=f"test {t}", capability="Negation", description="")
        elif t < 30:
            test = INV(data, name=f"test {t}", capability="Negation", description="")
        else:
            test = DIR(data, expect=Expect.monotonic(label=2, increasing=True, tolerance=0.1), name=f"test {t}",
                       capability="Negation", description="")
        suite.add(test)
    with tempfile.TemporaryDirectory() as directory:
        examples, predictions = os.path.join(directory, "examples.txt"), os.path.join(directory, "softmax.txt")
        suite.to_raw_file(examples)
        with open(predictions, "w") as file:
            for i in range(EXAMPLES):
                a = 0.05 + 0.85 * ((i * 7919) % 1000) / 1000
                b = (1 - a) * ((i * 104729) % 1000) / 1000
                file.write(f"{a:.6f} {b:.6f} {1 - a - b:.6f}\n")

        def score():
            suite.run_from_file(predictions, file_format="softmax", overwrite=True)
            for test in suite.tests.values():
                test.get_stats()

        with contextlib.redirect_stdout(io.StringIO()):
            return {"expand_seconds": best_of(repeats, expand), "score_seconds": best_of(repeats, score),
                    "peer": "checklist 0.0.11, run beside"}


def main():
    repeats = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    lathe = json.loads(subprocess.run([sys.argv[1], "--peers"], check=True, capture_output=True, text=True).stdout)
    try:
        peer = measure(repeats)
    except ImportError as error:
        print(f"checklist 0.0.11 cannot be imported: {error}", file=sys.stderr)
        peer = WITHOUT_PEER
    print(json.dumps({"lathe": lathe, "peer": peer,
                      "times_faster": {"expand": peer["expand_seconds"] / lathe["expand_seconds"],
                                       "score": peer["score_seconds"] / lathe["score_seconds"]}}, indent=1))


if __name__ == "__main__":
    main()
