"""An application that tells a test about the process that serves it."""

import gc
import json
from collections.abc import Callable, Iterable
from typing import Any

LOADED_WITHOUT_COLLECTIONS = not gc.isenabled()


def app(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    facts = {"loaded_without_collections": LOADED_WITHOUT_COLLECTIONS, "collects": gc.isenabled()}
    return [json.dumps(facts).encode()]
