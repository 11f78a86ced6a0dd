"""`python -m devtools`."""

import os
import signal
import sys

# Ctrl-C during the imports below must not print a traceback. No process runs yet: `run` has nothing to
# stop and exits with 0. Every other command exits with the code of an interrupted program.
for _number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(_number, lambda number, _: os._exit(0 if "run" in sys.argv else 128 + number))

from devtools.command_line import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
