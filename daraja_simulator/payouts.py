"""B2C and B2Pochi: the shop's utility account pays a customer. Formats: the portal's B2C page."""

from daraja_simulator import charges, sms
from daraja_simulator.commands import TIMEOUT_ITEM, CommandType, reference_data, result_parameters
from daraja_simulator.ledger import UTILITY, Cause
from daraja_simulator.outcomes import B2C_TEXTS, ResultCode
from daraja_simulator.records import Payout
from daraja_simulator.state import SimulatorState
from daraja_simulator.wire import Json, dotted_time


def _execute(state: SimulatorState, payout: Payout) -> ResultCode:
    customer = state.customer(payout.party_b)
    if customer is None:
        return "SFC_IC0003"
    if payout.amount < state.options.b2c_minimum:
        return 2
    needed = charges.from_utility(state.options, payout.kind, payout.command_id, payout.amount)
    if state.ledger.accounts[UTILITY] < needed:
        return 1
    refs = {
        "originatorConversationId": payout.originator_conversation_id,
        "conversationId": payout.conversation_id,
    }
    cause = Cause(payout.kind, state.now(), refs, payout.shortcode, payout.command_id, payout.accepted_at)
    payout.receipt = state.ledger.credit_customer(customer, payout.amount, cause)
    charges.post(state, cause, payout.receipt, payout.amount)
    sms.received(customer, payout.receipt, payout.amount, payout.shortcode)
    return 0


def _details(state: SimulatorState, payout: Payout) -> Json:
    parameters = _parameters(state, payout) if payout.result_code == 0 else {}
    return parameters | reference_data(TIMEOUT_ITEM)


def _parameters(state: SimulatorState, payout: Payout) -> Json:
    accounts = state.ledger.accounts
    return result_parameters(
        {
            "TransactionAmount": payout.plan.reported_amount(payout.amount),
            "TransactionReceipt": payout.receipt,
            "ReceiverPartyPublicName": state.display_name(payout.party_b),
            "TransactionCompletedDateTime": dotted_time(state.now()),
            "B2CUtilityAccountAvailableFunds": float(accounts[UTILITY]),
            "B2CWorkingAccountAvailableFunds": float(accounts["working"]),
            "B2CRecipientIsRegisteredCustomer": "Y",
            "B2CChargesPaidAccountAvailableFunds": float(accounts["charges"]),
        }
    )


COMMAND_TYPE = CommandType("b2c", lambda options: options.b2c_after, _execute, _details, B2C_TEXTS)
