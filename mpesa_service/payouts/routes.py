"""Routes for admins: single payouts, and batches of payouts."""

from typing import Any

from flask import Response, request

from mpesa_service.core.idempotency import Answer
from mpesa_service.domain.commands import BatchStatus
from mpesa_service.domain.counting import counted
from mpesa_service.domain.references import is_batch_reference
from mpesa_service.errors import InvalidRequest
from mpesa_service.payouts import control, create, views
from mpesa_service.payouts.create import BatchRequest
from mpesa_service.payouts.schemas import (
    BatchQuerySchema,
    BatchSchema,
    CreatedSchema,
    PayoutRequestSchema,
    PayoutSchema,
    ProgressSchema,
    ResultQuerySchema,
    RowQuerySchema,
    result_file,
)
from mpesa_service.payouts.views import Progress
from mpesa_service.web.auth import current_principal
from mpesa_service.web.blueprint import Guard, blueprint, errors, guard, limited_payouts, runtime
from mpesa_service.web.file_formats import CSV, TYPES, XLSX, FileFormat, accepted_format
from mpesa_service.web.parsing import JSON_OR_FILE, idempotency_key
from mpesa_service.web.payout_files import FILE_TYPES
from mpesa_service.web.request_hooks import accepts_up_to
from mpesa_service.web.responses import respond, success

MAX_BATCH_BYTES = 4 * 1024 * 1024
_AS_FILE = {
    "requestBody": {
        "description": (
            "One payout, or a batch in `rows`, as JSON. Or a batch as CSV or Excel, whose first line names"
            " the fields of a row; `reference`, `description` and `allowDuplicates` then stand in the query."
            " Up to 4 MB."
        ),
        "content": {
            kind: {"schema": {"type": "string"} if kind.startswith("text/") else {}} for kind in FILE_TYPES
        },
    }
}


@blueprint.post("/payouts")
@guard(Guard.ADMIN, limited_payouts)
@accepts_up_to(MAX_BATCH_BYTES)
@blueprint.doc(**_AS_FILE)
@blueprint.arguments(PayoutRequestSchema, location=JSON_OR_FILE)
@blueprint.success(201, CreatedSchema, description="Stored; nothing is sent before it is running.")
@blueprint.success(202, CreatedSchema, description="Stored; it waits for a second person: see `approval`.")
@blueprint.success(200, CreatedSchema, description="It was stored before.")
@errors(400, 413, 415, 422)
def create_payouts(body: dict[str, Any]) -> Response:
    """Pay out to one or to many: checked as a whole, and nothing is stored if one row is wrong."""
    batch_request = BatchRequest(**{**body, "reference": _reference(body)})
    made = create.create(runtime(), current_principal(), batch_request)
    data = {**CreatedSchema().dump(made.progress), "warnings": list(made.warnings)}
    status = 202 if made.progress.batch.status == BatchStatus.WAITING_APPROVAL else 201
    answer = success(200 if made.replayed else status, _in_words(made.progress), data)
    return respond(Answer(answer.status, answer.body, replayed=made.replayed))


@blueprint.get("/payouts")
@guard(Guard.ADMIN)
@blueprint.arguments(BatchQuerySchema, location="query")
@blueprint.success(200, BatchSchema, many=True)
@errors(400)
def list_payouts(page: dict[str, Any]) -> Response:
    """List batches of payouts, newest first."""
    found = views.list_batches(runtime(), **page)
    return respond(success(200, counted(len(found), "batch", "batches"), BatchSchema(many=True).dump(found)))


@blueprint.get("/payouts/<batch_id>")
@guard(Guard.ADMIN)
@blueprint.success(200, ProgressSchema)
@errors(404)
def get_payouts(batch_id: str) -> Response:
    """Return a batch and its progress."""
    return respond(_answer(views.batch_progress(runtime(), batch_id)))


@blueprint.get("/payouts/<batch_id>/rows")
@guard(Guard.ADMIN)
@blueprint.arguments(RowQuerySchema, location="query")
@blueprint.success(200, PayoutSchema, many=True)
@errors(400, 404)
def list_payout_rows(page: dict[str, Any], batch_id: str) -> Response:
    """List rows of a batch, in their order."""
    found = views.list_rows(runtime(), batch_id, **page)
    return respond(success(200, counted(len(found), "row"), PayoutSchema(many=True).dump(found)))


@blueprint.get("/payouts/<batch_id>/result.csv")
@guard(Guard.ADMIN)
@blueprint.arguments(ResultQuerySchema, location="query")
@blueprint.response(200, {"type": "string"}, content_type=TYPES[CSV], description="One line a row.")
@errors(400, 404)
def payout_result(query: dict[str, Any], batch_id: str) -> Response:
    """Return all rows of a batch as a CSV file, with their present status; phone numbers are masked."""
    return _result(batch_id, accepted_format(request.accept_mimetypes, (CSV,), CSV, bom=query["bom"]))


@blueprint.get("/payouts/<batch_id>/result.xlsx")
@guard(Guard.ADMIN)
@blueprint.response(200, {"type": "string"}, content_type=TYPES[XLSX], description="One line a row.")
@errors(404)
def payout_result_workbook(batch_id: str) -> Response:
    """Return the same as an Excel workbook, in which texts like `00123` stay as they are."""
    return _result(batch_id, FileFormat(XLSX))


def _result(batch_id: str, form: FileFormat) -> Response:
    pieces = result_file(form, views.all_rows(runtime(), batch_id))
    named = {"Content-Disposition": f'attachment; filename="payouts-{batch_id}.{form.kind}"'}
    return Response(pieces, mimetype=form.content_type, headers=named)


@blueprint.post("/payouts/<batch_id>/approve")
@guard(Guard.ADMIN, limited_payouts)
@blueprint.success(200, ProgressSchema)
@errors(404, 409)
def approve_payouts(batch_id: str) -> Response:
    """Approve a batch. The admin who created it cannot."""
    return respond(_answer(control.approve(runtime(), current_principal(), batch_id)))


@blueprint.post("/payouts/<batch_id>/pause")
@guard(Guard.ADMIN)
@blueprint.success(200, ProgressSchema)
@errors(404, 409)
def pause_payouts(batch_id: str) -> Response:
    """Pause a batch: its waiting rows are not sent until it is resumed; rows in progress finish."""
    return respond(_answer(control.pause(runtime(), current_principal(), batch_id)))


@blueprint.post("/payouts/<batch_id>/resume")
@guard(Guard.ADMIN)
@blueprint.success(200, ProgressSchema)
@errors(404, 409)
def resume_payouts(batch_id: str) -> Response:
    """Resume a paused batch."""
    return respond(_answer(control.resume(runtime(), current_principal(), batch_id)))


@blueprint.post("/payouts/<batch_id>/stop")
@guard(Guard.ADMIN)
@blueprint.success(200, ProgressSchema)
@errors(404, 409)
def stop_payouts(batch_id: str) -> Response:
    """Stop a batch: its waiting rows are canceled; rows in progress finish."""
    return respond(_answer(control.stop(runtime(), current_principal(), batch_id)))


def _reference(body: dict[str, Any]) -> str:
    """Return the batch's reference, or the Idempotency-Key if none is given."""
    reference: str = body.get("reference") or idempotency_key(request) or ""
    if not is_batch_reference(reference):
        raise InvalidRequest(
            "Give a reference (or an Idempotency-Key) of 1 to 64 letters, digits, - or _: the same request"
            " again then pays nothing.",
            code="reference_needed",
        )
    return reference


def _answer(progress: Progress) -> Answer:
    return success(200, _in_words(progress), ProgressSchema().dump(progress))


def _in_words(progress: Progress) -> str:
    return f"{counted(progress.batch.row_count, 'payout')}, {progress.batch.status}"
