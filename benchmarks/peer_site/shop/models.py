"""Concrete models for the abstract ones of the peers, and a payment for django-daraja, which has none."""

from django.db import models
from django_mpesa.models import AbstractMpesaCallbackLog, AbstractMpesaTransaction


class MpesaTransaction(AbstractMpesaTransaction):
    """mainfinity-django-mpesa's transaction."""


class MpesaCallbackLog(AbstractMpesaCallbackLog):
    """mainfinity-django-mpesa's log of callbacks."""


class DarajaPayment(models.Model):
    """A payment for django-daraja, which parses callbacks and stores nothing."""

    checkout_request_id = models.CharField(max_length=200, unique=True)
    amount = models.IntegerField()
    phone_number = models.CharField(max_length=15)
    status = models.CharField(max_length=20, default="PENDING")
    receipt = models.CharField(max_length=50, null=True)
    result_code = models.IntegerField(null=True)
    result_desc = models.TextField(null=True)
