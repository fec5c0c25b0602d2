"""A dataset goes to a hub: the real client library, a stand-in of the hub's API on a real port."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from graftwork import __version__
from graftwork.contracts.records import OutputSpec
from graftwork.local.ports import free_ports
from tests.support.command import Ended
from tests.support.command import graftwork
from tests.support.hub import COMMIT
from tests.support.hub import READ_ONLY
from tests.support.hub import TOKEN
from tests.support.hub import Hub
from tests.support.hub import Repo
from tests.support.hub import hub_server
from tests.support.published import published

WITHOUT_HUB = """
import sys
sys.modules["huggingface_hub"] = None  # as if it were not installed
from graftwork.cli.main import main
main()
"""


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    async with hub_server() as server:
        yield server


@pytest.fixture
def lessons(tmp_path: Path) -> Path:
    rows = [{"prompt": f"{n}?", "completion": f"{n}!"} for n in range(300)]
    return published(tmp_path / "lessons", OutputSpec(), rows, rows_per_shard=200)


async def push(lessons: Path, hub_url: str, *options: str, token: str = TOKEN) -> Ended:
    # Large files travel by LFS here: Xet, the library's newer way, speaks to servers of its own.
    given = {
        "HF_TOKEN": token,
        "HF_ENDPOINT": hub_url,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HOME": str(lessons.parent / "hf"),
    }
    return await graftwork(
        lessons.parent / "home", "datasets", "push", str(lessons), "--repo", "ada/lessons", *options, **given
    )


def files_of(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


async def test_every_file_arrives_as_it_was(hub: Hub, lessons: Path) -> None:
    (lessons / "data/train-9.parquet.partial").write_bytes(b"half a file")

    ended = await push(lessons, hub.url)

    assert ended == Ended(0, f"{hub.url}/datasets/ada/lessons\n", "")
    arrived = hub.repos["ada/lessons"]
    (lessons / "data/train-9.parquet.partial").unlink()
    assert arrived.files == files_of(lessons)
    assert arrived.summaries == [f"Dataset by Graftwork {__version__}"]
    assert set(hub.large.values()) == {data for path, data in arrived.files.items() if path.endswith(".parquet")}


async def test_a_second_push_replaces_the_files_of_the_first(hub: Hub, lessons: Path) -> None:
    hub.repos["ada/lessons"] = Repo(private=False, files={"README.md": b"# Old\n"})

    ended = await push(lessons, hub.url, "--json")

    told = {"repo": "ada/lessons", "url": f"{hub.url}/datasets/ada/lessons", "commit": COMMIT}
    assert json.loads(ended.stdout) == told
    assert hub.repos["ada/lessons"].files == files_of(lessons)


async def test_a_private_repository_is_made_private(hub: Hub, lessons: Path) -> None:
    assert (await push(lessons, hub.url, "--private")).status == 0
    assert hub.repos["ada/lessons"].private


async def test_nothing_meant_to_be_private_goes_where_others_read(hub: Hub, lessons: Path) -> None:
    hub.repos["ada/lessons"] = Repo(private=False)

    ended = await push(lessons, hub.url, "--private")

    assert ended == Ended(1, "", "graftwork: ada/lessons exists and is public: nothing was uploaded\n")
    assert hub.repos["ada/lessons"].files == {}


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("hf_wrong-token", "the hub at {url} does not accept the token in HF_TOKEN"),
        (READ_ONLY, "the token in HF_TOKEN may not write to ada/lessons at {url}"),
    ],
)
async def test_a_refused_token_is_one_line_that_does_not_show_it(
    hub: Hub, lessons: Path, token: str, said: str
) -> None:
    ended = await push(lessons, hub.url, token=token)

    assert ended == Ended(1, "", f"graftwork: {said.format(url=hub.url)}\n")


async def test_a_file_that_is_refused_is_one_line(hub: Hub, lessons: Path) -> None:
    hub.broken = True

    ended = await push(lessons, hub.url)

    assert ended == Ended(1, "", f"graftwork: the hub at {hub.url} took not everything: the store is full\n")


async def test_what_the_hub_thinks_of_the_card_is_told(hub: Hub, lessons: Path) -> None:
    (lessons / "README.md").write_text("# Lessons\n")

    ended = await push(lessons, hub.url)

    assert ended.status == 0
    assert "the card names no license" in ended.stderr


async def test_no_hub_is_one_line(lessons: Path) -> None:
    nobody = f"http://127.0.0.1:{free_ports(1)[0]}"

    ended = await push(lessons, nobody)

    assert ended.status == 3
    assert ended.stderr.startswith(f"graftwork: no hub answers at {nobody}: ")
    assert ended.stderr.count("\n") == 1


async def test_no_token_no_upload(hub: Hub, lessons: Path) -> None:
    ended = await push(lessons, hub.url, token="")

    assert ended == Ended(2, "", "graftwork: the hub needs a token that may write: set HF_TOKEN\n")


async def test_only_datasets_leave_this_machine(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("Dear diary")

    ended = await push(tmp_path, hub.url)

    assert ended.status == 2
    assert "holds no dataset" in ended.stderr
    assert hub.repos == {}


def test_without_the_library_it_says_what_to_install(lessons: Path) -> None:
    ended = subprocess.run(  # noqa: S603 (our own words)
        [sys.executable, "-c", WITHOUT_HUB, "datasets", "push", str(lessons), "--repo", "ada/lessons"],
        env={"HF_TOKEN": TOKEN}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ended.stderr == "graftwork: this needs the package huggingface_hub: pip install 'graftwork[hub]'\n"
    assert ended.returncode == 1
