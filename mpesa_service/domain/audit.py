"""The cause of a change of status: the part of a line of the audit trail that is not a status."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

MPESA = "mpesa"
"""The actor of changes that are based on M-Pesa's reports."""
SERVICE = "service"
"""The actor of changes that the service makes by its clock or its rules."""


@dataclass(frozen=True)
class Cause:
    """Who caused a change, on what evidence, when, and the details to store."""

    actor: str
    at: datetime
    evidence: str | None = None
    detail: dict[str, Any] | None = None
