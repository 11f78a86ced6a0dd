"""The environment variables of the child processes."""

import shlex
from collections.abc import Mapping
from dataclasses import fields

from devtools.paths import LocalPaths
from devtools.ports import HOST
from devtools.secrets_file import load_or_create, write_private
from mpesa_service.config import (
    SIMULATOR,
    SIMULATOR_DEFAULTS,
    SIMULATOR_INITIATOR,
    Settings,
    environment_name,
)

INITIATOR_PASSWORD = "Safaricom999!*!"  # noqa: S105 (public; the simulator has the same password)

_HEADER = "# The settings of the last start of the service. In a shell: set -a; . this file; set +a\n"
_OTHER_DARAJA = {
    *SIMULATOR_DEFAULTS,
    *SIMULATOR_INITIATOR,
    "MPESA_SECURITY_CREDENTIAL",
    "MPESA_B2C_SHORTCODE",
}


def service_environment(paths: LocalPaths, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the service.

    Variables of `environ` override the secrets file and the defaults, except for those that connect the
    service with the simulator: addresses, ports, and the credentials of another Daraja.
    """
    given = {name: value for name, value in environ.items() if value.strip()}
    for name in _OTHER_DARAJA:
        given.pop(name, None)
    defaults = {
        "DATABASE_URL": f"sqlite:///{paths.directory / 'local.db'}",
        "CELERY_BROKER_URL": f"filesystem://{paths.directory / 'broker'}",
    }
    return defaults | load_or_create(paths.secrets) | given | _fixed_settings(paths)


def write_settings(paths: LocalPaths, environment: Mapping[str, str]) -> None:
    """Write the service's settings for a shell, so that operator commands work on the running service."""
    names = [environment_name(item) for item in fields(Settings)]
    lines = [f"{name}={shlex.quote(environment[name])}\n" for name in names if name in environment]
    write_private(paths.settings, _HEADER + "".join(lines))


def ignored_environment(environ: Mapping[str, str]) -> str | None:
    """Return a warning if the caller's variables are for another Daraja than the simulator."""
    named = environ.get("MPESA_ENVIRONMENT", SIMULATOR)
    if named.strip() in ("", SIMULATOR):
        return None
    return f"MPESA_ENVIRONMENT={named} and its credentials are ignored: this command uses the simulator."


def _fixed_settings(paths: LocalPaths) -> dict[str, str]:
    return {
        "PORT": str(paths.port),
        "BIND": f"{HOST}:{paths.port}",
        "MPESA_ENVIRONMENT": SIMULATOR,
        "MPESA_BASE_URL": paths.simulator_url,
        "MPESA_CALLBACK_URL": f"{paths.url}/api/mpesa/callback",
        "MPESA_CERTIFICATE_PATH": str(paths.certificate),
        "MPESA_INITIATOR_PASSWORD": INITIATOR_PASSWORD,
        # The logs are read as UTF-8, whatever the terminal's locale is.
        "PYTHONIOENCODING": "utf-8",
    }
