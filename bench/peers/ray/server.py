"""Ray Serve on one machine, with its own batching."""

import signal

import numpy as np
import ray
from common import BATCH, CORES, PORT, dtypes_of, open_session
from ray import serve
from starlette.requests import Request

ray.init(num_cpus=CORES + 1, include_dashboard=False, log_to_driver=False)
serve.start(http_options={"host": "127.0.0.1", "port": PORT})


@serve.deployment(num_replicas=CORES, max_ongoing_requests=512, ray_actor_options={"num_cpus": 1})
class Onnx:
    def __init__(self):
        self.session = open_session()
        self.dtypes = dtypes_of(self.session.get_inputs())
        self.names = [output.name for output in self.session.get_outputs()]

    @serve.batch(max_batch_size=BATCH, batch_wait_timeout_s=0)
    async def run(self, bodies):
        feeds = {
            name: np.concatenate([np.asarray(body[name], dtype) for body in bodies])
            for name, dtype in self.dtypes.items()
        }
        outputs = dict(zip(self.names, self.session.run(self.names, feeds)))
        return [{name: value[at : at + 1].tolist() for name, value in outputs.items()} for at in range(len(bodies))]

    async def __call__(self, request: Request):
        if request.url.path.endswith("/ready"):
            return {}
        return await self.run(await request.json())


serve.run(Onnx.bind(), route_prefix="/predict")
signal.sigwait([signal.SIGTERM, signal.SIGINT])
serve.shutdown()
ray.shutdown()
