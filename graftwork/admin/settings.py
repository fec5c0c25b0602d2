"""Settings of the operator's commands: those that every service has, from the same variables."""

from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError

from graftwork.admin.errors import SettingInvalid
from graftwork.kit.settings import ServiceSettings


def read_settings(**given: Any) -> ServiceSettings:
    """Read ``GRAFTWORK_*``; what is given wins. Raises ``SettingInvalid``."""
    try:
        return ServiceSettings(**given)
    except ValidationError as error:
        mistake = error.errors(include_input=False, include_url=False)[0]
        variable = "_".join(["GRAFTWORK", *(str(part).upper() for part in mistake["loc"])])
        told = mistake["msg"].removeprefix("Value error, ")
        raise SettingInvalid(f"{variable}: {told}" if mistake["loc"] else told) from error
    except SettingsError as error:
        raise SettingInvalid(str(error)) from error
