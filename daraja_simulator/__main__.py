"""`python -m daraja_simulator`."""

import sys

from daraja_simulator.command_line import main

if __name__ == "__main__":
    sys.exit(main(program="python -m daraja_simulator"))
