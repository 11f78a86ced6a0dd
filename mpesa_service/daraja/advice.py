"""What an operator can do about a code, in sentences. The code tables refer to them.

"Portal" means developer.safaricom.co.ke, and "organization portal" means org.ke.m-pesa.com. Facts about
roles, passwords and locks are from Safaricom's documentation. Integrators reported the causes of a refused
token.
"""

BEARER = (
    "Check that the consumer key and secret belong to this environment: the production host refuses the "
    "sandbox's. Check on the portal that the app has this API product and that its go-live is approved. "
    "Check that no other program fetches tokens for the same app: each new token ends the previous one."
)
KEYS = (
    "Copy the consumer key and secret again from the app on the portal, without spaces around them, and "
    "check that they belong to this environment."
)
PRODUCT = (
    "Add the API product to the app on the portal, or set the version of the API that the app has: "
    "v1 or v2 for C2B, v1 or v3 for B2C."
)
REQUEST = (
    "Check the setting of the field that the message names: shortcodes, initiator, certificate or callback "
    "addresses. Callback addresses must be https in production and without spaces; those for C2B must not "
    "contain words such as mpesa or safaricom."
)
ADDRESS = (
    "Check the base URL: scheme and host of Daraja, no path, no spaces, and no proxy that changes requests."
)
SHORTCODE = "Check the shortcode. For a till it is the store number; the till number is a separate setting."
PASSKEY = (
    "Check that the passkey belongs to this shortcode and environment: Safaricom sends the production one "
    "after go-live. Check that this machine's clock is right."
)
SPIKE = "Send fewer requests per second. The sandbox allows five STK queries per minute."
QUOTA = "Wait until the app's quota is renewed, or ask Safaricom for a larger one."
FIREWALL = (
    "Safaricom's firewall may have blocked this machine's address after too many calls. Send fewer calls. "
    "If the block continues, ask Safaricom to unblock the address."
)
REGISTERED = (
    "If these are the right addresses, do nothing. To change them in production, delete them in the portal's "
    "URL management, or ask Safaricom to delete them, and register again."
)

TOP_UP = "Move money into the utility account in the organization portal, and send the payment again."
INACTIVE = "Ask Safaricom to make your shortcode active again."
INITIATOR = (
    "Send nothing more until this is fixed, because repeated failures lock the initiator. Check the "
    "initiator's name. Check its password, which expires after 90 days, and set a new one in the "
    "organization portal. Check that the certificate, or the ready-made credential, belongs to this "
    "environment: the sandbox's does not fit production."
)
NO_INITIATOR = (
    "Check that the initiator's name is spelled as in the organization portal, and that it belongs to the "
    "shortcode of the command. If the user is not active, activate it."
)
ROLE = (
    "Give the initiator the role of this command in the organization portal: ORG B2C API Initiator, Org "
    "Reversals Initiator, Transaction Status query ORG API, Balance Query ORG API, Business Paybill Org API "
    "initiator or Business Buy Goods Org API initiator. Check that the initiator belongs to the shortcode of "
    "the command."
)
LOCKED = (
    "Unlock the API user and give it a new password in the organization portal. Set the new password or "
    "credential here. Send nothing before that."
)
FIELDS = "Read in the result's description what is wrong. Shortcodes and command are settings."
NOT_ASSIGNED = (
    "Ask Safaricom to assign this product to the shortcode. Check that your shortcode is the one that has it."
)
ACCOUNTS = "Look up the state of both accounts in the organization portal, or ask Safaricom."
RECEIPT = "Check the receipt: only payments to this shortcode can be reversed, and payouts cannot."
UNKNOWN_RECEIPT = (
    "Compare the receipt with the customer's message, letter by letter. A new receipt may be unknown for "
    "some minutes. M-Pesa answers only about transactions of your shortcode."
)

PAIRING = (
    "Check the pairing: CustomerPayBillOnline with the pay bill number alone, or CustomerBuyGoodsOnline with "
    "the store number as shortcode and the till number as till."
)
PROMPT = "Shorten the account reference and the description: the whole prompt may have 182 characters."
FULL = (
    "Move money out of the receiving account in the organization portal: it has reached its largest balance."
)
