"""Orders that the shop registers in advance."""
