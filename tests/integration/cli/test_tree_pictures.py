from pathlib import Path

from graftwork.contracts.rest import TreeView
from tests.integration.cli.conftest import Command
from tests.support.canned_server import CannedServer
from tests.support.trees import searched


def test_a_tree_becomes_a_picture_and_a_page(graftwork: Command, server: CannedServer, tmp_path: Path) -> None:
    server["GET /v1/jobs/job-1/tree"] = searched(12)

    ended = graftwork("tree", "job-1", "--svg", "tree.svg", "--html", "out/tree.html")

    assert ended.stderr == ""
    assert ended.stdout.splitlines() == [str(tmp_path / "tree.svg"), str(tmp_path / "out/tree.html")]
    assert (tmp_path / "tree.svg").read_text().count("data-node=") == 12
    assert (tmp_path / "out/tree.html").read_text().startswith("<!doctype html>")


def test_a_program_gets_json_beside_the_picture(graftwork: Command, server: CannedServer, tmp_path: Path) -> None:
    server["GET /v1/jobs/job-1/tree"] = searched(3)

    ended = graftwork("tree", "job-1", "--html", "tree.html", "--json")

    assert TreeView.model_validate_json(ended.stdout) == searched(3)
    assert ended.stderr == f"{tmp_path / 'tree.html'}\n"


def test_a_place_that_cannot_be_written_is_one_line(graftwork: Command, server: CannedServer, tmp_path: Path) -> None:
    server["GET /v1/jobs/job-1/tree"] = searched(3)
    (tmp_path / "file").write_text("")

    ended = graftwork("tree", "job-1", "--svg", "file/tree.svg")

    assert ended.status == 1
    assert ended.stderr.startswith("graftwork: file: ")
