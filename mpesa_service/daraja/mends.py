"""What an operator can do about a code, in sentences; the code tables point here.

Portal means developer.safaricom.co.ke, organisation portal org.ke.m-pesa.com. What it says of roles,
passwords and locks is Safaricom's documentation; the causes of a refused token are what integrators
report.
"""

BEARER = (
    "Check that the consumer key and secret are of this environment: the sandbox's are refused by the "
    "production host. Check on the portal that the app has this API product and that its go-live is "
    "approved. Check that nothing else fetches tokens for the same app: each new token ends the one before."
)
KEYS = (
    "Copy the consumer key and secret anew from the app on the portal, without blanks around them, and "
    "check that they are of this environment."
)
PRODUCT = (
    "Add the API product to the app on the portal, or set the version of the API that the app has: "
    "v1 or v2 for C2B, v1 or v3 for B2C."
)
REQUEST = (
    "Look for the field that the message names: shortcodes, initiator, certificate and callback addresses "
    "come from the configuration. Callback addresses must be https in production and without blanks; those "
    "for C2B must not hold words such as mpesa or safaricom."
)
ADDRESS = (
    "Check the base URL: scheme and host of Daraja, no path, no blanks, and no proxy that changes requests."
)
SHORTCODE = "Check the shortcode. For a till it is the store number, and the till number is set beside it."
PASSKEY = (
    "Check that the passkey belongs to this shortcode and environment: Safaricom sends the production one "
    "after go-live. Check that this machine's clock is right."
)
SPIKE = "Send fewer requests a second. The sandbox allows five STK queries a minute."
QUOTA = "Wait until the app's quota is renewed, or ask Safaricom for a larger one."
FIREWALL = (
    "Safaricom's firewall may have blocked this machine's address after too many calls: send less, and ask "
    "Safaricom to unblock it if that lasts."
)
REGISTERED = (
    "If the addresses are the right ones, nothing is to be done. To change them in production, have them "
    "deleted in the portal's URL management or by Safaricom, and register again."
)

TOP_UP = "Move money into the utility account in the organisation portal, and send the payment anew."
INACTIVE = "Ask Safaricom to make the shortcode active."
INITIATOR = (
    "Send nothing more until this is mended: repeated failures lock the initiator. Check the initiator's "
    "name, and its password, which ends after 90 days and is set anew in the organisation portal. Check that "
    "the certificate, or the ready-made credential, is of this environment: the sandbox's does not fit "
    "production."
)
NO_INITIATOR = (
    "Check that the initiator's name is spelt as in the organisation portal and that it belongs to the "
    "shortcode the command acts for; make the user active if it is not."
)
ROLE = (
    "Give the initiator the role of this command in the organisation portal: ORG B2C API Initiator, Org "
    "Reversals Initiator, Transaction Status query ORG API, Balance Query ORG API, Business Paybill Org API "
    "initiator or Business Buy Goods Org API initiator."
)
LOCKED = (
    "Have the API user unlocked and given a new password in the organisation portal, set the new password "
    "or credential here, and send nothing before that."
)
FIELDS = "Read in the result's description what is wrong; shortcodes and command come from the configuration."
NOT_ASSIGNED = (
    "Ask Safaricom to give the shortcode this product, and check that the shortcode is the one that the "
    "product was given to."
)
ACCOUNTS = "Look up the state of both accounts in the organisation portal, or ask Safaricom."
RECEIPT = "Check the receipt: only payments that came to this shortcode can be reversed, and payouts cannot."

PAIRING = (
    "Check the pairing: CustomerPayBillOnline with the pay bill number alone, or CustomerBuyGoodsOnline with "
    "the store number as shortcode and the till number beside it."
)
PROMPT = "Shorten the account reference and the description: the whole prompt may have 182 characters."
FULL = "Move money out of the receiving account in the organisation portal: it is at its largest balance."
