"""Encrypted columns: the only way a secret reaches the database.

Built on fernet_fields, whose fields alone are not safe: `bulk_update()` and `update(F(...))` would store the encrypted
text of an SQL expression, `dumpdata` would write plain text, and a string given as `FERNET_KEYS` would be taken as a
list of one-letter keys. The fields here refuse all of that. Values are JSON objects that name the row they belong to
(`sealed_for`), so that a ciphertext moved to another row is refused when it is opened.
"""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.models.expressions import Case, Value, When
from django.db.models.functions import Cast
from fernet_fields import EncryptedTextField


class MovedSecret(Exception):
    """A decrypted value names another row than the one it stands in."""


class EncryptedJSONField(EncryptedTextField):  # type: ignore[misc]
    """A JSON object, encrypted with the first of `FERNET_KEYS`, readable with any of them."""

    def get_prep_value(self, value: Any) -> Any:
        if value is None or hasattr(value, "as_sql"):
            return value
        return json.dumps(value, separators=(",", ":"))

    def to_python(self, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        if hasattr(value, "as_sql"):
            self._refuse_foreign(value)
            return value
        return super().get_db_prep_save(value, connection)

    def value_to_string(self, obj: Any) -> str:
        raise ImproperlyConfigured(f"{obj._meta.label}.{self.name} is secret and cannot be serialised.")

    def formfield(self, **kwargs: Any) -> Any:
        """No form ever shows or takes a secret."""
        return None

    def _refuse_foreign(self, expression: Any) -> None:
        """Only values that this very field will encrypt may stand in an UPDATE; anything else stores plain text."""
        if isinstance(expression, Value):
            if getattr(expression, "_output_field_or_none", None) is self or expression.value is None:
                return
        elif isinstance(expression, Case | When | Cast):
            for source in expression.get_source_expressions():
                if isinstance(source, Value | Case | When | Cast):
                    self._refuse_foreign(source)
            return
        raise TypeError(f"{self.name} is encrypted and cannot be set from an SQL expression; assign a value and save.")


def seal(owner: str, secret: dict[str, Any]) -> dict[str, Any]:
    """The secret together with the row it belongs to."""
    return {"sealed_for": owner, **secret}


def unseal(owner: str, stored: dict[str, Any] | None) -> dict[str, Any]:
    """The secret of `owner`. Raises MovedSecret when it was sealed for another row."""
    if stored is None:
        return {}
    if stored.get("sealed_for") != owner:
        raise MovedSecret(f"The secret stored for {owner} belongs to another row.")
    return {key: value for key, value in stored.items() if key != "sealed_for"}
