"""The Flask extensions that guard the routes; the application factory binds them. Imports no other module."""

from flask_jwt_extended import JWTManager
from flask_limiter import Limiter

jwt = JWTManager()
"""Verifies the bearer tokens of callers."""

limiter = Limiter(key_func=lambda: "", in_memory_fallback_enabled=True)
"""Counts requests; each limit has its own key. Each process counts while the shared store is away."""
