"""What the peers share: the model, opened alike for all of them, and where to listen."""

import os
from pathlib import Path

import onnxruntime

MODEL = Path(os.environ["BENCH_MODEL"])
OUTPUT = os.environ["BENCH_OUTPUT"]
CORES = int(os.environ["BENCH_CORES"])
BATCH = int(os.environ["BENCH_BATCH"])
PORT = int(os.environ["BENCH_PORT"])
GRPC_PORT = int(os.environ["BENCH_GRPC_PORT"])
METRICS_PORT = int(os.environ["BENCH_METRICS_PORT"])

DTYPES = {"tensor(float)": "float32", "tensor(int64)": "int64"}


def open_session():
    """One thread a session: every peer has as many processes or instances as there are cores."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])


def dtypes_of(tensors):
    """The numpy dtype of each input or output by its name."""
    return {tensor.name: DTYPES[tensor.type] for tensor in tensors}
