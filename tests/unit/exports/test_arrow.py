import pyarrow as pa
import pytest

from graftwork.contracts.records import Layout
from graftwork.contracts.records import OutputSpec
from graftwork.exports.arrow import kinds_of
from graftwork.exports.arrow import schema_after
from graftwork.exports.sources import Shape
from graftwork.exports.sources import shape_of
from graftwork.exports.targets import Target
from graftwork.exports.targets import conversion
from graftwork_curator.columns import Columns

CHAT = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Hello"},
    {"role": "user", "content": "Bye"},
    {"role": "assistant", "content": "Bye!"},
]


@pytest.mark.parametrize(
    ("layout", "shape"),
    [
        (Layout.PROMPT_COMPLETION, Shape.PAIR),
        (Layout.MESSAGES, Shape.CONVERSATION),
        (Layout.TEXT, Shape.TEXT),
    ],
)
def test_every_layout_is_recognised_by_its_published_columns(layout: Layout, shape: Shape) -> None:
    assert shape_of(kinds_of(Columns(OutputSpec(layout=layout)).schema)) is shape


def test_a_record_without_declared_properties_is_of_another_kind() -> None:
    output = OutputSpec(layout=Layout.CUSTOM, record_schema={"type": "object"})

    assert shape_of(kinds_of(Columns(output).schema)) is Shape.OTHER


@pytest.mark.parametrize("target", Target)
@pytest.mark.parametrize("layout", [Layout.PROMPT_COMPLETION, Layout.MESSAGES])
def test_converted_rows_fit_the_schema_that_was_told(target: Target, layout: Layout) -> None:
    schema = Columns(OutputSpec(layout=layout)).schema
    record = {"messages": CHAT} if layout is Layout.MESSAGES else {"prompt": "2 + 2?", "completion": "4"}
    row = {**record, "graftwork": {"sample_id": "s1"}}
    way = conversion(kinds_of(schema), target, keep_extras=True)

    converted = way.convert(1, pa.Table.from_pylist([row], schema=schema).to_pylist()[0])
    told = schema_after(way, schema)

    assert told.names == list(converted)
    assert pa.Table.from_pylist([converted], schema=told).to_pylist() == [converted]
