"""Registering C2B addresses."""

from marshmallow import Schema, fields, validate

_RESPONSE_TYPE = "What M-Pesa does by itself when validation does not answer."


class RegisterSchema(Schema):
    """Which default to register."""

    response_type = fields.String(
        data_key="responseType",
        load_default=None,
        validate=validate.OneOf(["Completed", "Cancelled"]),
        metadata={"description": _RESPONSE_TYPE + " By default what the rules do when unsure."},
    )


class RegistrationSchema(Schema):
    """What is registered at Daraja. The addresses are secrets."""

    shortcode = fields.String()
    version = fields.String(metadata={"description": "`v2` masks numbers, `v1` hashes them."})
    response_type = fields.String(data_key="responseType", metadata={"description": _RESPONSE_TYPE})
    confirmation_url = fields.String(data_key="confirmationUrl")
    validation_url = fields.String(data_key="validationUrl")
