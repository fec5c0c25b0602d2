"""Which changes of a published schema are allowed."""

from typing import Any

import pytest
from pydantic import BaseModel
from pydantic import Field

from graftwork.contracts.compatibility import incompatibilities
from graftwork.contracts.compatibility import shape
from graftwork.contracts.compatibility import transitive_incompatibilities


def an_object(required: tuple[str, ...] = (), **properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


TEXT = {"type": "string"}
NUMBER = {"type": "number"}
BASE = an_object(("a",), a=TEXT, b={**NUMBER, "default": 1})


@pytest.mark.parametrize(
    "changed",
    [
        BASE,
        an_object(("a",), a=TEXT, b={**NUMBER, "default": 1}, c=NUMBER),
        an_object(("a",), a=TEXT),
        an_object(("a",), a={**TEXT, "title": "A", "description": "said otherwise"}, b={**NUMBER, "default": 1}),
        {**BASE, "title": "Renamed", "description": "said otherwise"},
    ],
    ids=["nothing", "optional added", "optional removed", "words of a field", "words"],
)
def test_optional_fields_and_words_may_change(changed: dict[str, Any]) -> None:
    assert incompatibilities(BASE, changed) == []
    assert incompatibilities(changed, BASE) == []


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (an_object(("a", "c"), a=TEXT, b={**NUMBER, "default": 1}, c=TEXT), "data.c: a required field was added"),
        (an_object(b={**NUMBER, "default": 1}), "data.a: a required field was removed"),
        (an_object(a=TEXT, b={**NUMBER, "default": 1}), "data.a: became optional"),
        (an_object(("a", "b"), a=TEXT, b={**NUMBER, "default": 1}), "data.b: became required"),
        (an_object(("a",), a=NUMBER, b={**NUMBER, "default": 1}), "data.a: type was 'string' and is 'number'"),
        (an_object(("a",), a=TEXT, b={**NUMBER, "default": 2}), "data.b: default was 1 and is 2"),
        (an_object(("a",), a=TEXT, b=NUMBER), "data.b: default was 1 and is absent"),
        (
            an_object(("a",), a={**TEXT, "maxLength": 3}, b={**NUMBER, "default": 1}),
            "data.a: maxLength was absent and is 3",
        ),
    ],
)
def test_every_other_change_is_named(changed: dict[str, Any], says: str) -> None:
    assert incompatibilities(BASE, changed) == [says]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ({"enum": ["x", "y"]}, {"enum": ["y", "x"]}, []),
        ({"enum": ["x"]}, {"enum": ["x", "y"]}, ["data.f: enum was ['x'] and is ['x', 'y']"]),
        ({"anyOf": [TEXT, {"type": "null"}]}, {"anyOf": [TEXT, {"type": "null"}]}, []),
        ({"items": an_object(x=TEXT)}, {"items": an_object(x=TEXT, y=TEXT)}, []),
        (
            {"items": an_object(x=TEXT)},
            {"items": an_object(x=NUMBER)},
            ["data.f[].x: type was 'string' and is 'number'"],
        ),
        ({"default": {"n": 1}, "type": "object"}, {"default": {"n": 1, "m": 2}, "type": "object"}, []),
    ],
)
def test_what_is_inside_a_field_counts_too(old: dict[str, Any], new: dict[str, Any], says: list[str]) -> None:
    assert incompatibilities(an_object(f=old), an_object(f=new)) == says


def test_a_nullable_field_stays_nullable() -> None:
    nullable = an_object(f={"anyOf": [TEXT, {"type": "null"}]})

    assert incompatibilities(nullable, an_object(f=TEXT)) != []
    assert incompatibilities(an_object(f=TEXT), nullable) != []


def test_references_are_followed_whatever_they_are_called() -> None:
    def referring(name: str, target: dict[str, Any]) -> dict[str, Any]:
        return {**an_object(f={"$ref": f"#/$defs/{name}"}), "$defs": {name: target}}

    old = referring("Old", an_object(x=TEXT))

    assert incompatibilities(old, referring("New", an_object(x=TEXT, y=TEXT))) == []
    assert incompatibilities(old, referring("New", an_object(x=NUMBER))) == [
        "data.f.x: type was 'string' and is 'number'"
    ]


class Tree(BaseModel):
    """Refers to itself."""

    weight: int
    children: tuple["Tree", ...] = ()


class WiderTree(BaseModel):
    """The same, with another weight."""

    weight: float
    children: tuple["WiderTree", ...] = ()


def test_a_schema_that_refers_to_itself_is_walked_once() -> None:
    assert incompatibilities(Tree.model_json_schema(), Tree.model_json_schema()) == []
    assert incompatibilities(Tree.model_json_schema(), WiderTree.model_json_schema()) == [
        "data.weight: type was 'integer' and is 'number'"
    ]


class Titled(BaseModel):
    """Its fields are named like annotations."""

    title: str = Field(description="not an annotation")
    description: str = ""


def test_a_field_may_be_called_title() -> None:
    assert set(shape(Titled.model_json_schema())["properties"]) == {"title", "description"}


def test_a_field_gone_long_ago_may_not_return_as_another() -> None:
    first, second, third = an_object(f=TEXT), an_object(), an_object(f=NUMBER)

    assert incompatibilities(second, third) == []
    assert transitive_incompatibilities([("1", first), ("2", second)], third) == [
        "data.f: type was 'string' and is 'number' (since 1)"
    ]
