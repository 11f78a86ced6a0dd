"""Deliveries of webhooks to a receiver that answers at once."""

import http.client
import json
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import psycopg

from benchmarks import seed
from benchmarks.bars import Row, at_least
from benchmarks.bench import Bench
from benchmarks.databases import service_database
from benchmarks.rounds import Sample, compare, cpu_us, rate, run_rounds, timed
from benchmarks.service import environment, logging_into, runtime_of
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.references import new_id
from mpesa_service.models import OutgoingEvent
from mpesa_service.webhooks.claim import LANES
from mpesa_service.webhooks.deliver import deliver_due
from mpesa_service.webhooks.signing import new_secret

Connection = psycopg.Connection[Any]

PATH = "outbox delivery to an instant receiver"
FLOOR = "floor: one POST, one UPDATE"
DATABASE = "outbox"
PAYLOAD = json.dumps({"type": "payment.succeeded", "data": {"_id": "x" * 24, "amount": 100}}).encode()
_DONE = "UPDATE webhook_deliveries SET status = 'delivered', delivered_at = now() WHERE id = %s"


def measure(bench: Bench) -> list[Row]:
    """Deliver to one endpoint; the floor makes as many attempts at the same time as the service."""
    env = environment(service_database(bench, DATABASE), bench.daraja.port)
    runtime = runtime_of(env)
    endpoint = _endpoint(bench, runtime)

    def ours(_: int) -> Sample:
        _make_due(bench, endpoint)
        return timed(lambda: deliver_due(runtime), bench.size.deliveries)

    with ExitStack() as opened:
        opened.enter_context(logging_into(bench.logs / "deliveries.log"))
        lanes = [opened.enter_context(bench.postgres.connect(DATABASE)) for _ in range(LANES)]

        def floor(_: int) -> Sample:
            rows = _make_due(bench, endpoint)
            return timed(lambda: _deliver_floor(bench.daraja.port, lanes, rows), bench.size.deliveries)

        samples = run_rounds(bench.size.rounds, {"service": ours, FLOOR: floor})
    runtime.database.dispose()
    return [
        compare(PATH, "deliveries/s", rate, samples, against=FLOOR, bar=at_least(0.5, 0.7)),
        compare(PATH, "CPU µs of the job", cpu_us, samples, against=FLOOR),
    ]


def _endpoint(bench: Bench, runtime: Runtime) -> str:
    now, endpoint_id = datetime.now(UTC), new_id(datetime.now(UTC))
    columns = (
        "id, url, description, event_types, secret_encrypted, enabled, struggling, served_at, created_by,"
        " created_at, updated_by, updated_at"
    )
    url = f"http://127.0.0.1:{bench.daraja.port}/hook"
    secret = runtime.encryption.encrypt(new_secret())
    values = (endpoint_id, url, "", "", secret, True, False, now, "bench", now, "bench", now)
    with bench.postgres.connect(DATABASE) as connection:
        places = ", ".join(["%s"] * len(values))
        connection.execute(f"INSERT INTO webhook_endpoints ({columns}) VALUES ({places})", values)
    return endpoint_id


def _make_due(bench: Bench, endpoint_id: str) -> list[int]:
    """Insert events with their deliveries; return the ids of the deliveries."""
    now = datetime.now(UTC)
    events = [_event(now, number) for number in range(bench.size.deliveries)]
    with bench.postgres.connect(DATABASE) as connection:
        connection.execute("DELETE FROM webhook_deliveries")
        connection.execute("DELETE FROM outgoing_events")
        seed.copy(connection, OutgoingEvent, events)
        made = connection.execute(
            "INSERT INTO webhook_deliveries (endpoint_id, outgoing_event_id, resend, status, attempts,"
            " claims, due_at, created_at)"
            " SELECT %s, id, 0, 'waiting', 0, 0, %s, %s FROM outgoing_events RETURNING id",
            (endpoint_id, now, now),
        ).fetchall()
        connection.execute("VACUUM ANALYZE webhook_deliveries, outgoing_events")
    return [row[0] for row in made]


def _event(now: datetime, number: int) -> dict[str, Any]:
    return {
        "event_id": f"evt_{new_id(now)}",
        "subject_id": secrets.token_hex(12),
        "type": "payment.succeeded",
        "sequence": number + 1,
        "payload": PAYLOAD,
        "created_at": now,
    }


def _deliver_floor(port: int, lanes: Sequence[Connection], rows: list[int]) -> int:
    with ThreadPoolExecutor(len(lanes)) as pool:
        shares = [rows[number :: len(lanes)] for number in range(len(lanes))]
        return sum(pool.map(_share, [port] * len(lanes), lanes, shares))


def _share(port: int, connection: Connection, rows: list[int]) -> int:
    """Post and update one delivery after the other; each post opens a connection, as the service does."""
    for row in rows:
        _post(port)
        connection.execute(_DONE, (row,))
    return len(rows)


def _post(port: int) -> None:
    receiver = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    receiver.request("POST", "/hook", PAYLOAD, {"Content-Type": "application/json"})
    with receiver.getresponse() as response:
        response.read()
    receiver.close()
