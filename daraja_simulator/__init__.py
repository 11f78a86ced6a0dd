"""A local simulator of Daraja, with its own ledger, for development and tests.

It shares no code with the service, so that an error in one is not repeated in the other. Start it with
`python -m daraja_simulator --port 5006`, or in a test with `SimulatorServer`.

It implements OAuth, STK push and STK query, C2B (v1 and v2), B2C (v1 and v3), B2Pochi, B2B, reversal,
transaction status, account balance and Pull Transactions, and writes the organization portal's statement of
its ledger (see `statement`).

By default, any consumer key and secret are valid for shortcode 174379 with the public sandbox passkey. Any
Kenyan number is a customer with PIN 0000 and enough money, who pays after two seconds. A number that ends in
99 and a result code chooses another outcome (see `outcomes`). Faults have rates (see `faults`), and an HTTP
API controls everything (see `control`).
"""

from daraja_simulator.app import create_simulator
from daraja_simulator.options import SimulatorOptions
from daraja_simulator.server import SimulatorServer
from daraja_simulator.state import SimulatorState

__all__ = ["SimulatorOptions", "SimulatorServer", "SimulatorState", "create_simulator"]
