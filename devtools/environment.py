"""The environment of the children: secrets from the file, the caller's variables, and what ties the pair."""

import shlex
from collections.abc import Mapping
from dataclasses import fields

from devtools.keys import load_or_make, write_private
from devtools.place import Place
from devtools.ports import HOST
from mpesa_service.config import SIMULATOR, SIMULATOR_DEFAULTS, Settings, environment_name

INITIATOR_PASSWORD = "Safaricom999!*!"  # noqa: S105 (public; the simulator is told the same)

_HEADER = "# What the service was last started with. In a shell: set -a; . this file; set +a\n"
_OTHER_DARAJA = {*SIMULATOR_DEFAULTS, "MPESA_SECURITY_CREDENTIAL", "MPESA_B2C_SHORTCODE"}


def service_environment(place: Place, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the service is started with.

    Variables of `environ` win over the secrets' file and the defaults, except where the service must
    meet the simulator: addresses, ports, and the credentials of some other Daraja.
    """
    given = {name: value for name, value in environ.items() if value.strip()}
    for name in _OTHER_DARAJA:
        given.pop(name, None)
    defaults = {
        "DATABASE_URL": f"sqlite:///{place.directory / 'local.db'}",
        "CELERY_BROKER_URL": f"filesystem://{place.directory / 'broker'}",
    }
    return defaults | load_or_make(place.secrets) | given | _ties(place)


def write_settings(place: Place, environment: Mapping[str, str]) -> None:
    """Write the service's settings for a shell, so that operator commands work on the running service."""
    names = [environment_name(item) for item in fields(Settings)]
    lines = [f"{name}={shlex.quote(environment[name])}\n" for name in names if name in environment]
    write_private(place.settings, _HEADER + "".join(lines))


def ignored_environment(environ: Mapping[str, str]) -> str | None:
    """Return a warning when the caller's variables are meant for another Daraja than the simulator."""
    named = environ.get("MPESA_ENVIRONMENT", SIMULATOR)
    if named.strip() in ("", SIMULATOR):
        return None
    return f"MPESA_ENVIRONMENT={named} and its credentials are ignored here: this is always the simulator."


def _ties(place: Place) -> dict[str, str]:
    return {
        "PORT": str(place.port),
        "BIND": f"{HOST}:{place.port}",
        "MPESA_ENVIRONMENT": SIMULATOR,
        "MPESA_BASE_URL": place.simulator_url,
        "MPESA_CALLBACK_URL": f"{place.url}/api/mpesa/callback",
        "MPESA_CERTIFICATE_PATH": str(place.certificate),
        "MPESA_INITIATOR_PASSWORD": INITIATOR_PASSWORD,
        # The logs are read as UTF-8, whatever the terminal's locale is.
        "PYTHONIOENCODING": "utf-8",
    }
