"""The caller of a request, and what the caller may see."""

from dataclasses import dataclass, field

ADMIN = "admin"


@dataclass(frozen=True)
class Principal:
    """The subject of a verified token, and its roles."""

    subject: str
    roles: frozenset[str] = field(default_factory=frozenset)

    @property
    def is_admin(self) -> bool:
        return ADMIN in self.roles

    def may_see(self, owner: str) -> bool:
        """Return whether the caller may see data of `owner`. Admins may see all data."""
        return self.is_admin or self.subject == owner
