"""The peers' models, made concrete, and a payment of one's own for the peer that has none."""

from django.db import models
from django_mpesa.models import AbstractMpesaCallbackLog, AbstractMpesaTransaction


class MpesaTransaction(AbstractMpesaTransaction):
    """mainfinity-django-mpesa's transaction."""


class MpesaCallbackLog(AbstractMpesaCallbackLog):
    """mainfinity-django-mpesa's log of callbacks."""


class DarajaPayment(models.Model):
    """A payment beside django-daraja, which parses callbacks and keeps nothing."""

    checkout_request_id = models.CharField(max_length=200, unique=True)
    amount = models.IntegerField()
    phone_number = models.CharField(max_length=15)
    status = models.CharField(max_length=20, default="PENDING")
    receipt = models.CharField(max_length=50, null=True)
    result_code = models.IntegerField(null=True)
    result_desc = models.TextField(null=True)
