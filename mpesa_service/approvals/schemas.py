"""Requests about approvals."""

from marshmallow import fields

from mpesa_service.domain.outflow import ApprovalStatus, OutflowKind
from mpesa_service.web.fields import Pattern, ReasonField, RequestSchema, between


class ApprovalsQuerySchema(RequestSchema):
    """Which approvals to list."""

    limit = fields.Integer(load_default=50, validate=between(1, 200))
    after = fields.String(
        load_default="",
        validate=Pattern(r"^[0-9a-f]{0,24}$", error="must be an `_id`."),
        metadata={"description": "The `_id` of the last entry of the previous page."},
    )
    status = fields.Enum(
        ApprovalStatus,
        by_value=True,
        load_default=ApprovalStatus.WAITING,
        metadata={"description": "Default: `waiting`."},
    )
    kind = fields.Enum(OutflowKind, by_value=True, load_default=None)


class DecisionSchema(RequestSchema):
    """A second person's decision."""

    reason = ReasonField(required=True)
