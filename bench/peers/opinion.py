"""Opinion fairness side by side: python opinion.py BENCH_OPINION [UNITS [AUTHORS_AIF360]].

The same 1.6 million annotations (bench_opinion writes them) for
- fairlearn's MetricFrame, grouped by user: five metrics from sklearn and fairlearn, whole table;
- AIF360, the way the authors of the criteria went: a copy of the data set for each user (annotator_disagreement) or item
  (sample_ambiguity), its metrics, then the mean in each bin. On the whole table that takes hours, so the first UNITS users
  and items (default 200 each) are done, and the time is that of one unit times their number; the selection of a unit's rows
  is counted at the size of the whole table, as it is there.
- with AUTHORS_AIF360, a checkout of the branch fairness_inclusiveness_v2 of agathe-balayn/AIF360, its own metric on a table
  cut down to UNITS items, and Lathe's time on the whole table beside it.
Best of three runs of Lathe, one of the peers; all in seconds of one processor, so that what else runs does not count. Prints
one object of JSON; the peers' numbers are checked against Lathe's.
`bench/peers/install opinion` installs the peers.
"""
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings

warnings.filterwarnings("ignore")
folder = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != folder]  # a module here may have a peer's name

import numpy
import pandas


def fairlearn_by_user(table):
    from fairlearn.metrics import MetricFrame, false_negative_rate, false_positive_rate, true_positive_rate
    from sklearn.metrics import accuracy_score, f1_score

    metrics = {"accuracy": accuracy_score, "TPR": true_positive_rate, "FPR": false_positive_rate, "FNR": false_negative_rate,
               "F1": lambda y, p: f1_score(y, p, zero_division=0)}
    start = time.process_time()
    frame = MetricFrame(metrics=metrics, y_true=table.label.to_numpy(), y_pred=table.predicted.to_numpy(),
                        sensitive_features=table.annotator)
    by_group = frame.by_group
    return time.process_time() - start, by_group.accuracy


def aif360_by_unit(table, unit, units):
    """Seconds for one unit: its rows in the whole table, two copies of a data set, five metrics."""
    from aif360.datasets import BinaryLabelDataset
    from aif360.metrics import ClassificationMetric

    def dataset(labels):
        frame = table[["item", "annotator", "group"]].astype(float)
        frame["label"] = labels.astype(float)
        return BinaryLabelDataset(df=frame, label_names=["label"], protected_attribute_names=["group"])

    said, predicted = dataset(table.label), dataset(table.predicted)
    column, values = table[unit].to_numpy(), table[unit].drop_duplicates().to_numpy()
    accuracies = {}
    start = time.process_time()
    for value in values[:units]:
        rows = numpy.flatnonzero(column == value)
        metric = ClassificationMetric(said.subset(rows), predicted.subset(rows))
        accuracies[int(value)] = metric.accuracy()
        for name in ("true_positive_rate", "true_negative_rate", "false_positive_rate", "false_negative_rate"):
            getattr(metric, name)()
    return (time.process_time() - start) / min(units, len(values)), len(values), accuracies


def authors(table, checkout, units):
    """The authors' own metric, all four criteria with five metrics, on the annotations of the first items."""
    code = f"""
import sys, time, json, warnings
warnings.filterwarnings('ignore')
sys.path.insert(0, {checkout!r})
import pandas
from aif360.datasets import SubjectivityDataset
from aif360.metrics import InclusivenessLabelDatasetMetric
table = pandas.read_csv({table!r})
table = table[table['item'] < {units}].reset_index(drop=True)
frame = pandas.DataFrame(dict(rev_id=table['item'], worker_id=table['annotator'], toxicity=table['label'], gender=0,
                              english_first_language=0, age_group=0, education=0, pop_label=table['group'], GT=table['label']))
kinds = dict(protected_attribute_names=['gender', 'english_first_language', 'age_group', 'education', 'rev_id', 'worker_id',
                                        'pop_label'], privileged_classes=None, instance_weights_name=None,
             categorical_features=[], features_to_keep=[], features_to_drop=[], na_values=[],
             custom_preprocessing=lambda df: df, metadata={{'label_maps': [{{1.0: 'Toxic', 0.0: 'Non-toxic'}}]}})
said = SubjectivityDataset(frame.copy(), 'toxicity', 'GT', **kinds)
predicted = said.copy()
predicted.labels = table[['predicted']].to_numpy(float)
start = time.process_time()
result = InclusivenessLabelDatasetMetric(said, predicted).performance_measures()
print(json.dumps(dict(seconds=time.process_time() - start, annotations=len(table),
                      fairness={{name: value[0] for name, value in result.items() if name.endswith('accuracy')}})))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if done.returncode != 0:
        return {"error": (done.stderr.strip().splitlines() or ["no output"])[-1]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def main():
    units = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    with tempfile.TemporaryDirectory() as directory:
        lathe = json.loads(subprocess.run([sys.argv[1], "--peers", directory], check=True, capture_output=True, text=True).stdout)
        file = os.path.join(directory, "opinion.csv")
        table = pandas.read_csv(file)
        result = {"lathe": lathe, "fairlearn": {}, "aif360": {}, "times_faster": {}}
        seconds, accuracy = fairlearn_by_user(table)
        for user, value in lathe["accuracy_of_users"].items():
            assert abs(accuracy[int(user)] - value) < 1e-9, "fairlearn computes something else"
        result["fairlearn"] = {"by_user_seconds": seconds}
        by_user = lathe["one_criterion_cpu_seconds"]["annotator_disagreement"]
        result["times_faster"]["fairlearn by user"] = seconds / by_user
        whole = 0
        for unit, criterion in (("annotator", "annotator_disagreement"), ("item", "sample_ambiguity")):
            each, count, accuracies = aif360_by_unit(table, unit, units)
            correct = (table.label == table.predicted).groupby(table[unit]).mean()
            assert all(abs(correct[value] - one) < 1e-9 for value, one in accuracies.items())
            result["aif360"][unit] = {"seconds_each": each, "count": count, "seconds_of_all": each * count, "measured": units}
            result["times_faster"]["AIF360 by " + unit] = each * count / lathe["one_criterion_cpu_seconds"][criterion]
            whole += each * count
        result["times_faster"]["AIF360, both against all four criteria"] = whole / lathe["criteria_cpu_seconds"]
        if len(sys.argv) > 3:
            own = authors(file, sys.argv[3], units)
            result["authors"] = own
            if "seconds" in own:
                result["times_faster"]["authors on %d of the annotations against Lathe on all" % own["annotations"]] = (
                    own["seconds"] / lathe["criteria_cpu_seconds"])
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
