"""Train a classifier of handwritten digits and write it as ONNX: the step that a team replaces by its own.

A logistic regression, so that the example takes a second; `examples/digits/train.py` has a better one.
"""

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))
from export import to_onnx  # noqa: E402

# isort: split
import numpy as np  # noqa: E402
from sklearn.datasets import load_digits  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

HELD_OUT = 540
INPUTS = {"image": ("FP32", ["n", 64])}
OUTPUTS = {"label": ("INT64", ["n"]), "probabilities": ("FP32", ["n", 10])}


def training_scans():
    """All but the held-out scans, which `evaluate.py` measures on."""
    images, labels = load_digits(return_X_y=True)
    return images[:-HELD_OUT].astype(np.float32), labels[:-HELD_OUT]


def train(images, labels, penalty):
    """A small penalty trusts the training scans, a large one distrusts them."""
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, C=1 / penalty)).fit(images, labels)


def main():
    """Train and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="where the model goes")
    parser.add_argument("--penalty", type=float, default=2.0, help="strength of the L2 penalty")
    options = parser.parse_args()
    pipeline = train(*training_scans(), options.penalty)
    options.out.write_bytes(to_onnx(pipeline, "digits", INPUTS, OUTPUTS))


if __name__ == "__main__":
    main()
