from pathlib import Path

import pytest

from graftwork.local import errors
from graftwork.local.errors import LocalServerError
from graftwork.local.errors import NotReadyInTime
from graftwork.local.errors import ServerDied

LOG = Path("kafka.log")


def died(*log_tail: str, returncode: int = 1) -> str:
    return str(ServerDied("Kafka", returncode=returncode, log_tail=log_tail, log_path=LOG))


def test_a_death_quotes_the_log() -> None:
    assert died("starting", "ERROR lock is held") == (
        "Kafka ended with status 1, saying: ERROR lock is held (log: kafka.log)"
    )


def test_a_silent_death_names_its_signal() -> None:
    assert died(returncode=-9) == "Kafka was killed by signal 9 (log: kafka.log)"


def test_slowness_says_how_long_was_waited() -> None:
    message = str(NotReadyInTime("MongoDB", seconds=90.0, log_tail=("recovering",), log_path=LOG))

    assert message == "MongoDB was not ready within 90 s, saying: recovering (log: kafka.log)"


@pytest.mark.parametrize(
    "error",
    [
        errors.BinaryMissing("MongoDB", remedy="install it"),
        errors.DownloadFailed("Kafka", reason="no network"),
        errors.PortTaken("Kafka", 9092),
        errors.DiskFull("Kafka", Path("home"), free_mib=3, needed_mib=1024),
        errors.HomeInUse(Path("home")),
        errors.NoAnswer("Kafka", "127.0.0.1:9092", setting="GRAFTWORK_KAFKA"),
        errors.KeyRefused("http://127.0.0.1/v1", given=False),
    ],
    ids=lambda error: error.code,
)
def test_every_message_is_one_line(error: LocalServerError) -> None:
    assert len(str(error).splitlines()) == 1


def test_a_missing_key_and_a_refused_one_read_differently() -> None:
    assert "is not set" in str(errors.KeyRefused("http://127.0.0.1/v1", given=False))
    assert "refuses the key" in str(errors.KeyRefused("http://127.0.0.1/v1", given=True))
