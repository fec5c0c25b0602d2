"""The published schemas are those of the models, and no published promise is taken back."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import contracts
import pytest
from contracts import publish_text

from graftwork.contracts.events import ScoresReady

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "contracts.py"
NAME = "scores.ready.v1"


def publish(folder: Path, *, check: bool = False) -> list[str]:
    return list(contracts.publish([ScoresReady], folder, check=check))


@pytest.fixture
def published(tmp_path: Path) -> Path:
    publish(tmp_path)
    return tmp_path


def rewrite(path: Path, **changed: Any) -> None:
    schema = json.loads(path.read_text())
    for key, value in changed.items():
        schema[key] = value(schema[key])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(schema))


def without(name: str) -> Any:
    return lambda fields: {key: value for key, value in fields.items() if key != name}


def test_the_committed_schemas_are_what_the_models_say_and_keep_every_promise() -> None:
    command = [sys.executable, str(SCRIPT), "--check"]

    result = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own script

    assert (result.returncode, result.stderr) == (0, "")


def test_publishing_twice_changes_nothing(published: Path) -> None:
    before = {path.name: path.read_bytes() for path in published.iterdir()}

    assert publish(published) == []
    assert {path.name: path.read_bytes() for path in published.iterdir()} == before


def test_a_check_writes_nothing(tmp_path: Path) -> None:
    assert publish(tmp_path, check=True) == [f"{NAME}: the published schema is stale: run scripts/contracts.py"]
    assert list(tmp_path.iterdir()) == []


def test_an_added_optional_field_is_published_and_the_version_before_is_kept(published: Path) -> None:
    current = published / f"{NAME}.json"
    now = current.read_text()
    rewrite(current, properties=without("suggestions"))
    before = current.read_text()

    assert publish(published) == []
    assert current.read_text() == now
    assert (published / "history" / NAME / "1.json").read_text() == before


def test_changed_words_alone_make_no_version(published: Path) -> None:
    rewrite(published / f"{NAME}.json", description=lambda _: "Said otherwise.")

    assert publish(published) == []
    assert not (published / "history").exists()


def test_an_incompatible_change_is_refused_and_nothing_is_overwritten(published: Path) -> None:
    current = published / f"{NAME}.json"
    rewrite(current, properties=without("score"), required=lambda names: [n for n in names if n != "score"])
    before = current.read_text()

    assert publish(published) == [f"{NAME}: data.score: a required field was added (since {NAME})"]
    assert current.read_text() == before


def test_a_promise_of_an_old_version_binds_the_newest(published: Path) -> None:
    old = published / "history" / NAME / "1.json"
    old.parent.mkdir(parents=True)
    old.write_text((published / f"{NAME}.json").read_text())
    rewrite(old, properties=lambda fields: {**fields, "suggestions": {"type": "string"}})

    found = publish(published, check=True)

    assert f"{NAME}: data.suggestions: type was 'string' and is 'array' (since 1)" in found


def test_an_event_cannot_vanish(published: Path) -> None:
    (published / "rubric.proposed.v1.json").write_text("{}")

    [found] = publish(published, check=True)

    assert found.startswith("rubric.proposed.v1: the event is gone")


def test_a_stale_document_is_told_and_then_replaced(tmp_path: Path) -> None:
    file = tmp_path / "openapi.json"
    told = list(publish_text("{}", file, check=True))
    missing = not file.exists()
    written = [*publish_text("{}", file, check=False), *publish_text("{}", file, check=True)]

    assert told == ["openapi.json: the published document is stale: run scripts/contracts.py"]
    assert missing
    assert (written, file.read_text()) == ([], "{}")
