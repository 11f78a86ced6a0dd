"""The schemas that all responses share."""

from functools import cache

from marshmallow import Schema, fields


class Envelope(Schema):
    success = fields.Boolean(dump_default=True)
    message = fields.String()


@cache
def envelope_of(schema: type[Schema], *, many: bool) -> type[Schema]:
    """Return the schema of a success whose `data` is one object of `schema`, or with `many` a list."""
    one = fields.Nested(schema)
    name = f"{schema.__name__.removesuffix('Schema')}{'List' if many else ''}Envelope"
    return Envelope.from_dict({"data": fields.List(one) if many else one}, name=name)


class ErrorSchema(Schema):
    """The shape of every error of the API."""

    error = fields.String(required=True, metadata={"example": "Bad Request"})
    message = fields.String(required=True, metadata={"description": "A sentence for people to read."})
    code = fields.String(required=True, metadata={"description": "A stable slug for programs."})
    request_id = fields.String(
        data_key="requestId", required=True, metadata={"description": "The id of this request in the log."}
    )
    details = fields.Dict(metadata={"description": "Further ids and figures, if there are any."})
