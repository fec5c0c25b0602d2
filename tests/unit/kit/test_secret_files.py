"""Secrets from files: as variables, which win; and what is wrong with a folder is told, never its content."""

import os
from pathlib import Path

import pytest
from pydantic import AliasChoices
from pydantic import Field
from pydantic import SecretStr
from pydantic_settings import SettingsError

from graftwork.kit.secret_files import read_secret_files
from graftwork.kit.settings import ServiceSettings
from graftwork.kit.settings import read_settings

SASL = {"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "KAFKA_USER": "graftwork"}
PASSWORD = "GRAFTWORK_KAFKA_PASSWORD"


class KeyedSettings(ServiceSettings):
    """With a setting that has two variables, as the solvers' key."""

    key: SecretStr | None = Field(default=None, validation_alias=AliasChoices("GRAFTWORK_OWN_KEY", "OTHERS_KEY"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    monkeypatch.setenv("GRAFTWORK_SECRETS_DIR", str(secrets))
    for name, value in SASL.items():
        monkeypatch.setenv(f"GRAFTWORK_{name}", value)
    return secrets


def password(settings: ServiceSettings) -> str | None:
    return settings.kafka_password.get_secret_value() if settings.kafka_password else None


def key(settings: KeyedSettings) -> str | None:
    return settings.key.get_secret_value() if settings.key else None


def ending(kind: type[ServiceSettings] = ServiceSettings) -> str:
    with pytest.raises(SystemExit) as ended:
        read_settings(kind)
    return str(ended.value)


def test_a_file_is_as_good_as_a_variable_and_its_last_newline_is_no_part_of_it(folder: Path) -> None:
    (folder / PASSWORD).write_text("from a file\n")

    assert password(ServiceSettings()) == "from a file"


def test_a_variable_that_is_set_wins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / PASSWORD).write_text("from a file")
    monkeypatch.setenv(PASSWORD, "from a variable")

    assert password(ServiceSettings()) == "from a variable"


def test_a_file_named_in_small_letters_is_the_same(folder: Path) -> None:
    (folder / PASSWORD.lower()).write_text("small")

    assert password(ServiceSettings()) == "small"


def test_kubernetes_mounts_links_into_a_hidden_folder(folder: Path) -> None:
    (folder / "..2026").mkdir()
    (folder / "..2026" / PASSWORD).write_text("linked")
    (folder / "..data").symlink_to("..2026")
    (folder / PASSWORD).symlink_to(f"..data/{PASSWORD}")

    assert password(ServiceSettings()) == "linked"


def test_of_a_setting_with_two_variables_any_may_be_a_file(folder: Path) -> None:
    (folder / PASSWORD).write_text("p")
    (folder / "OTHERS_KEY").write_text("k")

    assert key(KeyedSettings()) == "k"


def test_one_variable_wins_over_the_file_of_the_other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / PASSWORD).write_text("p")
    (folder / "GRAFTWORK_OWN_KEY").write_text("from a file")
    monkeypatch.setenv("OTHERS_KEY", "from a variable")

    assert key(KeyedSettings()) == "from a variable"


def test_files_of_other_services_are_no_mistake(folder: Path) -> None:
    (folder / PASSWORD).write_text("p")
    (folder / "GRAFTWORK_SECRET_OF_ANOTHER").write_text("x")

    assert password(ServiceSettings()) == "p"


def test_a_folder_that_is_not_there_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFTWORK_SECRETS_DIR", "/nowhere")

    assert ending() == ("GRAFTWORK_SECRETS_DIR: /nowhere is no folder that can be read: No such file or directory")


def test_a_file_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret"
    path.write_text("hunter2")
    monkeypatch.setenv("GRAFTWORK_SECRETS_DIR", str(path))

    assert ending() == f"GRAFTWORK_SECRETS_DIR: {path} is no folder that can be read: Not a directory"


def test_what_is_no_text_is_told_without_its_bytes(folder: Path) -> None:
    (folder / PASSWORD).write_bytes(b"hunter2\xff")

    told = ending()
    assert "GRAFTWORK_SECRETS_DIR: the file for kafka_password cannot be used: it is not UTF-8" in told
    assert "hunter2" not in told


def test_a_folder_in_place_of_a_file_is_told(folder: Path) -> None:
    (folder / PASSWORD).mkdir()

    assert "the file for kafka_password cannot be used: " in ending()


def test_a_link_out_of_the_folder_is_told_and_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("hunter2")
    (folder / PASSWORD).symlink_to(tmp_path / "outside")

    told = ending()
    assert "resolves outside of" in told
    assert "hunter2" not in told


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_that_may_not_be_read_is_told(folder: Path) -> None:
    (folder / PASSWORD).write_text("p")
    (folder / PASSWORD).chmod(0)

    assert "the file for kafka_password cannot be used: Permission denied" in ending()


def test_files_of_a_library_are_found_by_the_beginning_of_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    monkeypatch.setenv("AWS_REGION", "here")
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_REGION", "OPENAI_API_KEY"):
        (tmp_path / name).write_text(f"{name}\n")

    assert read_secret_files(tmp_path, "AWS_") == {"AWS_SECRET_ACCESS_KEY": "AWS_SECRET_ACCESS_KEY"}
    assert read_secret_files(None, "AWS_") == {}


def test_a_file_of_a_library_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "AWS_SECRET_ACCESS_KEY").write_bytes(b"\xff")

    with pytest.raises(SettingsError, match=r"AWS_SECRET_ACCESS_KEY cannot be used: it is not UTF-8"):
        read_secret_files(tmp_path, "AWS_")
