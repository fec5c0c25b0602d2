"""Errors of the servers on this machine; each message is one line that tells the reader what to do.

PermanentError
  x LocalServerError          a server of this machine cannot be had; nothing retries it, a person does
    - BinaryMissing             the program, or the package that carries it, is not installed
    - DownloadFailed            what has to be fetched once could not be fetched
    - PortTaken                 another program listens on the port we were told to use
    - DiskFull                  too little room left to start a server
    - HomeInUse                 another Graftwork runs on the same data directory
    - ServerDied                the process ended by itself (``log_tail`` has its last lines)
    - NotReadyInTime            the process runs, but did not become usable in time
    - NoAnswer                  the address we were given is not answered
    - KeyRefused                the model endpoint wants another key
    - NoModelApi                something answers at the model endpoint's address, but no model API
    - ServicesMissing           services of Graftwork are not installed
    - SettingInvalid            an environment variable has a value that is none
    - ServiceGaveUp             a service of Graftwork ended again and again
"""

from collections.abc import Sequence
from pathlib import Path

from graftwork.kit.errors import PermanentError
from graftwork.kit.last_words import last_words


class LocalServerError(PermanentError):
    """A server of this machine cannot be had."""

    code = "local_server"


class BinaryMissing(LocalServerError):
    """The program, or the package that carries it, is not installed."""

    code = "binary_missing"

    def __init__(self, server: str, *, remedy: str) -> None:
        super().__init__(f"{server} is not installed: {remedy}")


class DownloadFailed(LocalServerError):
    """What has to be fetched once could not be fetched."""

    code = "download_failed"

    def __init__(self, what: str, *, reason: str) -> None:
        super().__init__(f"Could not download {what} (needed once): {reason}")


class PortTaken(LocalServerError):
    """Another program listens on the port we were told to use."""

    code = "port_taken"

    def __init__(self, server: str, port: int) -> None:
        super().__init__(f"Port {port} for {server} is taken by another program: stop it, or choose another port")
        self.port = port


class DiskFull(LocalServerError):
    """Too little room left to start a server."""

    code = "disk_full"

    def __init__(self, server: str, directory: Path, *, free_mib: int, needed_mib: int) -> None:
        super().__init__(
            f"Disk full: {server} needs {needed_mib} MiB in {directory}, {free_mib} MiB are free "
            "(GRAFTWORK_MIN_FREE_DISK_MIB sets the limit)"
        )


class HomeInUse(LocalServerError):
    """Another Graftwork runs on the same data directory."""

    code = "home_in_use"

    def __init__(self, home: Path) -> None:
        super().__init__(f"Another Graftwork already runs on {home}: stop it, or choose another data directory")


class ServerDied(LocalServerError):
    """The process ended by itself.

    Attributes:
        log_tail: the last lines of its log, oldest first.
        returncode: its exit status; negative for a signal.
    """

    code = "server_died"

    def __init__(self, server: str, *, returncode: int, log_tail: tuple[str, ...], log_path: Path) -> None:
        super().__init__(f"{server} {_ended(returncode)}{_saying(log_tail)} (log: {log_path})")
        self.returncode = returncode
        self.log_tail = log_tail


class NotReadyInTime(LocalServerError):
    """The process runs, but did not become usable in time."""

    code = "not_ready_in_time"

    def __init__(self, server: str, *, seconds: float, log_tail: tuple[str, ...], log_path: Path) -> None:
        super().__init__(f"{server} was not ready within {seconds:g} s{_saying(log_tail)} (log: {log_path})")
        self.log_tail = log_tail


class NoAnswer(LocalServerError):
    """The address we were given is not answered."""

    code = "no_answer"

    def __init__(self, server: str, address: str, *, setting: str) -> None:
        super().__init__(f"{server} does not answer at {address}: start it there, or correct or unset {setting}")


class KeyRefused(LocalServerError):
    """The model endpoint wants another key."""

    code = "key_refused"

    def __init__(self, address: str, *, given: bool) -> None:
        trouble = "refuses the key in OPENAI_API_KEY" if given else "wants a key, and OPENAI_API_KEY is not set"
        super().__init__(f"The model endpoint at {address} {trouble}")


class NoModelApi(LocalServerError):
    """Something answers at the model endpoint's address, but not as an OpenAI-compatible API does."""

    code = "no_model_api"

    def __init__(self, address: str) -> None:
        super().__init__(
            f"Nothing OpenAI-compatible is at {address}: {address.rstrip('/')}/chat/completions says 404 "
            "(OPENAI_BASE_URL mostly ends in /v1)"
        )


class ServicesMissing(LocalServerError):
    """Services of Graftwork are not installed."""

    code = "services_missing"

    def __init__(self, names: Sequence[str]) -> None:
        folders = " ".join(f"-e services/{name}" for name in names)
        super().__init__(
            f"Not installed: {', '.join(names)}. In a checkout: make install, or pip install {folders}; "
            "or name a server that runs already: --url"
        )


class SettingInvalid(LocalServerError):
    """An environment variable has a value that is none."""

    code = "setting_invalid"

    def __init__(self, variable: str, reason: str) -> None:
        super().__init__(f"{variable}: {reason}")


class ServiceGaveUp(LocalServerError):
    """A service of Graftwork ended again and again."""

    code = "service_gave_up"

    def __init__(self, name: str, deaths: int, last: LocalServerError, *, log_tail: tuple[str, ...]) -> None:
        lines = "".join(f"\n    {line}" for line in log_tail)
        super().__init__(f"{name} ended {deaths} times in a row. {last}{lines}")


def _ended(returncode: int) -> str:
    return f"was killed by signal {-returncode}" if returncode < 0 else f"ended with status {returncode}"


def _saying(log_tail: tuple[str, ...]) -> str:
    said = last_words(log_tail)
    return f", saying: {said}" if said else ""
