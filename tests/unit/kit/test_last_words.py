import json

from graftwork.kit.last_words import last_words


def mongod(severity: str, msg: str, **attr: object) -> str:
    return json.dumps({"t": {}, "s": severity, "c": "STORAGE", "msg": msg, "attr": attr})


def test_the_last_complaint_is_preferred_to_the_last_line() -> None:
    assert last_words(["starting", "ERROR lock is held", "shutting down"]) == "ERROR lock is held"


def test_without_complaint_it_is_the_last_line() -> None:
    assert last_words(["starting", "shutting down"]) == "shutting down"


def test_an_empty_log_says_nothing() -> None:
    assert last_words([]) == ""


def test_a_long_line_is_cut() -> None:
    assert len(last_words(["x" * 10_000])) == 300


def test_mongods_severe_record_with_a_reason_is_preferred_to_those_without() -> None:
    tail = [
        mongod("I", "Options set by command line", error="none"),
        mongod("F", "Unable to read metadata", error={"code": 22, "errmsg": "Incorrect BSON length"}),
        mongod("F", "Fatal assertion", msgid=28661),
        mongod("F", "\n\n***aborting after fassert() failure\n\n"),
    ]

    assert last_words(tail) == "Unable to read metadata: Incorrect BSON length"


def test_mongods_reason_may_be_plain_text() -> None:
    tail = [mongod("E", "DBException in initAndListen, terminating", error="DBPathInUse: already running")]

    assert last_words(tail) == "DBException in initAndListen, terminating: DBPathInUse: already running"


def test_a_service_record_gives_the_last_line_of_its_traceback() -> None:
    record = {"event": "stopped", "level": "error", "exception": "Traceback:\n  File x\nKeyError: 'topic'"}

    assert last_words([json.dumps(record)]) == "stopped: KeyError: 'topic'"


def test_a_record_of_another_shape_is_quoted() -> None:
    assert last_words(['{"a": 1}']) == "{'a': 1}"
    assert last_words(["17"]) == "17"
