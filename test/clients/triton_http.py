"""What a user of tritonclient.http does. Usage: triton_http.py HOST:PORT. Prints one JSON object."""
import json
import sys

import numpy as np
import tritonclient.http as http
from tritonclient.utils import InferenceServerException

MODEL = "m"
client = http.InferenceServerClient(sys.argv[1])
rows = np.arange(128, dtype=np.float32).reshape(2, 64) % 17


def infer(binary_in, binary_out, client=client, **options):
    tensor = http.InferInput("image", list(rows.shape), "FP32")
    tensor.set_data_from_numpy(rows, binary_data=binary_in)
    outputs = [http.InferRequestedOutput(name, binary_data=binary_out) for name in ("label", "probabilities")]
    return client.infer(MODEL, [tensor], outputs=outputs, **options)


def shown(result):
    response = result.get_response()
    return {
        "label": result.as_numpy("label").tolist(),
        "probabilities": result.as_numpy("probabilities").tolist(),
        "version": response["model_version"],
        "id": response.get("id"),
    }


def refused(call):
    try:
        call()
    except InferenceServerException as error:
        return {"status": error.status(), "message": error.message()}
    return None


def wrong_shape():
    tensor = http.InferInput("image", [1, 3], "FP32")
    tensor.set_data_from_numpy(np.zeros((1, 3), np.float32))
    return client.infer(MODEL, [tensor])


def no_outputs_named():
    tensor = http.InferInput("image", list(rows.shape), "FP32")
    tensor.set_data_from_numpy(rows)
    return client.infer(MODEL, [tensor])


def concurrently():
    with http.InferenceServerClient(sys.argv[1], concurrency=4) as many:
        tensor = http.InferInput("image", list(rows.shape), "FP32")
        tensor.set_data_from_numpy(rows)
        waiting = [many.async_infer(MODEL, [tensor]) for _ in range(64)]
        return len([answer.get_result().as_numpy("label") for answer in waiting])


print(
    json.dumps(
        {
            "live": client.is_server_live(),
            "ready": client.is_server_ready(),
            "modelReady": client.is_model_ready(MODEL),
            "versionReady": client.is_model_ready(MODEL, "v1"),
            "otherReady": client.is_model_ready("other"),
            "server": client.get_server_metadata(),
            "metadata": client.get_model_metadata(MODEL),
            "config": client.get_model_config(MODEL),
            "index": client.get_model_repository_index(),
            "json": shown(infer(False, False, request_id="seven")),
            "binary": shown(infer(True, True, request_id="seven")),
            "binaryIn": shown(infer(True, False)),
            "binaryOut": shown(infer(False, True)),
            "pinned": shown(infer(True, True, model_version="v1")),
            "gzip": shown(infer(True, True, request_compression_algorithm="gzip", response_compression_algorithm="gzip")),
            "deflate": shown(
                infer(True, True, request_compression_algorithm="deflate", response_compression_algorithm="deflate")
            ),
            "unnamed": no_outputs_named().as_numpy("label").tolist(),
            "concurrent": concurrently(),
            "statistics": client.get_inference_statistics(MODEL),
            "wrongShape": refused(wrong_shape),
            "wrongModel": refused(lambda: client.get_model_metadata("other")),
            "wrongVersion": refused(lambda: infer(True, True, model_version="v9")),
        }
    )
)
