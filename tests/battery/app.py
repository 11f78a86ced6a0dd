"""The service for gunicorn, on a shared clock. Each worker leaves its process id, so that it can be shot."""

import os
from pathlib import Path

from mpesa_service.app import build_app
from mpesa_service.config import load_settings
from mpesa_service.core.runtime import build_runtime
from tests.battery import rebinding
from tests.battery.clocks import SharedClock

rebinding.install()
_settings = load_settings()
app = build_app(_settings, build_runtime(_settings, SharedClock(Path(os.environ["BATTERY_CLOCK"]))))
(Path(os.environ["BATTERY_PIDS"]) / str(os.getpid())).touch()
