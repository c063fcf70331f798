"""A BentoML service with adaptive batching."""

import bentoml
import numpy as np
from common import BATCH, CORES, OUTPUT, dtypes_of, open_session


@bentoml.service(workers=CORES, traffic={"timeout": 120})
class Service:
    def __init__(self):
        self.session = open_session()
        self.dtypes = dtypes_of(self.session.get_inputs())

    @bentoml.api(batchable=True, max_batch_size=BATCH)
    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Batching takes one argument: several inputs come stacked in its second dimension."""
        names = list(self.dtypes)
        columns = [rows] if len(names) == 1 else [rows[:, at] for at in range(len(names))]
        feeds = {name: column.astype(self.dtypes[name]) for name, column in zip(names, columns)}
        return self.session.run([OUTPUT], feeds)[0]
