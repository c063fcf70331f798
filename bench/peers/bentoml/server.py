"""What `bentoml serve service:Service` does."""

import sys
from pathlib import Path

from bentoml_cli.cli import cli
from common import PORT

here = str(Path(__file__).parent)
sys.argv = ["bentoml", "serve", "service:Service", "--working-dir", here, "--host", "127.0.0.1", "--port", str(PORT)]
cli()
