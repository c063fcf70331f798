"""What the training scripts share: from a fitted pipeline to files that are known to agree with it.

Import it before numpy: it settles how numbers are added up, or another machine would get other last bits, and so
another sha256. One thread, and the instructions that any x86-64 processor with AVX2 has.
"""

import hashlib
import json
import os
import sys
from importlib.metadata import version
from pathlib import Path

assert "numpy" not in sys.modules, "import export before numpy"
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["OPENBLAS_CORETYPE"] = "Haswell"

import numpy as np  # noqa: E402
import onnx  # noqa: E402
import onnxruntime  # noqa: E402
import yaml  # noqa: E402
from skl2onnx import convert_sklearn  # noqa: E402
from skl2onnx.common.data_types import FloatTensorType, StringTensorType  # noqa: E402
from sklearn.metrics import accuracy_score, precision_score, recall_score  # noqa: E402

# The newest operator sets that the converter may use: old enough for every runtime in use.
OPSET = {"": 18, "ai.onnx.ml": 3}
LIBRARIES = ("numpy", "onnx", "onnxruntime", "scikit-learn", "scipy", "skl2onnx")
TYPES = {"FP32": FloatTensorType, "BYTES": StringTensorType}
DATATYPES = {
    onnx.TensorProto.FLOAT: "FP32",
    onnx.TensorProto.INT64: "INT64",
    onnx.TensorProto.STRING: "BYTES",
}


def to_onnx(pipeline, name, inputs, outputs):
    """Convert a fitted classifier and hold it to its contract.

    `inputs` and `outputs` map a tensor's name to its datatype and shape, as in `{"image": ("FP32", ["n", 64])}`;
    the dimension "n" is the number of rows, which a request is free to choose.
    """
    model = convert_sklearn(
        pipeline,
        name=name,
        initial_types=[(key, TYPES[datatype]([None, *shape[1:]])) for key, (datatype, shape) in inputs.items()],
        options={id(pipeline): {"zipmap": False}},
        target_opset=OPSET,
    )
    for tensors, wanted in ((model.graph.input, inputs), (model.graph.output, outputs)):
        name_rows(tensors)
        found = {tensor.name: describe(tensor) for tensor in tensors}
        assert found == wanted, f"{name}: the model has {found}, its contract is {wanted}"
    # The converter lists the operator sets in an order that differs from run to run, and some of them twice.
    opsets = {opset.domain: opset.version for opset in model.opset_import}
    del model.opset_import[:]
    model.opset_import.extend(onnx.helper.make_opsetid(*opset) for opset in sorted(opsets.items()))
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def name_rows(tensors):
    """Call the first dimension of every tensor "n", whatever the converter called it."""
    for tensor in tensors:
        tensor.type.tensor_type.shape.dim[0].dim_param = "n"


def describe(tensor):
    """The datatype and the shape of a model's input or output."""
    kind = tensor.type.tensor_type
    return DATATYPES[kind.elem_type], [dim.dim_param or dim.dim_value for dim in kind.shape.dim]


def verify(model, feeds, labels, probabilities):
    """Fail unless onnxruntime gives the estimator's own label for every row, at once and one row at a time."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    found, scores = session.run(["label", "probabilities"], feeds)
    np.testing.assert_array_equal(found, labels)
    np.testing.assert_allclose(scores, probabilities, atol=1e-4)
    for row, label in enumerate(labels):
        one = {name: values[row : row + 1] for name, values in feeds.items()}
        assert session.run(["label"], one)[0] == [label], f"row {row} alone gets another label"


def measure(truth, predicted, classes):
    """How good predictions are, rounded to four decimals."""
    recalls = recall_score(truth, predicted, labels=classes, average=None)
    return {
        "accuracy": rounded(accuracy_score(truth, predicted)),
        "macroPrecision": rounded(precision_score(truth, predicted, labels=classes, average="macro")),
        "macroRecall": rounded(recall_score(truth, predicted, labels=classes, average="macro")),
        "recallByClass": {str(name): rounded(recall) for name, recall in zip(classes, recalls, strict=True)},
    }


def rounded(value):
    """Four decimals, as a plain float."""
    return round(float(value), 4)


def libraries(*more):
    """The versions that a result was made with."""
    return {name: version(name) for name in sorted((*LIBRARIES, *more))}


def to_json(value, indent=""):
    """JSON for people and diffs: a list of plain values, such as one scan, takes one line."""
    inner = indent + "  "
    if isinstance(value, dict):
        items, ends = [f"{json.dumps(key)}: {to_json(item, inner)}" for key, item in value.items()], "{}"
    elif isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value):
        items, ends = [to_json(item, inner) for item in value], "[]"
    else:
        return json.dumps(value)
    return f"{ends[0]}\n{inner}" + f",\n{inner}".join(items) + f"\n{indent}{ends[1]}"


def write_json(path, value):
    """Write a JSON file."""
    path.write_text(to_json(value) + "\n")


def write_model(path, model):
    """Write a model where its version is kept and say what it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model)
    print(f"{'/'.join(path.parts[-4:])}: {len(model)} bytes, sha256 {hashlib.sha256(model).hexdigest()}")


def check_manifest(folder):
    """Exit with the reason when `modeldeployment.yaml` names another sha256 than a model written here has."""
    manifest = yaml.safe_load((folder / "modeldeployment.yaml").read_text())
    wrong = []
    for entry in manifest["spec"]["versions"]:
        path = folder.parent / entry["model"]["uri"].removeprefix("pvc://models/")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if entry["model"]["sha256"] != digest:
            wrong.append(f"{entry['name']}: the manifest says {entry['model']['sha256']}, the model has {digest}")
    if wrong:
        sys.exit(f"{Path(folder.name, 'modeldeployment.yaml')} needs the new sha256:\n" + "\n".join(wrong))
