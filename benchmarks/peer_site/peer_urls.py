"""The callback URLs of the peers."""

from django.urls import include, path
from shop.views import daraja_callback

urlpatterns = [
    path("mpesa/", include("django_mpesa.urls")),
    path("daraja/callback/", daraja_callback),
]
