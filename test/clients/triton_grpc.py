"""What a user of tritonclient.grpc does. Usage: triton_grpc.py HOST:PORT. Prints one JSON object."""
import json
import queue
import sys

import numpy as np
import tritonclient.grpc as grpc
from tritonclient.utils import InferenceServerException

MODEL = "m"
client = grpc.InferenceServerClient(sys.argv[1])
rows = np.arange(128, dtype=np.float32).reshape(2, 64) % 17


def tensor(values=rows):
    one = grpc.InferInput("image", list(values.shape), "FP32")
    one.set_data_from_numpy(values)
    return one


def infer(**options):
    outputs = [grpc.InferRequestedOutput(name) for name in ("label", "probabilities")]
    return client.infer(MODEL, [tensor()], outputs=outputs, **options)


def shown(result):
    response = result.get_response()
    return {
        "label": result.as_numpy("label").tolist(),
        "probabilities": result.as_numpy("probabilities").tolist(),
        "version": response.model_version,
        "id": response.id,
    }


def refused(call):
    try:
        call()
    except InferenceServerException as error:
        return {"status": error.status(), "message": error.message()}
    return None


def stream(count):
    answers = queue.Queue()
    client.start_stream(callback=lambda result, error: answers.put((result, error)))
    for number in range(count):
        client.async_stream_infer(MODEL, [tensor()], request_id=str(number))
    client.async_stream_infer(MODEL, [tensor(np.zeros((1, 3), np.float32))], request_id="bad")
    client.async_stream_infer(MODEL, [tensor()], request_id="after")
    ids, errors = [], []
    for _ in range(count + 2):
        result, error = answers.get(timeout=20)
        (errors.append(error.message()) if error else ids.append(result.get_response().id))
    client.stop_stream()
    return {"ids": ids, "errors": errors}


print(
    json.dumps(
        {
            "live": client.is_server_live(),
            "ready": client.is_server_ready(),
            "modelReady": client.is_model_ready(MODEL),
            "versionReady": client.is_model_ready(MODEL, "v1"),
            "server": client.get_server_metadata(as_json=True),
            "metadata": client.get_model_metadata(MODEL, as_json=True),
            "config": client.get_model_config(MODEL, as_json=True),
            "index": client.get_model_repository_index(as_json=True),
            "raw": shown(infer(request_id="seven")),
            "pinned": shown(infer(model_version="v1")),
            "gzip": shown(infer(compression_algorithm="gzip")),
            "deadline": shown(infer(client_timeout=20)),
            "stream": stream(8),
            "statistics": client.get_inference_statistics(MODEL, as_json=True),
            "wrongShape": refused(lambda: client.infer(MODEL, [tensor(np.zeros((1, 3), np.float32))])),
            "wrongModel": refused(lambda: client.infer("other", [tensor()])),
            "wrongVersion": refused(lambda: infer(model_version="v9")),
            "load": refused(lambda: client.load_model(MODEL)),
        }
    )
)
