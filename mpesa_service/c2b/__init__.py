"""Customer-initiated payments: registration, validation rules, booking and matching."""
