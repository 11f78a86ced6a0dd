"""`python -m devtools`."""

import os
import signal
import sys

# Ctrl-C while the imports below run must not end in a traceback. Nothing is started yet: `run` has nothing
# to stop, and whatever else was asked for has not been done.
for _number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(_number, lambda number, _: os._exit(0 if "run" in sys.argv else 128 + number))

from devtools.command import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
