"""Secrets from files: a folder with one file per variable, named like it, as Compose and Kubernetes mount them."""

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import AliasChoices
from pydantic.fields import FieldInfo
from pydantic_settings import SecretsSettingsSource
from pydantic_settings import SettingsError
from typing_extensions import override

_VARIABLE = "GRAFTWORK_SECRETS_DIR"


class SecretFiles(SecretsSettingsSource):
    """The folder that ``secrets_dir`` names, as the sources before this one tell.

    White space around a secret is dropped; a newline at the end is none of it. What the library warns of, and what it
    would pass on as it is, ends in a ``SettingsError`` that names the file and never its content.
    """

    @override
    def __call__(self) -> dict[str, Any]:
        folder = self.current_state.get("secrets_dir")
        if not folder:
            return {}
        self.secrets_dir = Path(folder)
        _require_folder(self.secrets_dir)
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            return self._without_what_is_set(super().__call__())

    @override
    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        try:
            return super().get_field_value(field, field_name)
        except (OSError, UnicodeDecodeError, UserWarning) as error:
            raise SettingsError(f"{_VARIABLE}: the file for {field_name} cannot be used: {_reason(error)}") from None

    def _without_what_is_set(self, found: dict[str, Any]) -> dict[str, Any]:
        """A field of several variables may be set by one and have a file for another."""
        of_fields = [set(_names(name, field)) for name, field in self.settings_cls.model_fields.items()]
        taken = {name for names in of_fields if names & self.current_state.keys() for name in names}
        return {name: value for name, value in found.items() if name not in taken}


def read_secret_files(folder: Path | None, prefix: str) -> dict[str, str]:
    """Variable -> content, of the files whose names begin with ``prefix``; variables that are set are left out.

    For libraries that read the environment on their own. Raises ``SettingsError``.
    """
    if folder is None:
        return {}
    _require_folder(folder)
    names = sorted(path.name for path in folder.iterdir() if path.name.startswith(prefix) and path.is_file())
    return {name: _read(folder / name) for name in names if name not in os.environ}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{_VARIABLE}: {path} cannot be used: {_reason(error)}") from None


def _require_folder(folder: Path) -> None:
    try:
        next(folder.iterdir(), None)
    except OSError as error:
        raise SettingsError(f"{_VARIABLE}: {folder} is no folder that can be read: {error.strerror}") from None


def _names(name: str, field: FieldInfo) -> Iterator[str]:
    yield name
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        yield from map(str, alias.choices)
    elif isinstance(alias, str):
        yield alias


def _reason(error: Exception) -> str:
    """Without the content: that of a ``UnicodeDecodeError`` holds bytes of it."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    return (error.strerror or "") if isinstance(error, OSError) else str(error)
