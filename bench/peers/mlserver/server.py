"""MLServer with the runtime beside it: writes the two files of settings, then does what `mlserver start .` does."""

import json
import os
import sys
from pathlib import Path

from common import BATCH, CORES, GRPC_PORT, METRICS_PORT, PORT

sys.path.insert(0, str(Path(__file__).parent))
os.environ["PYTHONPATH"] += f":{Path(__file__).parent}"

settings = {
    "host": "127.0.0.1",
    "http_port": PORT,
    "grpc_port": GRPC_PORT,
    "metrics_port": METRICS_PORT,
    "parallel_workers": 0 if CORES == 1 else CORES,
    "debug": False,
    "logging_settings": None,
}
model = {
    "name": "model",
    "implementation": "onnx_runtime.OnnxRuntime",
    "max_batch_size": BATCH,
    "max_batch_time": 0.001,
}
Path("settings.json").write_text(json.dumps(settings))
Path("model-settings.json").write_text(json.dumps(model))

from mlserver.cli import main  # noqa: E402

sys.argv = ["mlserver", "start", "."]
main()
