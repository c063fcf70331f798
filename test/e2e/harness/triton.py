"""What a user of tritonclient does. Usage: triton.py http|grpc HOST:PORT TEST_SET COUNT. Prints a JSON list of answers."""
import importlib
import json
import sys

import numpy as np

protocol, address, path, count = sys.argv[1:]
triton = importlib.import_module(f"tritonclient.{protocol}")
client = triton.InferenceServerClient(address)
with open(path) as file:
    scans = json.load(file)["inputs"][: int(count)]

assert client.is_server_ready() and client.is_model_ready("digits")
answers = []
for index, scan in enumerate(scans):
    image = triton.InferInput("image", [1, 64], "FP32")
    image.set_data_from_numpy(np.array([scan], dtype=np.float32))
    result = client.infer("digits", [image])
    response = result.get_response()
    version = response["model_version"] if protocol == "http" else response.model_version
    answers.append({"scan": index, "label": int(result.as_numpy("label")[0]), "version": version})
print(json.dumps(answers))
