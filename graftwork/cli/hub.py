"""A dataset's files into a repository of a Hugging Face hub."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field
from http import HTTPStatus
from pathlib import Path

import httpx2
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils.tqdm import disable_progress_bars

from graftwork import __version__
from graftwork.cli.errors import HubRefused
from graftwork.cli.errors import HubUnreachable

KIND = "dataset"
IGNORED = ["*.partial"]
HIDDEN = "***"


@dataclass(frozen=True)
class Place:
    """A repository. ``endpoint`` None: the hub that HF_ENDPOINT names, else the public one."""

    repo: str
    token: str = field(repr=False)
    endpoint: str | None = None
    private: bool = False


@dataclass(frozen=True)
class Pushed:
    """Where the files are now. ``warnings``: what the hub thinks of the card."""

    url: str
    commit: str
    warnings: tuple[str, ...] = ()


def push(directory: Path, place: Place) -> Pushed:
    """Upload every file of a dataset as one commit; the repository is made if it is not there.

    Raises:
        HubRefused: the token may not do that, the repository is public against ``private``, or a file is refused.
        HubUnreachable: no hub answers.
    """
    if not sys.stderr.isatty():
        disable_progress_bars()
    api = HfApi(place.endpoint, place.token, library_name="graftwork", library_version=__version__)
    with _in_our_words(place, api.endpoint), warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("ignore")  # deprecations are the library's business
        warnings.simplefilter("always", UserWarning)
        url = api.create_repo(place.repo, repo_type=KIND, private=place.private or None, exist_ok=True)
        if place.private and not api.dataset_info(place.repo).private:
            raise HubRefused(f"{place.repo} exists and is public: nothing was uploaded")
        commit = api.upload_folder(
            repo_id=place.repo, repo_type=KIND, folder_path=directory, ignore_patterns=IGNORED,
            commit_message=f"Dataset by Graftwork {__version__}",
        )  # fmt: skip
    return Pushed(str(url), commit.oid, tuple(_hidden(str(each.message), place) for each in told))


@contextmanager
def _in_our_words(place: Place, endpoint: str) -> Iterator[None]:
    try:
        yield
    except HfHubHTTPError as error:
        raise HubRefused(_refusal(error, place, endpoint)) from error
    except (httpx2.TransportError, httpx2.InvalidURL, ConnectionError) as error:
        raise HubUnreachable(f"no hub answers at {endpoint}: {_first_line(error, place)}") from error
    except (RuntimeError, ValueError) as error:  # an upload that failed, a card that is not valid
        reason = error.__cause__ if isinstance(error.__cause__, HfHubHTTPError) else error
        raise HubRefused(f"the hub at {endpoint} took not everything: {_first_line(reason, place)}") from error


def _refusal(error: HfHubHTTPError, place: Place, endpoint: str) -> str:
    status = error.response.status_code
    if status == HTTPStatus.UNAUTHORIZED:
        return f"the hub at {endpoint} does not accept the token in HF_TOKEN"
    if status == HTTPStatus.FORBIDDEN:
        return f"the token in HF_TOKEN may not write to {place.repo} at {endpoint}"
    return f"the hub at {endpoint} refused ({status}): {_first_line(error, place)}"


def _first_line(error: BaseException, place: Place) -> str:
    said = getattr(error, "server_message", None) or str(error)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return _hidden(lines[0], place) if lines else type(error).__name__


def _hidden(text: str, place: Place) -> str:
    return text.replace(place.token, HIDDEN)
