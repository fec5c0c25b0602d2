"""Whether a record fits a job's JSON schema, for records from untrusted hands: at a bounded price, whatever they hold.

A schema is its user's, and honest; the record is not. Three things would let it buy hours of our time, and a thread
cannot be killed: ``uniqueItems`` compares every pair, a ``pattern`` may backtrack for ever, and branches of a schema
that refers to itself multiply with the depth of the record. So items are compared by their canonical text, patterns
run in an engine that is linear, or counts its steps where the pattern looks around or back, and all else is metered.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from functools import lru_cache
from functools import partial
from typing import Any

import jsonschema_rs
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.exceptions import best_match
from jsonschema.validators import extend
from referencing import Registry
from referencing import Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from graftwork.contracts.ids import canonical_json
from graftwork.kit.errors import TooLargeToCheck
from graftwork.kit.errors import UnusablePattern

WORK = 5_000_000
"""Most work for one record: characters looked at or written; a keyword applied to a value counts as 100."""
_KEYWORD = 100
_PAIRS_FOR_ONE = 10
_STEPS_OF_A_PATTERN = 100_000
_LITERALS = frozenset({"const", "enum", "default", "examples"})
Keyword = Callable[[Any, Any, Any, Any], Iterable[ValidationError] | None]


class Fitting:
    """Checks records against ``schema``, which refers to nothing but itself: nothing is fetched. Not for two threads.

    ``done``: work that the last record took.
    """

    def __init__(self, schema: Mapping[str, Any], *, work: int = WORK) -> None:
        self.done = 0
        self._most = work
        own: dict[str, Keyword] = {
            "additionalProperties": self._additional_properties,
            "pattern": self._pattern,
            "patternProperties": self._pattern_properties,
            "unevaluatedItems": self._unevaluated("unevaluatedItems"),
            "unevaluatedProperties": self._unevaluated("unevaluatedProperties"),
            "uniqueItems": self._unique_items,
        }
        keywords: dict[str, Keyword] = {**Draft202012Validator.VALIDATORS, **own}
        wrapped = {name: partial(self._metered, each) for name, each in keywords.items()}
        metered = extend(Draft202012Validator, wrapped)  # type: ignore[no-untyped-call]
        self._validator = metered(_without_dialects(schema), registry=Registry())

    def fault(self, record: Any) -> ValidationError | None:
        """The most telling fault, or None.

        Raises ``TooLargeToCheck``, ``UnusablePattern``, and ``referencing.exceptions.Unresolvable`` for a reference
        that leads nowhere.
        """
        self.done = 0
        try:
            found: ValidationError | None = best_match(self._validator.iter_errors(record))
        except RecursionError as error:
            raise TooLargeToCheck("too large to be checked: record and schema are nested too deeply") from error
        return found

    def _spend(self, work: int) -> None:
        self.done += work
        if self.done > self._most:
            raise TooLargeToCheck("too large to be checked against the schema")

    def _metered(self, keyword: Keyword, validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        self._spend(_KEYWORD + (len(instance) if isinstance(instance, list | dict) else 0))
        for error in keyword(validator, value, instance, schema) or ():
            if not error.schema_path:  # it was made here, and quotes the instance
                self._spend(len(error.message))
            yield error

    def _finds(self, pattern: str, text: str) -> bool:
        self._spend(_KEYWORD + len(text))
        return _compiled(pattern).is_valid(text)

    def _pattern(self, _validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
        if isinstance(instance, str) and not self._finds(pattern, instance):
            yield ValidationError(f"{instance!r} does not match {pattern!r}")

    def _pattern_properties(
        self, validator: Any, patterns: Mapping[str, Any], instance: Any, _schema: Any
    ) -> Iterator[ValidationError]:
        for pattern, subschema in patterns.items() if isinstance(instance, dict) else ():
            for name in instance:
                if self._finds(pattern, name):
                    yield from validator.descend(instance[name], subschema, path=name, schema_path=pattern)

    def _additional_properties(
        self, validator: Any, allowed: Any, instance: Any, schema: Any
    ) -> Iterator[ValidationError]:
        """Jsonschema's own, which is told what the patterns matched instead of the patterns."""
        known = dict(schema.get("properties", {}))
        for pattern in schema.get("patternProperties", {}) if isinstance(instance, dict) else ():
            known |= {name: True for name in instance if self._finds(pattern, name)}
        yield from _standard("additionalProperties")(validator, allowed, instance, {"properties": known}) or ()

    def _unevaluated(self, name: str) -> Keyword:
        """Jsonschema's own, which looks for each of the values in a list of those evaluated."""

        def keyword(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
            self._spend(len(instance) ** 2 // _PAIRS_FOR_ONE if isinstance(instance, list | dict) else 0)
            yield from _standard(name)(validator, allowed, instance, schema) or ()

        return keyword

    def _unique_items(
        self,
        _validator: Any,
        unique: bool,  # noqa: FBT001 (jsonschema's order)
        instance: Any,
        _schema: Any,
    ) -> Iterator[ValidationError]:
        if unique and isinstance(instance, list) and self._has_equals(instance):
            yield ValidationError(f"{instance!r} has non-unique elements")

    def _has_equals(self, items: list[Any]) -> bool:
        seen = set()
        for item in items:
            text = canonical_json(_numbers_alike(item))
            self._spend(len(text))
            seen.add(text)
        return len(seen) < len(items)


def unusable(schema: Mapping[str, Any]) -> Iterator[str]:
    """What of a schema that is one no record could ever be checked against: each such place, in words.

    A pattern of Python's alone, a reference out of the schema or to nowhere. A reference that only literals hold, and
    what a schema refers to by an anchor, count as for any validator.
    """
    root = DRAFT202012.create_resource(_without_dialects(schema))
    uri = root.id() or ""
    resolver = Registry().with_resource(uri, root).resolver(uri)
    for part, near in _subschemas(root, resolver):
        for pattern in (*([part["pattern"]] if "pattern" in part else []), *part.get("patternProperties", {})):
            try:
                _compiled(pattern)
            except UnusablePattern as error:
                yield str(error)
        for reference in (part[keyword] for keyword in ("$ref", "$dynamicRef") if keyword in part):
            try:
                near.lookup(reference)
            except Unresolvable:
                yield f"the output schema refers to {reference!r}, which it does not hold"


def _subschemas(schema: Resource[Any], resolver: Any) -> Iterator[tuple[Mapping[str, Any], Any]]:
    """The schema and all within it, each with what resolves its references."""
    if isinstance(schema.contents, Mapping):
        yield schema.contents, resolver
        for inner in schema.subresources():
            yield from _subschemas(inner, resolver.in_subresource(inner))


def _standard(name: str) -> Keyword:
    keyword: Keyword = Draft202012Validator.VALIDATORS[name]
    return keyword


def _numbers_alike(value: Any) -> Any:
    """``value`` with 1 for 1.0: JSON schema knows numbers alone."""
    if isinstance(value, dict):
        return {key: _numbers_alike(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_numbers_alike(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _without_dialects(schema: Any) -> Any:
    """``schema`` without ``$schema``, at which jsonschema would take a validator of its own, without a meter."""
    if isinstance(schema, Mapping):
        kept = {k: v for k, v in schema.items() if k != "$schema" or not isinstance(v, str)}
        return {k: v if k in _LITERALS else _without_dialects(v) for k, v in kept.items()}
    return [_without_dialects(each) for each in schema] if isinstance(schema, list | tuple) else schema


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> jsonschema_rs.Draft202012Validator:
    options = jsonschema_rs.FancyRegexOptions(backtrack_limit=_STEPS_OF_A_PATTERN)
    try:
        return jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=options)
    except jsonschema_rs.ValidationError as error:
        raise UnusablePattern(f"the output schema's pattern {pattern!r} is none of ECMA 262") from error
