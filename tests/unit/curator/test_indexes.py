from graftwork_curator.dedup import SeenRows
from graftwork_curator.indexes import Index
from graftwork_curator.indexes import Indexes


def test_a_kept_index_is_handed_out_once() -> None:
    indexes = Indexes(2)
    kept = Index(SeenRows(0.85), rounds=3)
    indexes.keep("job-1", kept)
    assert kept is indexes.take("job-1", 0.85)
    assert indexes.take("job-1", 0.85).rounds == 0


def test_the_job_seen_longest_ago_makes_room() -> None:
    indexes = Indexes(2)
    for job, rounds in [("a", 1), ("b", 1), ("a", 2), ("c", 1)]:
        indexes.keep(job, Index(SeenRows(0.85), rounds))
    assert {job: indexes.take(job, 0.85).rounds for job in "abc"} == {"a": 2, "b": 0, "c": 1}


def test_without_capacity_nothing_is_kept() -> None:
    indexes = Indexes(0)
    indexes.keep("a", Index(SeenRows(0.85), rounds=1))
    assert indexes.take("a", 0.85).rounds == 0


def test_a_new_index_has_the_similarity_asked_for() -> None:
    assert Indexes(1).take("a", 0.5).seen.similarity == 0.5
