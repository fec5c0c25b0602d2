from datetime import UTC
from datetime import datetime
from datetime import timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from graftwork_gateway.job_ids import new_job_id

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@given(st.integers(min_value=1, max_value=10**12), st.randoms(use_true_random=False))
def test_ids_sort_by_time(milliseconds: int, random: Random) -> None:
    earlier = new_job_id(NOON, random.randbytes)
    later = new_job_id(NOON + timedelta(milliseconds=milliseconds), random.randbytes)

    assert earlier < later


def test_ids_of_the_same_moment_differ() -> None:
    random = Random(7)  # noqa: S311 - a test
    ids = {new_job_id(NOON, random.randbytes) for _ in range(1000)}

    assert len(ids) == 1000


def test_ids_are_plain_in_paths_and_in_derived_ids() -> None:
    assert new_job_id(NOON, lambda count: b"\xff" * count) == "job-019b796dd600" + "f" * 20
