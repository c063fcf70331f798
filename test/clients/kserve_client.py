"""What a user of kserve's client does. Usage: kserve_client.py REST_URL GRPC_HOST:PORT. Prints one JSON object."""
import asyncio
import json
import sys

import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig

MODEL = "m"
rows = np.arange(128, dtype=np.float32).reshape(2, 64) % 17


def request(binary):
    tensor = InferInput("image", list(rows.shape), "FP32")
    tensor.set_data_from_numpy(rows, binary_data=binary)
    return InferRequest(model_name=MODEL, infer_inputs=[tensor], request_id="seven")


def shown(response):
    found = {output.name: output.as_numpy().tolist() for output in response.outputs}
    return {"label": found["label"], "probabilities": found["probabilities"], "id": response.id}


async def main(rest_url, grpc_url):
    rest = InferenceRESTClient(RESTConfig(protocol="v2", timeout=20))
    grpc = InferenceGRPCClient(grpc_url)
    print(
        json.dumps(
            {
                "live": await rest.is_server_live(rest_url),
                "ready": await rest.is_server_ready(rest_url),
                "modelReady": await rest.is_model_ready(rest_url, MODEL),
                "json": shown(await rest.infer(rest_url, request(False), model_name=MODEL)),
                "binary": shown(await rest.infer(rest_url, request(True), model_name=MODEL)),
                "grpcLive": await grpc.is_server_live(),
                "grpcReady": await grpc.is_server_ready(),
                "grpcModelReady": await grpc.is_model_ready(MODEL),
                "grpcRaw": shown(await grpc.infer(request(True))),
                "grpcTyped": shown(await grpc.infer(request(False))),
            }
        )
    )


asyncio.run(main(*sys.argv[1:]))
