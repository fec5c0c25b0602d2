"""How far a group is behind, told by offsets that were looked at again and again."""

from graftwork.kit.lag import Stand
from graftwork.kit.lag import Waits


def ages(*looks: tuple[float, Stand]) -> list[float]:
    waits: Waits[str] = Waits()
    return [waits.observe({"p": stand}, at)["p"] for at, stand in looks]


def test_what_was_never_committed_is_all_behind() -> None:
    assert Stand(begin=3, end=10).lag == 7


def test_what_retention_has_deleted_is_waited_for_no_more() -> None:
    assert Stand(begin=8, end=10, committed=2).lag == 2


def test_a_group_that_is_at_the_end_is_not_behind() -> None:
    assert Stand(begin=0, end=10, committed=10).lag == 0
    assert ages((0, Stand(0, 10, 10)), (60, Stand(0, 10, 10))) == [0, 0]


def test_a_record_that_nobody_admits_gets_older_though_nothing_moves() -> None:
    stuck = Stand(begin=0, end=11, committed=10)

    assert ages((0, Stand(0, 10, 10)), (10, stuck), (20, stuck), (70, stuck)) == [0, 0, 10, 60]


def test_the_age_is_that_of_the_oldest_record_however_many_follow() -> None:
    looks = [(float(at), Stand(0, 10 + at, 10)) for at in range(0, 1000, 10)]

    assert ages(*looks)[-1] == 980


def test_a_group_that_goes_on_slowly_is_as_late_as_the_record_it_has_come_to() -> None:
    arriving = [(0.0, Stand(0, 5, 0)), (10.0, Stand(0, 8, 0)), (20.0, Stand(0, 9, 0))]

    assert ages(*arriving, (30, Stand(0, 9, 5))) == [0, 10, 20, 20]
    assert ages(*arriving, (30, Stand(0, 9, 8))) == [0, 10, 20, 10]
    assert ages(*arriving, (30, Stand(0, 9, 9))) == [0, 10, 20, 0]


def test_a_group_that_stands_for_a_day_costs_no_more_memory_than_one_that_stands_for_an_hour() -> None:
    waits: Waits[str] = Waits()
    for look in range(10_000):
        age = waits.observe({"p": Stand(0, look + 1, 0)}, 10.0 * look)["p"]

    assert age == 10.0 * 9_999
    assert len(waits._ends["p"]) <= 256


def test_a_topic_that_was_made_anew_begins_anew() -> None:
    assert ages((0, Stand(0, 100, 50)), (60, Stand(0, 0, None)), (70, Stand(0, 1, None))) == [0, 0, 0]
