"""A local Daraja: a team can develop and test against it, with its own ledger.

It shares no code with the service, so that a mistake in one is not repeated in the other. Start it
with `python -m daraja_simulator --port 5006`, or in a test with `SimulatorServer`.

It speaks OAuth, STK push and query, C2B (v1 and v2), B2C (v1 and v3), B2Pochi, B2B, reversal,
transaction status and account balance.
By default any consumer key and secret opens an app on shortcode 174379 with the public sandbox
passkey, and any Kenyan number is a customer with PIN 0000 and enough money, who pays after two
seconds. A number ending in 99 and a result code chooses another outcome (`outcomes`), faults are
switched on with rates (`faults`), and everything can be steered over HTTP (`control`).
"""

from daraja_simulator.app import create_simulator
from daraja_simulator.options import SimulatorOptions
from daraja_simulator.server import SimulatorServer
from daraja_simulator.world import World

__all__ = ["SimulatorOptions", "SimulatorServer", "World", "create_simulator"]
