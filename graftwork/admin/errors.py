"""Errors of the operator's commands; each message is one line that says what to do.

GraftworkError
  x AdminError                what an operator asked for is not done
    - ServerAway                Kafka, MongoDB or the blob store does not answer
    - SettingInvalid            an environment variable has a value that is none
    - NoSuchLetter              no dead letter topic, or no dead letter on it, of that name
    - NotReplayable             a dead letter is no longer what it was, and cannot be sent again
    - NoSuchRefusal             no event of that id was refused by Kafka
    - TopicsRefused             the broker makes or changes no topic as asked
    - BackupFailed              a backup could not be made, or not whole
    - BackupInvalid             a backup is not there, or not as its manifest says
    - NotEmpty                  what a backup would be restored over is not empty
    - StillRunning              services run that have to be stopped first
    - NothingKnown              none of the jobs in the blob store is known to the ledgers
"""

from graftwork.kit.errors import GraftworkError


class AdminError(GraftworkError):
    """What an operator asked for is not done."""

    code = "admin"


class ServerAway(AdminError):
    """Kafka, MongoDB or the blob store does not answer."""

    code = "server_away"

    def __init__(self, server: str, address: str, reason: object) -> None:
        said = (str(reason).splitlines() or [""])[0][:300]
        super().__init__(f"{server} at {address} cannot be used: {said or type(reason).__name__}")


class SettingInvalid(AdminError):
    """An environment variable has a value that is none."""

    code = "setting_invalid"


class NoSuchLetter(AdminError):
    """No dead letter topic, or no dead letter on it, of that name."""

    code = "no_such_letter"


class NotReplayable(AdminError):
    """A dead letter is no longer what it was, and cannot be sent again."""

    code = "not_replayable"


class NoSuchRefusal(AdminError):
    """No event of that id was refused by Kafka."""

    code = "no_such_refusal"


class NothingKnown(AdminError):
    """None of the jobs in the blob store is known to the ledgers: it is hardly theirs."""

    code = "nothing_known"


class TopicsRefused(AdminError):
    """The broker makes or changes no topic as asked."""

    code = "topics_refused"


class BackupFailed(AdminError):
    """A backup could not be made, or not whole."""

    code = "backup_failed"


class BackupInvalid(AdminError):
    """A backup is not there, or not as its manifest says."""

    code = "backup_invalid"


class NotEmpty(AdminError):
    """What a backup would be restored over is not empty."""

    code = "not_empty"


class StillRunning(AdminError):
    """Services run that have to be stopped first."""

    code = "still_running"
