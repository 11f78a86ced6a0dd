"""The service with batched callbacks, or with each callback applied alone.

Batching is not a setting of the service, so this host replaces the part of the runtime that batches.
"""

from dataclasses import replace

from flask import Flask

from mpesa_service.app import build_app
from mpesa_service.config import load_settings
from mpesa_service.core.apply import Applied, BatchedApply, Decide, apply
from mpesa_service.core.runtime import build_runtime
from mpesa_service.models.load import About


class AppliedAlone(BatchedApply):
    """Applies each callback alone."""

    def __call__(self, about: About, decide: Decide) -> Applied:
        return apply(self._database, about, decide)


def create_app(*, batched: bool) -> Flask:
    """Return the application; its settings come from the environment."""
    settings = load_settings()
    runtime = build_runtime(settings)
    if not batched:
        runtime = replace(runtime, apply_callback=AppliedAlone(runtime.database))
    return build_app(settings, runtime)
