"""Routes for admins: upload statements, read their reports, apply them, see the proven days."""

from typing import Any

from flask import Response
from marshmallow import ValidationError

from mpesa_service.domain.counting import counted
from mpesa_service.domain.statements import DateOrder
from mpesa_service.statements.applying import request_apply
from mpesa_service.statements.coverage import coverage
from mpesa_service.statements.importing import ImportOptions, read_statement
from mpesa_service.statements.records import get_statement, list_statements
from mpesa_service.statements.report import compare
from mpesa_service.statements.schemas import (
    ApplySchema,
    CoverageSchema,
    ImportSchema,
    StatementListSchema,
    StatementQuerySchema,
    StatementSchema,
    WithdrawSchema,
)
from mpesa_service.statements.uploads import MAX_STATEMENT_BYTES, form_values, uploaded_file
from mpesa_service.statements.withdrawing import withdraw_statement
from mpesa_service.web.auth import current_principal
from mpesa_service.web.blueprint import Guard, blueprint, errors, guard, runtime
from mpesa_service.web.parsing import invalid
from mpesa_service.web.request_hooks import accepts_up_to
from mpesa_service.web.responses import respond, success

_UPLOAD = {
    "requestBody": {
        "required": True,
        "description": "The file as the portal wrote it: CSV, xls or xlsx, up to 64 MB.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "shortcode": {"type": "string"},
                        "account": {"type": "string"},
                        "from": {"type": "string"},
                        "to": {"type": "string"},
                        "dates": {"type": "string", "enum": [order.value for order in DateOrder]},
                    },
                }
            }
        },
    }
}


@blueprint.post("/statements")
@guard(Guard.ADMIN)
@accepts_up_to(MAX_STATEMENT_BYTES)
@blueprint.doc(**_UPLOAD)
@blueprint.success(200, StatementSchema)
@errors(400, 409, 411, 413)
def upload_statement() -> Response:
    """Read a statement and compare it with the record. Nothing else changes."""
    with uploaded_file() as (path, name):
        options = ImportOptions(**_fields(form_values()))
        record = read_statement(runtime(), current_principal(), path, name, options)
    return _answer(compare(runtime(), record))


@blueprint.get("/statements")
@guard(Guard.ADMIN)
@blueprint.arguments(StatementQuerySchema, location="query")
@blueprint.success(200, StatementListSchema, many=True)
@errors(400)
def list_all_statements(page: dict[str, Any]) -> Response:
    """List statements, newest first."""
    found = list_statements(runtime(), **page)
    return respond(success(200, counted(len(found), "statement"), StatementListSchema(many=True).dump(found)))


@blueprint.get("/statements/coverage")
@guard(Guard.ADMIN)
@blueprint.success(200, CoverageSchema, many=True)
def statement_coverage() -> Response:
    """Return the days of each account that applied statements prove, and the gaps."""
    found = coverage(runtime())
    return respond(success(200, counted(len(found), "account"), CoverageSchema(many=True).dump(found)))


@blueprint.get("/statements/<statement_id>")
@guard(Guard.ADMIN)
@blueprint.success(200, StatementSchema)
@errors(404)
def get_statement_report(statement_id: str) -> Response:
    """Return a statement, the report of its last comparison, and while it is applied, its progress."""
    return _answer(get_statement(runtime(), statement_id))


@blueprint.post("/statements/<statement_id>/apply")
@guard(Guard.ADMIN)
@blueprint.arguments(ApplySchema, required=False)
@blueprint.success(202, StatementSchema, description="A job applies it.")
@errors(400, 404, 409, 413, 415)
def apply_statement(body: dict[str, Any], statement_id: str) -> Response:
    """Book what is missing, send what differs to review, and raise the evidence of what agrees.

    A job does it. `GET /api/mpesa/statements/{id}` shows its progress.
    """
    reasons = (body["accept_broken_balance"], body["accept_mismatch"])
    record = request_apply(runtime(), current_principal(), statement_id, *reasons)
    return respond(success(202, f"Statement {record.status}", StatementSchema().dump(record)))


@blueprint.post("/statements/<statement_id>/withdraw")
@guard(Guard.ADMIN)
@blueprint.arguments(WithdrawSchema)
@blueprint.success(200, StatementSchema)
@errors(400, 404, 409, 413, 415)
def withdraw_one_statement(body: dict[str, Any], statement_id: str) -> Response:
    """Decide that the file is wrong: it proves nothing any more. What only it shows goes to review.

    To apply the statement again ends that.
    """
    record = withdraw_statement(runtime(), current_principal(), statement_id, body["reason"])
    return respond(success(200, "Statement withdrawn", StatementSchema().dump(compare(runtime(), record))))


def _fields(given: dict[str, str]) -> dict[str, Any]:
    """Return the fields of a form, checked. Raises InvalidRequest."""
    try:
        found: dict[str, Any] = ImportSchema().load(given)
    except ValidationError as error:
        raise invalid(error.messages) from error
    return found


def _answer(record: Any) -> Response:
    return respond(success(200, f"Statement {record.status}", StatementSchema().dump(record)))
