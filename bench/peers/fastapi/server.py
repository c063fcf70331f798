"""What `uvicorn app:app --workers CORES` does."""

import uvicorn
from common import CORES, PORT

if __name__ == "__main__":
    uvicorn.run("app:app", host="127.0.0.1", port=PORT, workers=CORES, access_log=False, log_level="warning")
