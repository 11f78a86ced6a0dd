"""Integrity errors: a unique key that another writer has taken, or a broken rule of the schema."""

from sqlalchemy.exc import IntegrityError

_UNIQUE_VIOLATION = "23505"
"""PostgreSQL's SQLSTATE for a unique or primary key."""
_SQLITE_UNIQUE = {
    "SQLITE_CONSTRAINT_UNIQUE",
    "SQLITE_CONSTRAINT_PRIMARYKEY",
    "SQLITE_CONSTRAINT_ROWID",
}


def is_taken(error: IntegrityError) -> bool:
    """Return whether a unique key refused the row: another writer was faster."""
    if (name := _sqlite_name(error)) is not None:
        return name in _SQLITE_UNIQUE
    return getattr(error.orig, "sqlstate", None) == _UNIQUE_VIOLATION


def broken_rule(error: IntegrityError) -> str:
    """Return the name of the constraint, or of the column that must not be NULL. Holds no values."""
    if _sqlite_name(error) is not None:  # such as "CHECK constraint failed: ck_payments_status"
        return str(error.orig).rpartition(": ")[2]
    place = getattr(error.orig, "diag", None)
    names = [getattr(place, name, None) for name in ("constraint_name", "table_name", "column_name")]
    return names[0] or ".".join(name for name in names if name)


def _sqlite_name(error: IntegrityError) -> str | None:
    """Return SQLite's name of an error; None for an error of another database."""
    return getattr(error.orig, "sqlite_errorname", None)
