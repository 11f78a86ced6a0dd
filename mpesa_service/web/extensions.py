"""The Flask extensions that guard the routes; the application factory binds them. Imports no other module."""

from flask import Flask
from flask_jwt_extended import JWTManager
from flask_limiter import Limiter

jwt = JWTManager()
"""Verifies the bearer tokens of callers."""


class RouteLimiter(Limiter):
    """A limiter whose limits are checked at the routes that have one, and nowhere else.

    flask-limiter also adds hooks around every request, for default limits and headers, which this service
    does not use. They cost a callback 6 % to 9 % more CPU (`python -m benchmarks.limiter_hooks`).
    """

    def init_app(self, app: Flask) -> None:
        """Bind the limiter to an application. The library adds no hooks if the application has it already."""
        app.extensions.setdefault("limiter", set()).add(self)
        super().init_app(app)


limiter = RouteLimiter(key_func=lambda: "", in_memory_fallback_enabled=True)
"""Counts requests; each limit has its own key. Each process counts while the shared store is away."""
