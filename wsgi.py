"""What gunicorn and the `flask` command load."""

import sys

from mpesa_service import create_app
from mpesa_service.config import ConfigurationError

try:
    app = create_app()
except ConfigurationError as error:
    sys.exit(str(error))
