"""Bodies of callbacks, from the samples of the documentation."""

import copy

from hypothesis import strategies as st

PAID = b"""{"Body": {"stkCallback": {
  "MerchantRequestID": "29115-34620561-1",
  "CheckoutRequestID": "ws_CO_191220191020363925",
  "ResultCode": 0,
  "ResultDesc": "The service request is processed successfully.",
  "CallbackMetadata": {"Item": [
    {"Name": "Amount", "Value": 1.00},
    {"Name": "MpesaReceiptNumber", "Value": "NLJ7RT61SV"},
    {"Name": "Balance"},
    {"Name": "TransactionDate", "Value": 20191219102115},
    {"Name": "PhoneNumber", "Value": 254708374149}]}}}}"""
PAYOUT = b"""{"Result": {"ResultType": 0, "ResultCode": 0,
 "ResultDesc": "The service request is processed successfully.",
 "OriginatorConversationID": "53e3-4aa8-9fe0-8fb5e4092cdd3533373",
 "ConversationID": "AG_20240706_2010364430d9bbdaf872", "TransactionID": "SG632NMUAB",
 "ResultParameters": {"ResultParameter": [
  {"Key": "TransactionAmount", "Value": 10}, {"Key": "TransactionReceipt", "Value": "SG632NMUAB"},
  {"Key": "ReceiverPartyPublicName", "Value": "254705912645 - NICHOLAS JOHN SONGOK"},
  {"Key": "TransactionCompletedDateTime", "Value": "06.07.2024 22:48:52"},
  {"Key": "B2CUtilityAccountAvailableFunds", "Value": 8959269.60},
  {"Key": "B2CWorkingAccountAvailableFunds", "Value": 1199371.00},
  {"Key": "B2CRecipientIsRegisteredCustomer", "Value": "Y"},
  {"Key": "B2CChargesPaidAccountAvailableFunds", "Value": -1980.00}]},
 "ReferenceData": {"ReferenceItem": {"Key": "QueueTimeoutURL",
  "Value": "https://internalsandbox.safaricom.co.ke/mpesa/b2cresults/v1/submit"}}}}"""
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["0", "NLJ7RT61SV", "20191219102115", "06.07.2024 22:48:52"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Name", "Key", "Value", "Item"]), inner, max_size=3)
    ),
    max_leaves=8,
)


def paths(value, here=()):
    """Every place in a document."""
    yield here
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from paths(part, (*here, key))


def replaced(sample, path, value):
    document = copy.deepcopy(sample)
    if not path:
        return value
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return document
