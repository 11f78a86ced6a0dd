"""Every kind of command."""

from typing import Any

from mpesa_service.commands.command import Command
from mpesa_service.inquiries.command import InquiryCommand
from mpesa_service.payouts.command import PayoutCommand
from mpesa_service.refunds.command import RefundCommand

KINDS: tuple[type[Command[Any]], ...] = (RefundCommand, PayoutCommand, InquiryCommand)
