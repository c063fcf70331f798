"""Train a random forest that tells the species of a penguin from text and numbers, and write it as ONNX."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from export import check_manifest, libraries, measure, to_onnx, verify, write_json, write_model  # noqa: E402

# isort: split
import numpy as np  # noqa: E402
from palmerpenguins import load_penguins  # noqa: E402
from sklearn.compose import make_column_transformer  # noqa: E402
from sklearn.ensemble import RandomForestClassifier  # noqa: E402
from sklearn.model_selection import train_test_split  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import OneHotEncoder  # noqa: E402

HERE = Path(__file__).resolve().parent
SEED = 0
TEXT = ["island", "sex"]
NUMBERS = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
COLUMNS = TEXT + NUMBERS
INPUTS = {name: ("BYTES" if name in TEXT else "FP32", ["n", 1]) for name in COLUMNS}
OUTPUTS = {"label": ("BYTES", ["n"]), "probabilities": ("FP32", ["n", 3])}


def load():
    """The penguins with every value known, and how many were left out because one was missing."""
    table = load_penguins()[[*COLUMNS, "species"]]
    known = table.dropna()
    types = {name: object for name in [*TEXT, "species"]} | {name: np.float32 for name in NUMBERS}
    return known.astype(types), len(table) - len(known)


def forest(table):
    """One-hot encoding for text, numbers as they are; an island that was never seen is no island, not an error."""
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), TEXT),
        ("passthrough", NUMBERS),
    )
    classifier = RandomForestClassifier(n_estimators=50, max_depth=6, random_state=SEED)
    return make_pipeline(encode, classifier).fit(table[COLUMNS], table["species"])


def tensors(table):
    """The columns of a table as the inputs of an Open Inference Protocol v2 request."""
    return [
        {"name": name, "datatype": INPUTS[name][0], "shape": [len(table), 1], "data": plain(table[name])}
        for name in COLUMNS
    ]


def plain(column):
    """A column's values as JSON can say them: 39.1, not the 39.099998474 that it is as FP32."""
    return [float(str(value)) for value in column.to_numpy()] if column.name in NUMBERS else column.tolist()


def main():
    """Train, verify, write."""
    table, left_out = load()
    training, held_out = train_test_split(table, test_size=0.3, stratify=table["species"], random_state=SEED)
    pipeline = forest(training)
    model = to_onnx(pipeline, "penguins-v1", INPUTS, OUTPUTS)
    predicted = pipeline.predict(held_out[COLUMNS])
    feeds = {name: held_out[[name]].to_numpy() for name in COLUMNS}
    verify(model, feeds, predicted, pipeline.predict_proba(held_out[COLUMNS]))
    write_model(HERE / "models" / "1" / "model.onnx", model)

    write_json(
        HERE / "test-set.json",
        {
            "inputs": tensors(held_out),
            "labels": held_out["species"].tolist(),
            "predictions": {"v1": predicted.tolist()},
        },
    )
    write_json(HERE / "request.json", {"inputs": tensors(held_out[:1])})
    write_json(
        HERE / "accuracy.json",
        {
            "dataset": "palmerpenguins, without the rows that lack a value; the year of the visit is not used",
            "leftOutForMissingValues": left_out,
            "trainingPenguins": len(training),
            "heldOutPenguins": len(held_out),
            "versions": {"v1": measure(held_out["species"], predicted, pipeline.classes_.tolist())},
            "libraries": libraries("palmerpenguins", "pandas"),
        },
    )
    check_manifest(HERE)


if __name__ == "__main__":
    main()
