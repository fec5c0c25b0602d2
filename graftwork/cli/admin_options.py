"""Options of the commands that work on Kafka and MongoDB themselves."""

from collections.abc import Callable
from typing import Any
from typing import TypeVar

import click

from graftwork.admin.settings import read_settings
from graftwork.kit.settings import ServiceSettings

F = TypeVar("F", bound=Callable[..., Any])


def platform_options(command: F) -> F:
    """Add ``--mongo`` and ``--namespace``."""
    mongo = click.option("--mongo", metavar="URL", help="Of the replica set (GRAFTWORK_MONGO).")
    namespace = click.option("--namespace", help="Prefix of topics and databases (GRAFTWORK_NAMESPACE; graftwork).")
    return mongo(namespace(command))


def settings_of(mongo: str | None = None, namespace: str | None = None) -> ServiceSettings:
    """Settings of the environment; what is given wins. Raises ``SettingInvalid``."""
    named = {"mongo": mongo, "namespace": namespace}
    return read_settings(**{name: value for name, value in named.items() if value is not None})
