"""Compares real answers of the API with its OpenAPI document, strictly.

An answer has every property of its schema, and no other one.
"""

import re
from collections import Counter
from copy import deepcopy
from typing import Any

from openapi_schema_validator import OAS31Validator, oas31_format_checker

from tests.support import Service

PREFIX = "/api/mpesa"
_OPTIONAL = {"Error"}
"""Schemas whose `required` says which properties an answer must have."""


class Answers:
    """Calls the API, and compares each answer with the document. `seen` counts operations and statuses."""

    def __init__(self, service: Service) -> None:
        self.service = service
        document = service.app.test_client().get("/api/openapi.json").json
        self.components: dict[str, Any] = deepcopy(document["components"])
        for name, schema in self.components["schemas"].items():
            _close(schema, required=name not in _OPTIONAL)
        self.paths: dict[str, Any] = document["paths"]
        self.seen: Counter[tuple[str, str, int]] = Counter()

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Call as an admin, unless `by` says otherwise; return the answer."""
        more = {"by": "boss", "admin": True, **more}
        answer = self.service.call(method, path, body, **more)
        self.check(method, path, answer)
        return answer

    def get(self, path: str, **more: Any) -> Any:
        return self.call("GET", path, **more)

    def check(self, method: str, path: str, answer: Any) -> None:
        template, operation = self._operation(method, f"{PREFIX}{path.partition('?')[0]}")
        status = str(answer.status_code)
        assert status in operation["responses"], f"{method} {template} documents no {status}"
        found = self._resolved(operation["responses"][status])
        self.seen[method, template, answer.status_code] += 1
        [(content_type, content)] = found["content"].items()
        assert answer.mimetype == content_type, (method, template, status)
        whole = {**content["schema"], "components": self.components}
        validator = OAS31Validator(whole, format_checker=oas31_format_checker)
        errors = [
            f"{'/'.join(map(str, one.absolute_path))}: {one.message}"
            for one in validator.iter_errors(answer.json)
        ]
        assert not errors, f"{method} {template} {status}: {errors}"

    def _operation(self, method: str, path: str) -> tuple[str, dict[str, Any]]:
        fitting = [one for one in self.paths if re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", one), path)]
        template = min(fitting, key=lambda one: one.count("{"))
        return template, self.paths[template][method.lower()]

    def _resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in node:
            return node
        found: dict[str, Any] = self.components["responses"][node["$ref"].rpartition("/")[2]]
        return found


def _close(schema: Any, *, required: bool) -> None:
    """Let a schema allow only its properties, and require all of them."""
    if isinstance(schema, list):
        for part in schema:
            _close(part, required=required)
    if not isinstance(schema, dict):
        return
    if isinstance(properties := schema.get("properties"), dict):
        schema.setdefault("additionalProperties", False)
        if required:
            schema["required"] = sorted(properties)
    for part in schema.values():
        _close(part, required=required)
