"""The application factory: connects settings, extensions and blueprints."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from mpesa_service import __version__
from mpesa_service.cli.root import mpesa_cli
from mpesa_service.config import Settings, load_settings
from mpesa_service.core import log_format
from mpesa_service.core.rate_limits import storage_uri
from mpesa_service.core.runtime import Runtime, build_runtime
from mpesa_service.operations import health_routes
from mpesa_service.routes import blueprint, c2b_blueprint
from mpesa_service.web import auth, errors, request_hooks
from mpesa_service.web.blueprint import RUNTIME, describe_errors
from mpesa_service.web.extensions import limiter

FLASK_SETTINGS = {
    "PROPAGATE_EXCEPTIONS": False,
    "API_TITLE": "M-Pesa payment service",
    "API_VERSION": __version__,
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": "/api",
    "OPENAPI_JSON_PATH": "openapi.json",
}


def build_app(settings: Settings | None = None, runtime: Runtime | None = None) -> Flask:
    """Return a Flask application bound to one runtime."""
    settings = settings or load_settings()
    app = Flask("mpesa_service", static_folder=None)
    app.config.update(FLASK_SETTINGS)
    app.extensions[RUNTIME] = runtime or build_runtime(settings)
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies)  # type: ignore[method-assign]
    prefixes = (f"{blueprint.url_prefix}/callback", f"{c2b_blueprint.url_prefix}/")
    app.wsgi_app = request_hooks.WithoutEndSlashes(app.wsgi_app, prefixes)  # type: ignore[method-assign]
    log_format.configure(settings.log_level)
    app.config.update(
        RATELIMIT_ENABLED=settings.ratelimit_enabled, RATELIMIT_STORAGE_URI=storage_uri(settings)
    )
    auth.init_app(app, settings, app.extensions[RUNTIME].revocations)
    request_hooks.init_app(app)
    limiter.init_app(app)
    errors.init_app(app)
    api = errors.PaymentApi(app)
    api.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    describe_errors(api)
    # flask-smorest adds the schema of its own pagination, which no route uses.
    api.spec.components.schemas.pop("PaginationMetadata", None)
    api.register_blueprint(blueprint)
    api.register_blueprint(c2b_blueprint)
    app.register_blueprint(health_routes.blueprint)
    app.cli.add_command(mpesa_cli)
    return app


def build_help() -> Flask:
    """Return an application that only shows the commands' help. It needs no settings."""
    app = Flask("mpesa_service", static_folder=None)
    app.cli.add_command(mpesa_cli)
    return app
