"""Hold a new model to its criteria, on scans that it has not seen: better than a threshold, and no worse than the served one.

Prints a report as JSON. Exits with 1 and says why when a criterion is not met.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime

WARM_UP = 20


def session(path):
    """One thread: latency is that of one core, wherever this runs."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def measure(model, images, labels):
    """Accuracy, recall of each class, and the 99th percentile of the latency of one scan, in ms."""
    predicted = model.run(["label"], {"image": images})[0]
    times = []
    for row in range(min(len(images), 200) + WARM_UP):
        started = time.perf_counter()
        model.run(["label"], {"image": images[row % len(images)][None]})
        times.append((time.perf_counter() - started) * 1000)
    return {
        "accuracy": round(float(np.mean(predicted == labels)), 4),
        "recallByClass": {
            str(label): round(float(np.mean(predicted[labels == label] == label)), 4) for label in np.unique(labels)
        },
        "latencyP99Ms": round(float(np.percentile(times[WARM_UP:], 99)), 3),
    }


def failures(new, served, criteria):
    """The criteria that are not met, in sentences."""
    if new["accuracy"] < criteria["minAccuracy"]:
        yield f"accuracy {new['accuracy']} is below {criteria['minAccuracy']}"
    if served and new["accuracy"] < served["accuracy"] - criteria["maxWorseThanServed"]:
        yield (
            f"accuracy {new['accuracy']} is more than {criteria['maxWorseThanServed']} "
            f"below {served['accuracy']} of the served model"
        )
    for label, recall in new["recallByClass"].items():
        if recall < criteria["minRecallByClass"]:
            yield f"recall of {label} is {recall}, below {criteria['minRecallByClass']}"
    if new["latencyP99Ms"] > criteria["maxLatencyP99Ms"]:
        yield f"latency p99 is {new['latencyP99Ms']} ms, above {criteria['maxLatencyP99Ms']} ms"


def main():
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--served", type=Path, help="the model that is served now")
    parser.add_argument("--test-set", type=Path, required=True, help="JSON with inputs and labels")
    parser.add_argument("--criteria", type=Path, required=True)
    options = parser.parse_args()
    test_set = json.loads(options.test_set.read_text())
    images, labels = np.asarray(test_set["inputs"], np.float32), np.asarray(test_set["labels"])
    new = measure(session(options.model), images, labels)
    served = measure(session(options.served), images, labels) if options.served else None
    broken = list(failures(new, served, json.loads(options.criteria.read_text())))
    print(json.dumps({"new": new, "served": served, "failures": broken}, indent=2))
    for failure in broken:
        print(f"CRITERION_NOT_MET: {failure}", file=sys.stderr)
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
