"""Which changes of a published schema old and new services both survive (FULL_TRANSITIVE).

Only optional fields may come and go; every other change needs a new event. The rule is about names,
not about sets of values: objects are open, so a checker of values (``jsoncompat``) refuses every added
field, because a value that was ignored yesterday is read today.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

Schema = Mapping[str, Any]

_ANNOTATIONS = frozenset({"$schema", "$id", "title", "description", "examples"})
_NAMED = frozenset({"properties", "$defs"})
_ELSEWHERE = frozenset({"properties", "required", "$defs", "$ref", "default"})
_ABSENT = object()


def shape(schema: Schema) -> dict[str, Any]:
    """What of a schema binds: everything but titles and descriptions."""
    return {key: _bare(key, value) for key, value in schema.items() if key not in _ANNOTATIONS}


def incompatibilities(old: Schema, new: Schema) -> list[str]:
    """What stops readers of either schema from reading data of the other, one readable line each."""
    old, new = shape(old), shape(new)
    return list(_Comparison(old, new).between(old, new, "data"))


def transitive_incompatibilities(past: Iterable[tuple[str, Schema]], new: Schema) -> list[str]:
    """The same against every (name, schema) there ever was: a field gone long ago may not return as another."""
    return [f"{problem} (since {name})" for name, old in past for problem in incompatibilities(old, new)]


def _bare(key: str, value: Any) -> Any:
    if key in _NAMED:
        return {name: shape(schema) for name, schema in value.items()}
    if key in {"default", "const", "enum", "required"}:
        return value
    if isinstance(value, Mapping):
        return shape(value)
    if isinstance(value, list):
        return [shape(item) if isinstance(item, Mapping) else item for item in value]
    return value


class _Comparison:
    """Walks two schemas side by side; ``seen`` ends the walk of recursive ones."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old_defs = old.get("$defs", {})
        self._new_defs = new.get("$defs", {})
        self._seen: set[tuple[str, str]] = set()

    def between(self, old: Schema, new: Schema, where: str) -> Iterator[str]:
        yield from _changed_default(old, new, where)
        names = (old.get("$ref", ""), new.get("$ref", ""))
        if all(names) and names in self._seen:
            return
        self._seen.add(names)
        old, new = _resolved(old, self._old_defs), _resolved(new, self._new_defs)
        yield from self._fields(old, new, where)
        for key in sorted((old.keys() | new.keys()) - _ELSEWHERE):
            yield from self._rule(key, old.get(key, _ABSENT), new.get(key, _ABSENT), where)

    def _fields(self, old: Schema, new: Schema, where: str) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name in sorted(before.keys() | after.keys()):
            field = f"{where}.{name}"
            was, now = name in old.get("required", ()), name in new.get("required", ())
            if name not in after:
                yield from [f"{field}: a required field was removed"] if was else []
            elif name not in before:
                yield from [f"{field}: a required field was added"] if now else []
            else:
                yield from [f"{field}: became {'required' if now else 'optional'}"] if was != now else []
                yield from self.between(before[name], after[name], field)

    def _rule(self, key: str, old: Any, new: Any, where: str) -> Iterator[str]:
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from self.between(old, new, f"{where}[]")
        elif _are_schemas(old) and _are_schemas(new) and len(old) == len(new):
            for before, after in zip(old, new, strict=True):
                yield from self.between(before, after, where)
        elif _comparable(key, old) != _comparable(key, new):
            yield f"{where}: {key} was {_readable(old)} and is {_readable(new)}"


def _resolved(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    reference = schema.get("$ref")
    return schema if reference is None else definitions[reference.removeprefix("#/$defs/")]


def _changed_default(old: Schema, new: Schema, where: str) -> Iterator[str]:
    """Bytes without the field would mean something else. Nested defaults repeat what their own fields say."""
    before, after = old.get("default", _ABSENT), new.get("default", _ABSENT)
    if before != after and not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        yield f"{where}: default was {_readable(before)} and is {_readable(after)}"


def _are_schemas(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(v, Mapping) for v in value)


def _comparable(key: str, value: Any) -> Any:
    return frozenset(value) if key == "enum" and value is not _ABSENT else value


def _readable(value: Any) -> str:
    return "absent" if value is _ABSENT else repr(value)
