"""A callback view of the kind that a shop writes around django-daraja's parser."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django_daraja.mpesa.core import MpesaClient

from shop.models import DarajaPayment


@csrf_exempt
def daraja_callback(request: HttpRequest) -> JsonResponse:
    """Find the payment, and store its result."""
    found = MpesaClient().parse_stk_result(request.body)
    payment = DarajaPayment.objects.get(checkout_request_id=found["CheckoutRequestID"])
    payment.status = "SUCCESS" if found["ResultCode"] == 0 else "FAILED"
    payment.receipt = found.get("MpesaReceiptNumber")
    payment.result_code = found["ResultCode"]
    payment.result_desc = found["ResultDesc"]
    payment.save()
    return JsonResponse({"ResultCode": 0, "ResultDesc": "Accepted"})
