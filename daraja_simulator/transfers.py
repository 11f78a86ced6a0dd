"""B2B: the shop's utility account pays another organization. Formats: the portal's B2B pages.

In a success, ResultType and ResultCode are texts, balances have a notation that is not JSON, and there is
a list of ReferenceItems. In a failure, the codes are numbers, ResultParameter is a single object, and
there is one ReferenceItem. The portal's samples debit the working account. In the simulator, all money is
in the utility account.
"""

from daraja_simulator import charges
from daraja_simulator.commands import TIMEOUT_ITEM, CommandType, reference_data, result_parameters
from daraja_simulator.ledger import ACCOUNTS, UTILITY, Cause
from daraja_simulator.money import Money, cents
from daraja_simulator.outcomes import B2C_TEXTS, ResultCode
from daraja_simulator.records import Payout
from daraja_simulator.state import SimulatorState
from daraja_simulator.wire import Json, account_text, compact_time, two_decimals


def _execute(state: SimulatorState, payout: Payout) -> ResultCode:
    """Pay the organization. A payment to the shop itself ends in 2028."""
    if payout.party_b == payout.shortcode:
        return 2028
    needed = charges.from_utility(state.options, payout.command_id, payout.command_id, payout.amount)
    if state.ledger.accounts[UTILITY] < needed:
        return 1
    refs = {
        "partyB": payout.party_b,
        "accountReference": payout.account_reference,
        "originatorConversationId": payout.originator_conversation_id,
        "conversationId": payout.conversation_id,
    }
    command = payout.command_id
    cause = Cause(command, state.now(), refs, payout.shortcode, command, payout.accepted_at)
    payout.receipt = state.ledger.pay_organization(payout.party_b, payout.amount, cause)
    charges.post(state, cause, payout.receipt, payout.amount)
    return 0


def _details(state: SimulatorState, payout: Payout) -> Json:
    completed = compact_time(state.now())
    if payout.result_code != 0:
        single = {"Key": "BOCompletedTime", "Value": int(completed)}
        return {"ResultParameters": {"ResultParameter": single}} | reference_data(TIMEOUT_ITEM)
    balance = state.ledger.accounts[UTILITY]
    parameters = result_parameters(
        {
            "DebitAccountBalance": _money(balance),
            "Amount": two_decimals(payout.plan.reported_amount(payout.amount)),
            "DebitPartyAffectedAccountBalance": account_text(ACCOUNTS[UTILITY], balance),
            "TransCompletedTime": completed,
            "DebitPartyCharges": "",
            "ReceiverPartyPublicName": state.display_name(payout.party_b),
            "Currency": "KES",
            "InitiatorAccountCurrentBalance": _money(balance),
        }
    )
    reference = {"Key": "BillReferenceNumber", "Value": payout.account_reference}
    return parameters | reference_data([reference, TIMEOUT_ITEM])


def _money(balance: Money) -> str:
    """Return the balance in the notation of B2B results. MinimumAmount is in cents."""
    least, basic = cents(balance), two_decimals(balance)
    return f"{{Amount={{CurrencyCode=KES, MinimumAmount={least}, BasicAmount={basic}}}}}"


COMMAND_TYPE = CommandType(
    "b2b",
    lambda options: options.b2c_after,
    _execute,
    _details,
    B2C_TEXTS,
    codes_are_texts=lambda code: code == 0,
)
