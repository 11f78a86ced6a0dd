"""B2B: the shop's utility account pays another organisation. Shapes from the portal's B2B pages.

A success has texts for ResultType and ResultCode, balances in a notation that is not JSON, and a
list of ReferenceItems; a failure has numbers, a single object as ResultParameter, and a single
ReferenceItem. The portal's samples debit the Working account; here all money is in Utility.
"""

from daraja_simulator.commands import TIMEOUT_ITEM, Trade, listed, referring
from daraja_simulator.ledger import ACCOUNTS, UTILITY, Cause
from daraja_simulator.outcomes import B2C_TEXTS, ResultCode
from daraja_simulator.records import Payout
from daraja_simulator.wire import Json, account, decimals, stamp
from daraja_simulator.world import World


def _give_money(world: World, payout: Payout) -> ResultCode:
    """Nobody pays itself: that is 2028. Any other number is an organisation."""
    if payout.party_b == payout.shortcode:
        return 2028
    if world.ledger.accounts[UTILITY] < payout.amount:
        return 1
    refs = {
        "partyB": payout.party_b,
        "accountReference": payout.account_reference,
        "originatorConversationId": payout.originator_conversation_id,
        "conversationId": payout.conversation_id,
    }
    cause = Cause(payout.command_id, world.now(), refs)
    payout.receipt = world.ledger.pay_organisation(payout.party_b, payout.amount, cause)
    return 0


def _details(world: World, payout: Payout) -> Json:
    completed = stamp(world.now())
    if payout.result_code != 0:
        single = {"Key": "BOCompletedTime", "Value": int(completed)}
        return {"ResultParameters": {"ResultParameter": single}} | referring(TIMEOUT_ITEM)
    balance = world.ledger.accounts[UTILITY]
    told = listed(
        {
            "DebitAccountBalance": _money(balance),
            "Amount": decimals(payout.plan.amount_told(payout.amount)),
            "DebitPartyAffectedAccountBalance": account(ACCOUNTS[UTILITY], balance),
            "TransCompletedTime": completed,
            "DebitPartyCharges": "",
            "ReceiverPartyPublicName": world.named(payout.party_b),
            "Currency": "KES",
            "InitiatorAccountCurrentBalance": _money(balance),
        }
    )
    reference = {"Key": "BillReferenceNumber", "Value": payout.account_reference}
    return told | referring([reference, TIMEOUT_ITEM])


def _money(balance: int) -> str:
    """Return it as no other result does; the smallest unit is the cent."""
    return f"{{Amount={{CurrencyCode=KES, MinimumAmount={balance * 100}, BasicAmount={decimals(balance)}}}}}"


TRADE = Trade(
    "b2b",
    lambda options: options.b2c_after,
    _give_money,
    _details,
    B2C_TEXTS,
    quoted=lambda code: code == 0,
)
