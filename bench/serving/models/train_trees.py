"""Train a random forest on the breast cancer data that comes with scikit-learn; write it as ONNX, with rows to ask it.

python train_trees.py FOLDER  →  FOLDER/model.onnx, FOLDER/rows.json (64 held-out rows of 30 numbers)
"""

import json
import sys
from pathlib import Path

import numpy as np
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier

TREES = 200
ROWS = 64

features, classes = load_breast_cancer(return_X_y=True)
features = features.astype(np.float32)
order = np.random.default_rng(0).permutation(len(features))
features, classes = features[order], classes[order]
forest = RandomForestClassifier(TREES, random_state=0).fit(features[ROWS:], classes[ROWS:])
model = convert_sklearn(
    forest,
    initial_types=[("features", FloatTensorType([None, features.shape[1]]))],
    final_types=[("label", None), ("probabilities", None)],
    options={id(forest): {"zipmap": False}},
    target_opset={"": 18, "ai.onnx.ml": 3},
)
folder = Path(sys.argv[1])
(folder / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
(folder / "rows.json").write_text(json.dumps(features[:ROWS].tolist()))
