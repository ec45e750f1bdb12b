"""CMF's items, and its way of updating one: read, merge, validate, write whole, without a condition.

Between read and write passes ``window_seconds``: two concurrent updates of one item lose one, as in CMF.
"""

from __future__ import annotations

import copy
import threading
import time
from datetime import UTC, datetime
from typing import Any

from include.sandbox.cmf.schema import Attribute, validate

Item = dict[str, Any]


class Refusal(Exception):
    """CMF answers 400 with these errors."""

    def __init__(self, *errors: Any) -> None:
        super().__init__(str(errors))
        self.errors = list(errors)


class CmfStore:
    """Items by schema and id. Each single read and write is atomic; an update as a whole is not."""

    def __init__(self, schemas: dict[str, dict[str, Attribute]], window_seconds: float) -> None:
        self.schemas = schemas
        self.window_seconds = window_seconds
        self._lock = threading.Lock()
        self._items: dict[str, dict[str, Item]] = {name: {} for name in schemas}

    def get(self, schema: str, item_id: str) -> Item | None:
        with self._lock:
            return copy.deepcopy(self._items[schema].get(item_id))

    def all(self, schema: str) -> list[Item]:
        """Sorted by name, as CMF does."""
        with self._lock:
            return sorted(copy.deepcopy(list(self._items[schema].values())), key=lambda one: one[f"{schema}_name"])

    def put_raw(self, schema: str, item: Item) -> None:
        """Seeds one item; :raises Refusal: it would not pass CMF's own validation."""
        errors = validate(item, self.schemas[schema], self.get, f"{schema}_id")
        if errors or not isinstance(item.get(f"{schema}_id"), str):
            raise Refusal(errors or f"{schema}_id must be a string")
        with self._lock:
            self._items[schema][item[f"{schema}_id"]] = copy.deepcopy(item)

    def update(self, schema: str, item_id: str, changes: Item, user: str) -> None:
        """One PUT. :raises Refusal: :raises HandlerCrash:"""
        if f"{schema}_id" in changes:
            raise Refusal(f"You cannot modify {schema}_id, it is managed by the system")
        item = self.get(schema, item_id)
        if item is None:
            raise Refusal(f"{schema} Id: {item_id} does not exist")
        name = changes.get(f"{schema}_name")
        if name is not None and self._is_taken(schema, name, item_id):
            raise Refusal(f"{schema}_name: {name} already exists")
        for key, value in changes.items():
            if value == "":
                item.pop(key, None)
            else:
                item[key] = value
        errors = validate(item, self.schemas[schema], self.get, f"{schema}_id")
        if errors:
            raise Refusal(errors)
        item.setdefault("_history", {}).update(_stamp("lastModified", user))
        time.sleep(self.window_seconds)
        with self._lock:
            self._items[schema][item_id] = item

    def delete(self, schema: str, item_id: str) -> None:
        with self._lock:
            if self._items[schema].pop(item_id, None) is None:
                raise Refusal(f"{schema} Id: {item_id} does not exist")

    def create(self, schema: str, bodies: list[Item], user: str) -> dict[str, Any]:
        """One POST: the valid items are created, the others reported; the answer is 200 either way."""
        name_key, id_key = f"{schema}_name", f"{schema}_id"
        accepted: list[Item] = []
        invalid: list[Any] = []
        duplicate: list[str] = []
        existing: list[str] = []
        names: set[str] = set()
        for body in bodies:
            name = body[name_key]
            faults = validate(body, self.schemas[schema], self.get, id_key)
            exists = self._is_taken(schema, name, "")
            repeated = name in names
            existing += [name] if exists else []
            invalid += [{name: faults}] if faults else []
            duplicate += [name] if repeated else []
            names.add(name)
            if not (exists or faults or repeated):
                accepted.append(body)
        created = [self._insert(schema, body, user) for body in accepted]
        reported = {"validation_errors": invalid, "duplicate_name": duplicate, "existing_name": existing}
        errors = {key: value for key, value in reported.items() if value}
        return {"newItems": created, **({"errors": errors} if errors else {})}

    def _insert(self, schema: str, body: Item, user: str) -> Item:
        with self._lock:
            next_id = max((int(one) for one in self._items[schema]), default=0) + 1
            item = {**body, f"{schema}_id": str(next_id), "_history": _stamp("created", user)}
            self._items[schema][str(next_id)] = copy.deepcopy(item)
        return item

    def _is_taken(self, schema: str, name: Any, but_id: str) -> bool:
        with self._lock:
            return any(
                str(one[f"{schema}_name"]).lower() == str(name).lower() and one[f"{schema}_id"] != but_id
                for one in self._items[schema].values()
            )


def _stamp(verb: str, user: str) -> dict[str, Any]:
    return {
        f"{verb}By": {"userRef": user, "email": f"{user}@example.com"},
        f"{verb}Timestamp": datetime.now(UTC).replace(tzinfo=None).isoformat(),
    }
