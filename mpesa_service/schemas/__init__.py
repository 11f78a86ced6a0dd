"""What comes in and what goes out, in marshmallow; the OpenAPI document is made of these."""
