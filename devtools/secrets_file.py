"""The secrets of the local run: drawn once, and kept in a file that only its owner can read."""

import base64
import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

_HEADER = "# Secrets of the local run. Without them, the data cannot be decrypted.\n"


def load_or_create(path: Path) -> dict[str, str]:
    """Return the variables in the file, after adding the secrets that it lacks."""
    kept = read(path)
    added = {name: value for name, value in _draw().items() if name not in kept}
    if added:
        _write(path, kept | added)
    return kept | added


def read(path: Path) -> dict[str, str]:
    """Return the NAME=value lines of a file, or nothing if there is no such file."""
    if not path.exists():
        return {}
    path.chmod(0o600)
    pairs = (line.partition("=") for line in path.read_text().splitlines() if not line.startswith("#"))
    return {name.strip(): value.strip() for name, equals, value in pairs if equals and value.strip()}


def write_private(path: Path, text: str) -> None:
    """Write a file with mode 0600. The file is replaced as a whole."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as file:
        file.write(text)
    Path(name).replace(path)


def _draw() -> dict[str, str]:
    return {
        "JWT_SECRET_KEY": secrets.token_hex(32),
        "PHONE_ENCRYPTION_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "PHONE_HASH_KEY": secrets.token_hex(32),
    }


def _write(path: Path, values: Mapping[str, str]) -> None:
    write_private(path, _HEADER + "".join(f"{name}={value}\n" for name, value in values.items()))
