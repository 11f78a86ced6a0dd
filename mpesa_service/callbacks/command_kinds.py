"""Every kind of command."""

from mpesa_service.commands.command import Kinds
from mpesa_service.inquiries.command import InquiryCommand
from mpesa_service.payouts.command import PayoutCommand
from mpesa_service.refunds.command import RefundCommand

KINDS: Kinds = (RefundCommand, PayoutCommand, InquiryCommand)
