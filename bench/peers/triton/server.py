"""Triton's Python backend as nvidia-pytriton ships it: the documented way to serve a function."""

import numpy as np
from common import BATCH, CORES, GRPC_PORT, METRICS_PORT, PORT, dtypes_of, open_session
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

sessions = [open_session() for _ in range(CORES)]
(first, *_) = sessions
names = [output.name for output in first.get_outputs()]


def specs(tensors):
    """Shapes without the batch; Triton has no scalars, so one number a row is a vector of one."""
    kinds = dtypes_of(tensors)
    inner = {tensor.name: [size if isinstance(size, int) else -1 for size in tensor.shape[1:]] for tensor in tensors}
    return [
        Tensor(name=tensor.name, dtype=np.dtype(kinds[tensor.name]).type, shape=tuple(inner[tensor.name] or [1]))
        for tensor in tensors
    ]


def function_of(session):
    @batch
    def infer(**feeds):
        outputs = session.run(names, feeds)
        return {name: value if value.ndim > 1 else value[:, None] for name, value in zip(names, outputs)}

    return infer


config = TritonConfig(
    http_address="127.0.0.1",
    http_port=PORT,
    grpc_address="127.0.0.1",
    grpc_port=GRPC_PORT,
    metrics_port=METRICS_PORT,
)
with Triton(config=config) as triton:
    triton.bind(
        model_name="model",
        infer_func=[function_of(session) for session in sessions],
        inputs=specs(first.get_inputs()),
        outputs=specs(first.get_outputs()),
        config=ModelConfig(max_batch_size=BATCH, batcher=DynamicBatcher(max_queue_delay_microseconds=0)),
        strict=False,
    )
    triton.serve()
