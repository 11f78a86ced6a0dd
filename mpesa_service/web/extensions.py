"""The Flask extensions that guard the routes. The application factory binds them. Imports nothing of ours."""

from flask_jwt_extended import JWTManager
from flask_limiter import Limiter

jwt = JWTManager()
"""Verifies the bearer tokens of callers."""

limiter = Limiter(key_func=lambda: "", in_memory_fallback_enabled=True)
"""Counts requests. Each limit has a key of its own. While the shared store is away, each process counts."""
