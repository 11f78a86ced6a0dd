"""Requests about approvals."""

from marshmallow import fields

from mpesa_service.domain.outflow import ApprovalStatus, OutflowKind
from mpesa_service.web.fields import ReasonField, RequestSchema
from mpesa_service.web.list_queries import IdPageSchema


class ApprovalsQuerySchema(IdPageSchema):
    """Which approvals to list."""

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
