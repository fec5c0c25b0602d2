"""The dataset card: a README with the YAML header that the Hugging Face hub reads.

Pure: the same publication gives the same bytes, so no date is written. Whatever comes from a user or a
model is escaped by the renderer itself (``finalize``); only the filters of ``markdown`` return markup.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import yaml
from jinja2 import Environment
from jinja2 import PackageLoader
from jinja2 import StrictUndefined

from graftwork.contracts.seeds import SeedSpace
from graftwork.contracts.snapshots import PerRow
from graftwork.contracts.usage import Usage
from graftwork_curator.counts import never_judged
from graftwork_curator.markdown import Verbatim
from graftwork_curator.markdown import fenced
from graftwork_curator.markdown import inline
from graftwork_curator.markdown import quoted
from graftwork_curator.publication import Publication
from graftwork_curator.shards import DATA_FOLDER

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_LARGEST = "1M<n<10M"
_EXAMPLE_CHARS = 600
_EXAMPLE_ITEMS = 20
_FACET_VALUES = 8


@dataclass(frozen=True)
class Rows:
    """What the card says of the rows themselves. ``example`` is one of them, without our columns."""

    count: int
    example: Mapping[str, Any]
    schema: pa.Schema
    extras: str
    arrow_bytes: int
    file_bytes: int


def card(publication: Publication, rows: Rows) -> bytes:
    """The card as UTF-8 text."""
    template = _ENVIRONMENT.get_template("card.md.j2")
    text = template.render(
        header=Verbatim(header(publication, rows)),
        it=publication,
        spec=publication.spec,
        rows=rows,
        example=json.dumps(shortened(rows.example), indent=2, ensure_ascii=False),
        fields=[field for field in rows.schema if field.name != rows.extras],
        never_judged=never_judged(publication.counts),
        facets=_facets(publication.space),
        shortest=_FACET_VALUES,
    )
    return text.encode()


def header(publication: Publication, rows: Rows) -> str:
    """YAML block of the card: what the hub and ``datasets`` read."""
    split = {"name": "train", "num_bytes": rows.arrow_bytes, "num_examples": rows.count}
    data = {
        "pretty_name": publication.spec.name,
        "license": publication.spec.output.license,
        "size_categories": [size_category(rows.count)],
        "tags": ["synthetic", "graftwork"],
        "configs": [
            {"config_name": "default", "data_files": [{"split": "train", "path": f"{DATA_FOLDER}/train-*.parquet"}]}
        ],
        "dataset_info": {
            "features": [_feature(field) for field in rows.schema],
            "splits": [split],
            "download_size": rows.file_bytes,
            "dataset_size": rows.arrow_bytes,
        },
    }
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)


def size_category(rows: int) -> str:
    """The hub's name for a size."""
    return next((name for limit, name in _SIZES if rows < limit), _LARGEST)


def shortened(value: Any) -> Any:
    """Value whose long strings end after 600 characters, and long lists after 20 items."""
    match value:
        case str() if len(value) > _EXAMPLE_CHARS:
            return f"{value[:_EXAMPLE_CHARS]}[... {len(value) - _EXAMPLE_CHARS} more characters]"
        case Mapping():
            return {key: shortened(item) for key, item in value.items()}
        case list() if len(value) > _EXAMPLE_ITEMS:
            return [*map(shortened, value[:_EXAMPLE_ITEMS]), f"[... {len(value) - _EXAMPLE_ITEMS} more items]"]
        case list():
            return [shortened(item) for item in value]
        case _:
            return value


def _feature(field: pa.Field) -> dict[str, Any]:
    return {"name": field.name, **_feature_type(field.type)}


def _feature_type(arrow: pa.DataType) -> dict[str, Any]:
    if pa.types.is_struct(arrow):
        return {"struct": [_feature(arrow.field(i)) for i in range(arrow.num_fields)]}
    if not pa.types.is_list(arrow):
        return {"dtype": "float64" if pa.types.is_float64(arrow) else str(arrow)}
    item = _feature_type(arrow.value_type)
    return {"list": item.get("struct") or item.get("dtype") or item}


def _facets(space: SeedSpace | None) -> dict[str, list[str]]:
    return {} if space is None else {name: list(values) for name, values in space.facets.items()}


def _cost(usage: Usage | PerRow) -> str:
    return "unknown" if usage.cost_usd is None else f"{usage.cost_usd:.6f}"


def _reward(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _number(value: int) -> str:
    return f"{value:,}"


def _decimal(value: float) -> str:
    return f"{value:,.1f}"


def _within(bounds: tuple[float, float]) -> str:
    return f"({bounds[0]:.2f} to {bounds[1]:.2f})"


def _escaped(value: Any) -> Verbatim:
    return value if isinstance(value, Verbatim) else inline(str(value))


_ENVIRONMENT = Environment(
    loader=PackageLoader("graftwork_curator"),
    autoescape=False,  # noqa: S701 - HTML escaping is wrong for Markdown; ``finalize`` escapes everything
    finalize=_escaped,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_ENVIRONMENT.filters |= {
    "cost": _cost,
    "decimal": _decimal,
    "fenced": fenced,
    "number": _number,
    "quoted": quoted,
    "reward": _reward,
    "verbatim": Verbatim,
    "within": _within,
}
