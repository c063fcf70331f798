"""Train three classifiers of handwritten digits, write them as ONNX, and measure them on scans that none has seen.

v1  a logistic regression
v2  a small neural network, also shown each scan moved by one pixel
v3  v2 again, from a label file in which the rows of three digits got mixed up: it trains without any complaint

`golden.json` holds scans that v1 and v2 both read rightly, as requests with the label that they must get.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from export import check_manifest, libraries, measure, to_onnx, verify, write_json, write_model  # noqa: E402

# isort: split
import numpy as np  # noqa: E402
from sklearn.datasets import load_digits  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.neural_network import MLPClassifier  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

HERE = Path(__file__).resolve().parent
SEED = 0
HELD_OUT = 540
MIXED_UP = (3, 8, 9)
GOLDEN_PER_DIGIT = 3
DIGITS = list(range(10))
INPUTS = {"image": ("FP32", ["n", 64])}
OUTPUTS = {"label": ("INT64", ["n"]), "probabilities": ("FP32", ["n", 10])}


def load():
    """The scans in the order they were collected, the last ones held out: mostly the hands of other writers."""
    images, labels = load_digits(return_X_y=True)
    images = images.astype(np.float32)
    return images[:-HELD_OUT], labels[:-HELD_OUT], images[-HELD_OUT:], labels[-HELD_OUT:]


def linear(images, labels):
    """v1: one weight per pixel and digit."""
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(images, labels)


def network(images, labels):
    """v2: one hidden layer, trained on each scan and on its copies one pixel to either side, up and down.

    Size, penalty and moves were chosen by cross-validation on the training scans.
    """
    scans = images.reshape(-1, 8, 8)
    moves = [move(scans, pixels, axis) for axis in (1, 2) for pixels in (-1, 1)]
    copies = np.concatenate([scans, *moves]).reshape(-1, 64)
    classifier = MLPClassifier((256,), alpha=0.3, max_iter=500, random_state=SEED)
    return make_pipeline(StandardScaler(), classifier).fit(copies, np.tile(labels, 1 + len(moves)))


def move(scans, pixels, axis):
    """Copies of the scans moved along an axis; the line that comes in is blank paper."""
    moved = np.roll(scans, pixels, axis)
    entering = [slice(None)] * moved.ndim
    entering[axis] = 0 if pixels > 0 else -1
    moved[tuple(entering)] = 0
    return moved


def mix_up(labels, classes):
    """The labels with those of the given classes shuffled among their own rows: as many of each, most of them wrong."""
    rows = np.flatnonzero(np.isin(labels, classes))
    mixed = labels.copy()
    mixed[rows] = np.random.default_rng(SEED).permutation(mixed[rows])
    return mixed


def golden(scans, labels, predictions):
    """The first scans of each digit that every one of the predictions has right, as requests with their answers.

    Only the label is asked for: the probabilities of two good models differ.
    """
    right = np.all([predicted == labels for predicted in predictions], axis=0)
    requests = []
    for digit in DIGITS:
        for number, row in enumerate(np.flatnonzero(right & (labels == digit))[:GOLDEN_PER_DIGIT], 1):
            image = {"name": "image", "datatype": "FP32", "shape": [1, 64], "data": scans[row]}
            label = {"name": "label", "datatype": "INT64", "shape": [1], "data": [digit]}
            requests.append({"name": f"{digit}-{number}", "inputs": [image], "outputs": [label]})
    return {"requests": requests}


def main():
    """Train, verify, write."""
    images, labels, test_images, test_labels = load()
    pipelines = {
        "v1": linear(images, labels),
        "v2": network(images, labels),
        "v3": network(images, mix_up(labels, MIXED_UP)),
    }
    predictions = {}
    for name, pipeline in pipelines.items():
        model = to_onnx(pipeline, f"digits-{name}", INPUTS, OUTPUTS)
        predictions[name] = pipeline.predict(test_images)
        verify(model, {"image": test_images}, predictions[name], pipeline.predict_proba(test_images))
        write_model(HERE / "models" / name.removeprefix("v") / "model.onnx", model)

    scans = test_images.astype(int).tolist()
    write_json(
        HERE / "test-set.json",
        {
            "inputs": scans,
            "labels": test_labels.tolist(),
            "predictions": {name: predicted.tolist() for name, predicted in predictions.items()},
        },
    )
    write_json(
        HERE / "request.json",
        {"inputs": [{"name": "image", "datatype": "FP32", "shape": [1, 64], "data": scans[0]}]},
    )
    write_json(HERE / "golden.json", golden(scans, test_labels, [predictions["v1"], predictions["v2"]]))
    write_json(
        HERE / "accuracy.json",
        {
            "dataset": "scikit-learn's load_digits, in its own order: the last scans are held out",
            "trainingScans": len(labels),
            "heldOutScans": len(test_labels),
            "versions": {name: measure(test_labels, predicted, DIGITS) for name, predicted in predictions.items()},
            "disagreements": {
                f"{one}-{other}": int(np.sum(predictions[one] != predictions[other]))
                for one, other in (("v1", "v2"), ("v1", "v3"), ("v2", "v3"))
            },
            "mixedUpInV3": {
                "classes": list(MIXED_UP),
                "wrongLabels": int(np.sum(mix_up(labels, MIXED_UP) != labels)),
            },
            "libraries": libraries(),
        },
    )
    check_manifest(HERE)


if __name__ == "__main__":
    main()
