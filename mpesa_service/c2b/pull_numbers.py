"""Which numbers of this service pulls read.

Pull Transactions is for "their Pay bill/Till number" (Safaricom's portal documentation). In production it was
observed that only the number of the head office has an answer, and that its own numbers always get 1001. So a
till is read under both of its numbers. A receipt that both return is booked once.
"""

from mpesa_service.config import Settings
from mpesa_service.core.runtime import Runtime
from mpesa_service.errors import Conflict


def pulled_numbers(settings: Settings) -> tuple[str, ...]:
    """Return the numbers that customers may have paid: the till, if there is one, and the shortcode."""
    numbers = (settings.mpesa_till, settings.mpesa_shortcode)
    return tuple(dict.fromkeys(number for number in numbers if number))


def chosen_numbers(runtime: Runtime, shortcode: str | None) -> tuple[str, ...]:
    """Return the numbers to pull: all, or the given one. Raises Conflict if it is not of this service."""
    own = pulled_numbers(runtime.settings)
    if shortcode is None:
        return own
    if shortcode not in own:
        raise Conflict("This shortcode is not one of this service's.", code="not_our_shortcode")
    return (shortcode,)


def prompts_pay(settings: Settings) -> str | None:
    """Return the number that receives the money of prompts: the till, or the pay bill itself."""
    to_till = settings.mpesa_transaction_type == "CustomerBuyGoodsOnline"
    return settings.mpesa_till if to_till else settings.mpesa_shortcode
