"""KServe's Python model server with a custom model, as its documentation shows."""

from common import CORES, GRPC_PORT, PORT, open_session
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer
from kserve.utils.utils import generate_uuid


class Onnx(Model):
    def __init__(self):
        super().__init__("model")
        self.load()

    def load(self):
        self.session = open_session()
        self.names = [output.name for output in self.session.get_outputs()]
        self.ready = True
        return self.ready

    def predict(self, payload: InferRequest, headers=None, response_headers=None) -> InferResponse:
        feeds = {one.name: one.as_numpy() for one in payload.inputs}
        outputs = [
            # Arrays go as they are; the server makes bytes or lists of them, as the request asks.
            InferOutput(name, list(value.shape), "INT64" if value.dtype == "int64" else "FP32", data=value)
            for name, value in zip(self.names, self.session.run(self.names, feeds))
        ]
        return InferResponse(
            response_id=payload.id or generate_uuid(),
            model_name=self.name,
            infer_outputs=outputs,
            use_binary_outputs=payload.use_binary_outputs,
            requested_outputs=payload.request_outputs,
        )


if __name__ == "__main__":
    ModelServer(
        http_port=PORT, grpc_port=GRPC_PORT, enable_grpc=False, workers=CORES, access_log_format=None
    ).start([Onnx()])
