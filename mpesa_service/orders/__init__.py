"""Orders that the shop expects payments for."""
