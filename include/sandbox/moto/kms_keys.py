"""KMS keys as AWS has them: moto 5.2.5 cannot describe a key of a template, and deletes keys by id only."""

from __future__ import annotations

import functools
import json
from typing import Any

from moto.kms.models import Key, KmsBackend


@functools.cache
def install() -> None:
    """Patches moto in this process."""
    make: Any = Key.create_from_cloudformation_json.__func__
    delete = KmsBackend.schedule_key_deletion

    def create_from_cloudformation_json(cls: type[Key], *args: Any, **kwargs: Any) -> Key:
        key: Key = make(cls, *args, **kwargs)
        # moto keeps the template's document, and reads it as text later.
        key.policy = key.policy if isinstance(key.policy, str) else json.dumps(key.policy)
        return key

    def schedule_key_deletion(self: KmsBackend, key_id: str, *args: Any, **kwargs: Any) -> Any:
        return delete(self, self.get_key_id(key_id), *args, **kwargs)

    Key.create_from_cloudformation_json = classmethod(create_from_cloudformation_json)
    KmsBackend.schedule_key_deletion = schedule_key_deletion
