"""Reversal: a customer's payment is returned (portal: Transaction Reversal).

`RecieverIdentifierType` is Daraja's spelling, and 11 is its only value. The caller cannot give an id. A
second reversal of the same receipt ends in R000001.
"""

from daraja_simulator import reversals
from daraja_simulator.apis.commands import RequestFormat, common_fields, enqueue
from daraja_simulator.commands import choose_outcome
from daraja_simulator.fields import Fields
from daraja_simulator.outcomes import REVERSAL_TEXTS, outcome_for
from daraja_simulator.records import REVERSAL, Reversal
from daraja_simulator.request_pipeline import Api, Call, invalid_token_404
from daraja_simulator.wire import Json

_FORMAT = RequestFormat(
    commands=("TransactionReversal",),
    shortcode="ReceiverParty",
    identifiers={"RecieverIdentifierType": "11"},
    remarks_least=2,
)


def request(call: Call) -> Json:
    """Accept a reversal. The original payer's number or the amount can choose the outcome."""
    state, fields = call.state, Fields(call.body)
    receipt, amount = fields.text("TransactionID", 128), fields.amount()
    with state.lock:
        debit = state.ledger.debit(receipt)
    payer = debit.holder if debit else ""
    outcome = choose_outcome(
        call.plan, outcome_for(payer, amount, REVERSAL_TEXTS), state.options.reversal_auto
    )
    common = common_fields(call, _FORMAT, outcome)
    reversal = Reversal(kind=REVERSAL, original_receipt=receipt, amount=amount, payer=payer, **common)
    return enqueue(state, reversals.COMMAND_TYPE, reversal)


APIS = (Api("reversal", "/mpesa/reversal/v1/request", request, invalid_token_404),)
