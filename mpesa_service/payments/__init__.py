"""Payments by STK push, and what becomes of them."""
