"""What a key may do."""

from dataclasses import dataclass

from app.domain.vocabulary import Scope
from app.errors import Forbidden, Unauthorized


@dataclass(frozen=True, slots=True)
class Access:
    """Who asks, and what they may do. Nobody in particular may read what is public."""

    id: str = ""
    name: str = ""
    scopes: frozenset[Scope] = frozenset()

    def may(self, scope: Scope) -> bool:
        """Whether this is allowed; an administrator may do everything."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def expect(self, scope: Scope) -> None:
        """Raises `Unauthorized` without a key and `Forbidden` without the scope."""
        if not self.id:
            raise Unauthorized("send a key that has the scope " + scope)
        if not self.may(scope):
            raise Forbidden(scope)


PUBLIC = Access()
