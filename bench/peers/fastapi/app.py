"""FastAPI and onnxruntime, as people write it by hand."""

import numpy as np
from common import dtypes_of, open_session
from fastapi import FastAPI

app = FastAPI()
session = open_session()
dtypes = dtypes_of(session.get_inputs())
names = [output.name for output in session.get_outputs()]


@app.get("/ready")
async def ready():
    return {}


@app.post("/predict")
async def predict(body: dict[str, list]):
    feeds = {name: np.asarray(values, dtypes[name]) for name, values in body.items()}
    return {name: value.tolist() for name, value in zip(names, session.run(names, feeds))}
