"""Logs of a real process: one JSON object a line, ids bound, and never a secret."""

import json
import subprocess
import sys
from typing import Any

import pytest

SECRET = "hunter2-is-no-password"
URL = f"mongodb://graftwork:{SECRET}@db.example:27017/?replicaSet=rs0"

PREPARE = f"""
import logging, structlog
from graftwork.kit.logging import configure_logging, get_logger
from graftwork.kit.settings import ServiceSettings

settings = ServiceSettings(mongo="{URL}", log_format="FORMAT", log_level="debug")
configure_logging("worker", settings)
log = get_logger("graftwork.test")
"""
CRASH = """
def connect(password):
    url = f"mongodb://graftwork:{password}@db.example:27017"
    raise ConnectionError("cannot reach " + url)

try:
    connect("hunter2-is-no-password")
except ConnectionError:
    log.exception("crashed")
    logging.getLogger("a.library").exception("crashed too")
"""


def logged(code: str, log_format: str = "json") -> str:
    return written(PREPARE.replace("FORMAT", log_format) + code)


def written(program: str) -> str:
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert result.stdout == ""
    return result.stderr


def lines_of(code: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in logged(code).splitlines()]


def test_a_line_is_one_object_with_the_ids_bound_where_the_message_came_in() -> None:
    [line] = lines_of("""
with structlog.contextvars.bound_contextvars(job_id="j1", event_id="e1"):
    log.info("event.admitted", event_type="x", text="two\\nlines")
""")

    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "event.admitted",
        "level": "info",
        "logger": "graftwork.test",
        "service": "worker",
        "job_id": "j1",
        "event_id": "e1",
        "event_type": "x",
        "text": "two\nlines",
    }


def test_libraries_write_the_same_lines() -> None:
    [line] = lines_of('logging.getLogger("a.library").warning("%s of %s", 1, 2)')

    assert (line["event"], line["level"], line["logger"], line["service"]) == (
        "1 of 2",
        "warning",
        "a.library",
        "worker",
    )


def test_chatty_libraries_are_held_back() -> None:
    assert lines_of('logging.getLogger("aiokafka.consumer").info("heartbeat")') == []


def test_a_crash_is_told_with_its_traceback() -> None:
    ours, theirs = lines_of(CRASH)

    for line in (ours, theirs):
        [raised] = line["exception"]
        assert raised["exc_type"] == "ConnectionError"
        assert [frame["name"] for frame in raised["frames"]] == ["<module>", "connect"]


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_tells_no_value_of_a_local_variable(log_format: str) -> None:
    text = logged(CRASH, log_format)

    assert "cannot reach mongodb://***@db.example:27017" in text
    assert SECRET not in text


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_credential_is_blotted_out_wherever_it_stands(log_format: str) -> None:
    text = logged(
        f"""
log.info("started", mongo=settings.mongo)
log.info("refused", words="Bad database name {SECRET}@db.example:27017/")
log.warning(f"refused by {{settings.mongo}}")
logging.getLogger("a.library").error("refused by %s", settings.mongo)
log.info("asked", headers={{"authorization": "Bearer {SECRET}"}})
log.info("asked", key="gw_{SECRET}")
log.info("asked", key="sk-{SECRET}")
""",
        log_format,
    )

    assert [line.count("***") for line in text.splitlines()] == [1] * 7
    assert SECRET not in text


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_secret_of_the_settings_is_blotted_out_wherever_it_stands(log_format: str) -> None:
    secret = "h\"u'n\\t\u00e9r2"
    prepare = PREPARE.replace("FORMAT", log_format).replace(
        "log_level=",
        f"kafka_security_protocol='SASL_SSL', kafka_user='u', kafka_password={secret!r}, log_level=",
    )
    code = f"""
secret = {secret!r}
log.info("asked", settings=settings)
log.info("asked", words=f"with {{secret}} in it", nested={{"list": [secret]}})
log.warning(f"refused {{secret!r}}")
logging.getLogger("a.library").error("refused %s", secret)
logging.getLogger("a.library").error("refused %r", [secret])
"""

    lines = written(prepare + code).splitlines()

    assert len(lines) == 5
    assert [line.count("***") > 0 for line in lines] == [True] * 5
    assert not any("u'n" in line or "u\\'n" in line for line in lines)


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_secret_where_a_long_text_is_cut_is_blotted_out_whole(log_format: str) -> None:
    written = "".join(
        logged(f"log.info('x' * {before} + {URL!r} + 'y' * 30_000)", log_format) for before in (9_965, 9_975, 9_985)
    )

    assert "[..." in written
    assert not any(SECRET[:length] in written for length in range(5, len(SECRET)))


def test_what_is_no_credential_is_left_alone() -> None:
    values = {"kafka": "127.0.0.1:9092", "url": "http://127.0.0.1:8080/v1?x=a@b", "id": "task_with_a_very_long_name"}

    [line] = lines_of(f'log.info("started", **{values!r})')

    assert {name: line[name] for name in values} == values


def test_a_line_says_where_in_a_trace_it_was_written() -> None:
    lines = lines_of("""
from graftwork.kit.tracing import traced

with traced("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"):
    log.info("inside")
log.info("outside")
""")

    assert [(line.get("trace_id"), line.get("span_id")) for line in lines] == [
        ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"),
        (None, None),
    ]


def test_an_id_that_there_is_none_of_is_not_written() -> None:
    [inside, outside] = lines_of("""
from graftwork.kit.logging import about
with about(job_id="j1", node_id=None):
    log.info("inside")
log.info("outside")
""")

    assert inside["job_id"] == "j1"
    assert "node_id" not in inside
    assert "job_id" not in outside
