"""An application that returns facts about the process that serves it, for a test."""

import gc
import json
from collections.abc import Callable, Iterable
from typing import Any

USUAL = 2_000
"""No version of Python collects more seldom by default."""
LOADED_WITH_FEWER = gc.get_threshold()[0] > USUAL


def app(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    facts = {
        "loaded_with_fewer": LOADED_WITH_FEWER,
        "as_usual": gc.get_threshold()[0] <= USUAL and gc.isenabled(),
    }
    return [json.dumps(facts).encode()]
