"""What a kind of command inherits."""

from mpesa_service.callbacks.handlers import KINDS
from mpesa_service.commands.command import Command
from mpesa_service.inquiries.command import InquiryCommand
from tests.support import Service


def test_by_default_nothing_is_special(service: Service) -> None:
    command = InquiryCommand(None, None)
    assert Command.handle_late_report(command, None, None) is None
    assert Command.party(command, service.runtime) is None


def test_every_kind_has_a_name_of_its_own() -> None:
    """Tokens are derived from it, and edges are named after it."""
    names = [kind.name for kind in KINDS]
    assert len(set(names)) == len(names)
    assert {"refund", "inquiry"} <= set(names)
