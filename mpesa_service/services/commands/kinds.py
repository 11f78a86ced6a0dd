"""Every kind of command."""

from typing import Any

from mpesa_service.services.commands.command import Command
from mpesa_service.services.commands.inquiry import InquiryCommand
from mpesa_service.services.commands.payout import PayoutCommand
from mpesa_service.services.commands.refund import RefundCommand

KINDS: tuple[type[Command[Any]], ...] = (RefundCommand, PayoutCommand, InquiryCommand)
