"""How the settings are declared: a field of a dataclass for each environment variable."""

from dataclasses import MISSING, Field, field
from typing import Any

from mpesa_service.config.parsers import SettingKind

ALL = "all"
MIGRATE = "all, `migrate`"
SERVE = "`serve`"
SERVE_WORKER = "`serve`, `worker`"
WORKER = "`worker`"
PAYOUTS = "`serve`, `payouts`"
C2B = "`serve`, `register-urls`"
TOKEN = "`serve`, `token`"  # noqa: S105 - a list of commands


def setting(
    kind: SettingKind[Any], help_: str, default: Any = MISSING, *, read_by: str = ALL, secret: bool = False
) -> Any:
    """Declare an environment variable. Without a default it is required. `read_by` names `mpesa` commands."""
    metadata = {"kind": kind, "help": help_, "read_by": read_by, "secret": secret}
    return field(default=default, metadata=metadata, repr=not secret)


def environment_name(item: "Field[Any]") -> str:
    """Return the name of the environment variable of a settings field."""
    return item.name.upper()
