import pytest

from graftwork_solvers.__main__ import main

KEY = "sk-never-to-be-seen-0123456789"


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("GRAFTWORK_MODELS", "gpt-5", "models: "),
        ("GRAFTWORK_SOLVERS_POOLS", "{", "solvers_pools"),
        ("GRAFTWORK_SOLVERS_CONCURRENCY", "0", "solvers_concurrency: "),
        ("OPENAI_BASE_URL", f"http://user:{KEY}@host/v1", "OPENAI_API_KEY"),
    ],
)
def test_a_mistaken_setting_is_told_plainly_and_without_the_key(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, complaint: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv(variable, value)

    with pytest.raises(SystemExit) as ended:
        main()

    assert complaint in str(ended.value)
    assert KEY not in str(ended.value)
