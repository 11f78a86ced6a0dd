"""Who is calling, and what is theirs."""

from dataclasses import dataclass, field

ADMIN = "admin"


@dataclass(frozen=True)
class Principal:
    """The subject of a believed token and the roles it carries."""

    subject: str
    roles: frozenset[str] = field(default_factory=frozenset)

    @property
    def is_admin(self) -> bool:
        return ADMIN in self.roles

    def may_see(self, owner: str) -> bool:
        """Admins see everything, everybody else their own."""
        return self.is_admin or self.subject == owner
