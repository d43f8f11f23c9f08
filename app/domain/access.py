"""The rights of a request."""

from dataclasses import dataclass

from app.domain.vocabulary import Scope
from app.errors import Forbidden, Unauthorized


@dataclass(frozen=True, slots=True)
class Access:
    """A client and its scopes. Without a key, it may read public data."""

    id: str = ""
    name: str = ""
    scopes: frozenset[Scope] = frozenset()

    def may(self, scope: Scope) -> bool:
        """Whether a scope is granted; `admin` grants all scopes."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def expect(self, scope: Scope) -> None:
        """Raises `Unauthorized` without a key and `Forbidden` without the scope."""
        if not self.id:
            raise Unauthorized("send a key that has the scope " + scope)
        if not self.may(scope):
            raise Forbidden(scope)


PUBLIC = Access()
