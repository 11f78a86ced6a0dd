"""The job runner on a shared clock, with more frequent jobs: time passes faster here."""

import os
from functools import cache
from pathlib import Path

from mpesa_service.config import load_settings
from mpesa_service.core.runtime import Runtime, build_runtime
from mpesa_service.jobs import celery_app, worker
from tests.battery import rebinding
from tests.battery.clocks import SharedClock

EVERY = 0.5


@cache
def _runtime() -> Runtime:
    return build_runtime(load_settings(), SharedClock(Path(os.environ["BATTERY_CLOCK"])))


rebinding.install()
celery_app._runtime = _runtime
app = worker.app
for _entry in app.conf.beat_schedule.values():
    _entry["schedule"] = min(_entry["schedule"], EVERY)
