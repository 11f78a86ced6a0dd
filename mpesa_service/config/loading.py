"""Reads the settings from the environment, once, when a program starts."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields
from difflib import get_close_matches
from typing import Any

from mpesa_service.config.checks import unsafe_settings
from mpesa_service.config.declaration import environment_name
from mpesa_service.config.mpesa_settings import SIMULATOR
from mpesa_service.config.settings import Settings

SIMULATOR_DEFAULTS = {
    "MPESA_CONSUMER_KEY": "simulator",
    "MPESA_CONSUMER_SECRET": "simulator",
    "MPESA_SHORTCODE": "174379",
    "MPESA_PASSKEY": "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919",
    "MPESA_CALLBACK_URL": "http://127.0.0.1:5005/api/mpesa/callback",
    "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8,::1/128",
}
"""What the bundled simulator accepts. The passkey is the one that Safaricom publishes for its sandbox."""
SIMULATOR_INITIATOR = {
    "MPESA_INITIATOR_NAME": "testapi",
    "MPESA_INITIATOR_PASSWORD": "Safaricom999!*!",
}
"""Defaults if there is a certificate: the password is encrypted with the simulator's own certificate."""


class ConfigurationError(Exception):
    """The environment does not describe a service that may start. The message lists every problem."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        lines = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(f"The settings are not complete or not safe:{lines}")


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environ`, or from the process's environment.

    Raises ConfigurationError with every problem found.
    """
    environ = os.environ if environ is None else environ
    defaults = _defaults(environ)
    values: dict[str, Any] = {}
    problems: list[str] = list(_misspelt(environ))
    for item in fields(Settings):
        _read(item, environ, defaults, values, problems)
    # Faulty settings get a stand-in, so that the checks find the problems of the others as well.
    stand_ins = {item.name: "" for item in fields(Settings) if item.default is MISSING}
    settings = Settings(**{**stand_ins, "mpesa_environment": SIMULATOR, **values})
    faulty = [problem.split()[0] for problem in problems]
    problems += [p for p in unsafe_settings(settings) if not any(name in p for name in faulty)]
    if problems:
        raise ConfigurationError(problems)
    return settings


def _misspelt(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each variable whose name is nearly that of a setting."""
    names = [environment_name(item) for item in fields(Settings)]
    for name in sorted(set(environ) - set(names)):
        if name.startswith("MPESA_") and (near := get_close_matches(name, names, n=1, cutoff=0.8)):
            yield f"{name} is not a setting. Did you mean {near[0]}?"


def _defaults(environ: Mapping[str, str]) -> Mapping[str, str]:
    if _value(environ, "MPESA_ENVIRONMENT") != SIMULATOR:
        return {}
    if _value(environ, "MPESA_CERTIFICATE_PATH"):
        return SIMULATOR_DEFAULTS | SIMULATOR_INITIATOR
    return SIMULATOR_DEFAULTS


def _value(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name, "").strip()


def _read(
    item: "Field[Any]",
    environ: Mapping[str, str],
    defaults: Mapping[str, str],
    values: dict[str, Any],
    problems: list[str],
) -> None:
    name = environment_name(item)
    raw = _value(environ, name) or defaults.get(name, "")
    if not raw:
        if item.default is MISSING:
            problems.append(f"{name} is not set. {item.metadata['help']}")
        return
    try:
        values[item.name] = item.metadata["kind"].parse(raw)
    except ValueError as error:
        problems.append(f"{name} {error}")
