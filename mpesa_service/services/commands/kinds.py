"""Every kind of command."""

from typing import Any

from mpesa_service.services.commands.command import Command
from mpesa_service.services.commands.refund import RefundCommand

KINDS: tuple[type[Command[Any]], ...] = (RefundCommand,)
