"""Trainings that go wrong, as the pipeline would call them: careless_train.py KIND --out FILE.

shuffled   labels in another order than the scans
renamed    an input by another name than the served model's
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples/gitops/pipeline"))
from train import INPUTS, OUTPUTS, to_onnx, train, training_scans  # noqa: E402

# isort: split
import numpy as np  # noqa: E402

kind, _, out = sys.argv[1:]
images, labels = training_scans()
if kind == "shuffled":
    labels = np.random.default_rng(0).permutation(labels)
inputs = {"pixels": INPUTS["image"]} if kind == "renamed" else INPUTS
Path(out).write_bytes(to_onnx(train(images, labels, 2.0), "digits", inputs, OUTPUTS))
