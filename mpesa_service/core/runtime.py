"""The runtime: the objects that every feature uses. An application, command or test makes one at start."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields

from mpesa_service.config import Settings
from mpesa_service.core.apply import BatchedApply
from mpesa_service.core.bulkhead import Bulkhead
from mpesa_service.core.clock import Clock, utc_now
from mpesa_service.core.database import Database
from mpesa_service.core.encryption import Encryption
from mpesa_service.core.rate_limits import PromptLimit
from mpesa_service.core.revocations import Revocations
from mpesa_service.core.snapshot import Snapshot
from mpesa_service.core.token_store import DatabaseTokenStore
from mpesa_service.daraja import DarajaClient, DarajaSettings
from mpesa_service.domain.c2b_secrets import C2bSecretRecord

C2B_SECRETS_SECONDS = 10
"""The time after which a revocation by a person counts in every process."""


def _jitter() -> float:
    return random.uniform(0.8, 1.2)


@dataclass(frozen=True)
class Runtime:
    """Settings, database, Daraja client, encryption, rate limits, bulkhead, revocations, clock and more."""

    settings: Settings
    database: Database
    daraja: DarajaClient
    encryption: Encryption
    prompt_limit: PromptLimit
    bulkhead: Bulkhead
    apply_callback: BatchedApply
    revocations: Revocations
    clock: Clock
    jitter: Callable[[], float] = _jitter
    """Returns a random factor for one wait, 0.8 to 1.2 by default."""
    c2b_secrets: Snapshot[Mapping[str, C2bSecretRecord]] = field(
        default_factory=lambda: Snapshot(C2B_SECRETS_SECONDS)
    )
    """The C2B secrets of the shortcode, by the SHA-256 of each."""


def build_runtime(
    settings: Settings,
    clock: Clock = utc_now,
    jitter: Callable[[], float] = _jitter,
    database: Database | None = None,
) -> Runtime:
    """Make a runtime from settings. Opens no connection. `database` replaces the one of the settings."""
    database = database or Database(settings.database_url, pool_size=settings.database_pool_size)
    encryption = Encryption(settings.phone_encryption_keys, settings.phone_hash_key)
    app = f"{settings.daraja_base_url} {settings.mpesa_consumer_key}"
    store = DatabaseTokenStore(database, encryption, app, clock)
    return Runtime(
        settings=settings,
        database=database,
        daraja=DarajaClient(_daraja_settings(settings), token_store=store, clock=clock),
        encryption=encryption,
        prompt_limit=PromptLimit(settings),
        bulkhead=Bulkhead(settings.web_threads),
        apply_callback=BatchedApply(database),
        revocations=Revocations(database),
        clock=clock,
        jitter=jitter,
    )


def _daraja_settings(settings: Settings) -> DarajaSettings:
    """Return the client's settings. Each is named as in `Settings`, without the `mpesa_`."""
    names = {one.name for one in fields(DarajaSettings)} - {"base_url", "b2c_command"}
    values = {name: getattr(settings, f"mpesa_{name}") for name in names}
    return DarajaSettings(base_url=settings.daraja_base_url, **values)
