"""The runtime: the objects that every feature uses. An application, command or test makes one at start."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from mpesa_service.config import Settings
from mpesa_service.core.apply import BatchedApply
from mpesa_service.core.bulkhead import Bulkhead
from mpesa_service.core.clock import Clock, utc_now
from mpesa_service.core.database import Database
from mpesa_service.core.encryption import Encryption
from mpesa_service.core.rate_limits import PromptLimit
from mpesa_service.core.token_store import DatabaseTokenStore
from mpesa_service.daraja import DarajaClient, DarajaSettings


def _jitter() -> float:
    return random.uniform(0.8, 1.2)


@dataclass(frozen=True)
class Runtime:
    """Settings, database, Daraja client, encryption, rate limits, bulkhead, callback batching and clock."""

    settings: Settings
    database: Database
    daraja: DarajaClient
    encryption: Encryption
    prompt_limit: PromptLimit
    bulkhead: Bulkhead
    apply_callback: BatchedApply
    clock: Clock
    jitter: Callable[[], float] = _jitter
    """Returns a random factor for one wait, 0.8 to 1.2 by default."""


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
        clock=clock,
        jitter=jitter,
    )


def _daraja_settings(s: Settings) -> DarajaSettings:
    return DarajaSettings(
        base_url=s.daraja_base_url,
        consumer_key=s.mpesa_consumer_key,
        consumer_secret=s.mpesa_consumer_secret,
        shortcode=s.mpesa_shortcode,
        passkey=s.mpesa_passkey,
        transaction_type=s.mpesa_transaction_type,
        till=s.mpesa_till,
        b2c_shortcode=s.mpesa_b2c_shortcode,
        initiator_name=s.mpesa_initiator_name,
        security_credential=s.mpesa_security_credential,
        initiator_password=s.mpesa_initiator_password,
        certificate_path=s.mpesa_certificate_path,
        b2c_version=s.mpesa_b2c_version,
        c2b_version=s.mpesa_c2b_version,
        connect_timeout=s.mpesa_connect_timeout,
        read_timeout=s.mpesa_read_timeout,
    )
