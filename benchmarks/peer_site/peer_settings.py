"""A Django site as the peers' documentation describes it, on PostgreSQL."""

import os

SECRET_KEY = "benchmark"
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "peer_urls"
USE_TZ = True
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "rest_framework",
    "django_mpesa",
    "django_daraja",
    "shop",
]
MIDDLEWARE = [
    "django.middleware.common.CommonMiddleware",
    "django_mpesa.middleware.MpesaCallbackIPAllowlistMiddleware",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ["PEER_DATABASE"],
        "HOST": os.environ["PEER_HOST"],
        "PORT": os.environ["PEER_PORT"],
        "USER": os.environ["PEER_USER"],
        "PASSWORD": os.environ["PEER_PASSWORD"],
        "CONN_MAX_AGE": int(os.environ["PEER_CONN_MAX_AGE"]),
    }
}
MPESA = {
    "ENV": "sandbox",
    "CONSUMER_KEY": "key",
    "CONSUMER_SECRET": "secret",
    "SHORTCODE": "174379",
    "PASSKEY": "passkey",
    "TRANSACTION_MODEL": "shop.MpesaTransaction",
    "CALLBACK_LOG_MODEL": "shop.MpesaCallbackLog",
    "CALLBACK_IP_ALLOWLIST": ["127.0.0.1"],
    "USE_CELERY": False,
}
MPESA_ENVIRONMENT = "sandbox"
