"""Posting to addresses that others chose: where a post may go, how it is signed, how long it may take.

Knows neither Flask nor the database. `addresses.py` decides, `posting.py` sends, `signing.py` signs.
"""

from mpesa_service.outgoing.addresses import AddressRefused, Network, permitted_addresses, read_target
from mpesa_service.outgoing.posting import Answer, Poster
from mpesa_service.outgoing.signing import new_secret, signed_headers

__all__ = [
    "AddressRefused",
    "Answer",
    "Network",
    "Poster",
    "new_secret",
    "permitted_addresses",
    "read_target",
    "signed_headers",
]
