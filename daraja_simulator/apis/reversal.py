"""Reversal: a customer's payment goes back (portal: Transaction Reversal).

`RecieverIdentifierType` is the wire's own spelling, and 11 its only value. There is no id of the
caller's; a second reversal of the same receipt ends in R000001.
"""

from daraja_simulator import reversals
from daraja_simulator.apis.commands import Form, accepted, terms
from daraja_simulator.commands import planned
from daraja_simulator.fields import Fields
from daraja_simulator.gate import Api, Call, invalid_token_404
from daraja_simulator.outcomes import REVERSAL_TEXTS, chosen
from daraja_simulator.records import REVERSAL, Reversal
from daraja_simulator.wire import Json

_FORM = Form(
    commands=("TransactionReversal",),
    shortcode="ReceiverParty",
    identifiers={"RecieverIdentifierType": "11"},
    remarks_least=2,
)


def request(call: Call) -> Json:
    """Accept the wish; the original payer's number, or the amount, may choose what becomes of it."""
    world, fields = call.world, Fields(call.body)
    receipt, amount = fields.text("TransactionID", 128), fields.amount()
    with world.lock:
        debit = world.ledger.debit(receipt)
    payer = debit.holder if debit else ""
    outcome = planned(call.plan, chosen(payer, amount, REVERSAL_TEXTS), world.options.reversal_auto)
    common = terms(call, _FORM, outcome)
    reversal = Reversal(kind=REVERSAL, original_receipt=receipt, amount=amount, payer=payer, **common)
    return accepted(world, reversals.TRADE, reversal)


APIS = (Api("reversal", "/mpesa/reversal/v1/request", request, invalid_token_404),)
