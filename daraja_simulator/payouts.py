"""B2C and B2Pochi: the shop's utility account pays a customer. Shapes from the portal's B2C page."""

from daraja_simulator import sms
from daraja_simulator.commands import TIMEOUT_ITEM, Trade, listed, referring
from daraja_simulator.ledger import UTILITY, Cause
from daraja_simulator.outcomes import B2C_TEXTS, ResultCode
from daraja_simulator.records import Payout
from daraja_simulator.wire import Json, dotted
from daraja_simulator.world import World


def _give_money(world: World, payout: Payout) -> ResultCode:
    customer = world.customer(payout.party_b)
    if customer is None:
        return "SFC_IC0003"
    if payout.amount < world.options.b2c_minimum:
        return 2
    if world.ledger.accounts[UTILITY] < payout.amount:
        return 1
    refs = {
        "originatorConversationId": payout.originator_conversation_id,
        "conversationId": payout.conversation_id,
    }
    cause = Cause(payout.kind, world.now(), refs)
    payout.receipt = world.ledger.credit_customer(customer, payout.amount, cause)
    sms.received(customer, payout.receipt, payout.amount, payout.shortcode)
    return 0


def _details(world: World, payout: Payout) -> Json:
    told = _parameters(world, payout) if payout.result_code == 0 else {}
    return told | referring(TIMEOUT_ITEM)


def _parameters(world: World, payout: Payout) -> Json:
    accounts = world.ledger.accounts
    return listed(
        {
            "TransactionAmount": payout.plan.amount_told(payout.amount),
            "TransactionReceipt": payout.receipt,
            "ReceiverPartyPublicName": world.named(payout.party_b),
            "TransactionCompletedDateTime": dotted(world.now()),
            "B2CUtilityAccountAvailableFunds": float(accounts[UTILITY]),
            "B2CWorkingAccountAvailableFunds": float(accounts["working"]),
            "B2CRecipientIsRegisteredCustomer": "Y",
            "B2CChargesPaidAccountAvailableFunds": float(accounts["charges"]),
        }
    )


TRADE = Trade("b2c", lambda options: options.b2c_after, _give_money, _details, B2C_TEXTS)
