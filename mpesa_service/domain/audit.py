"""Why a state changes: what each line of the audit trail records beside the states themselves."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

MPESA = "mpesa"
"""Actor of changes that rest on what M-Pesa said."""
SERVICE = "service"
"""Actor of changes that the service makes by its own clock or rules."""


@dataclass(frozen=True)
class Cause:
    """Who caused a change, on what evidence, when, and the details to keep."""

    actor: str
    at: datetime
    evidence: str | None = None
    detail: dict[str, Any] | None = None
