"""`python -m mpesa_service.local`."""

import os
import signal
import sys

# Ctrl-C while the imports below run must not end in a traceback; nothing is started yet.
for _number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(_number, lambda *_: os._exit(0))

from mpesa_service.local.command import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
