"""Prompts: what can be said in them, and what a hostile one costs."""

import pytest

from graftwork.contracts.dialect import DIALECT
from graftwork.contracts.dialect import PROMPT_FILTERS
from graftwork.models.errors import TemplateRefused
from graftwork.models.templates import Template


def rendered(source: str, max_chars: int = 10_000, **variables: object) -> str:
    return Template("draft", source).render(variables, max_chars=max_chars)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Explain {{ topic }}.", "Explain a half."),
        ("{{ facts.first }} {{ facts['n'] }} {{ points[1] }} {{ points[-1] }}", "one 2 b b"),
        ("{{ points }} {{ facts }}", '["a", "b"] {"first": "one", "n": 2}'),
        ("{% for p in points %}{{ loop.index }}. {{ p }}{% if not loop.last %}, {% endif %}{% endfor %}", "1. a, 2. b"),
        ("{% for key, value in facts.items() %}{{ key }}={{ value }};{% endfor %}", "first=one;n=2;"),
        ("{% for key, value in facts | items %}{{ key }}{% endfor %}", "firstn"),
        ("{% for p in empty %}{{ p }}{% else %}none{% endfor %}", "none"),
        ("{% if draft is defined %}{{ draft }}{% elif n > 1 and 'a' in points %}yes{% else %}no{% endif %}", "yes"),
        ("{{ draft | default('new') }} {{ '' | default('unset', true) }}", "new unset"),
        ("{{ points | join(' + ') | upper }} {{ points | length }} {{ ' x ' | trim }}", "A + B 2 x"),
        ("{{ topic | tojson }} {{ points | first }} {{ points | last | title }}", '"a half" a B'),
        ("{{ 'many' if n >= 2 else 'few' }} {{ topic ~ '!' }} {{ n != 2 or nothing is none }}", "many a half! True"),
        ("{% raw %}{{ topic }}{% endraw %}{# not shown #}", "{{ topic }}"),
        ("{% if true %}\nline\n{% endif %}\nend", "line\nend"),
    ],
)
def test_says_what_jinja_says(source: str, expected: str) -> None:
    facts = {"first": "one", "n": 2}
    actual = rendered(source, topic="a half", facts=facts, points=["a", "b"], n=2, empty=[], nothing=None)
    assert expected == actual


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("{{ nope }}", "uses 'nope', which was not given (given: facts, topic)"),
        ("{{ facts.nope }}", "uses the key 'nope'"),
        ("{{ topic[9] }}", "uses item 9 of 1"),
        ("{{ topic.__class__ }}", "uses '__class__' of something that has none"),
        ("{{ topic < facts }}", "'<' not supported"),
        ("{% for x in missing %}{% endfor %}", "uses 'missing'"),
        ("{% for a, b in topic %}{% endfor %}", "for over 2 names meets an item of 1 values"),
    ],
)
def test_says_what_does_not_fit_the_variables(source: str, problem: str) -> None:
    with pytest.raises(TemplateRefused) as refusal:
        rendered(source, topic="x", facts={"a": 1})
    assert problem in str(refusal.value)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("line\n{{ topic ", "line 2: unexpected end of template"),
        ("{{ topic | replace('a', 'b') }}", "line 1: no filter 'replace'"),
        ("{{ topic is odd }}", "line 1: no test 'odd'"),
        ("{{ topic.upper() }}", "line 1: calls are not supported"),
        ("{{ range(10) }}", "line 1: calls are not supported"),
        ("{{ 'a' * 10 }}", "line 1: mul is not supported"),
        ("{{ 9 ** 9 ** 9 ** 9 }}", "line 1: pow is not supported"),
        ("{% set x = 1 %}", "line 1: assign is not supported"),
        ("{% include 'other' %}", "line 1: include is not supported"),
        ("{% import 'os' as os %}", "line 1: import is not supported"),
        ("{% for x in y if x %}{% endfor %}", "line 1: for with a condition"),
        ("{{ points | join(d=', ') }}", "line 1: named arguments"),
        ("{{ " + "(" * 5_000 + ")" * 5_000 + " }}", "nested too deeply"),
        ("{{ " + "-" * 5_000 + "1 }}", "nested too deeply"),
        ("{{ " + "9" * 10_000 + " }}", "digits"),
        ("{% wat %}", "line 1: Encountered unknown tag 'wat'"),
    ],
)
def test_is_refused_before_any_seed_pays_for_it(source: str, problem: str) -> None:
    with pytest.raises(TemplateRefused) as refusal:
        Template("draft", source)
    assert problem in str(refusal.value)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("{{ big }}{{ big }}", "renders to more than 10,000 characters"),
        ("{{ big ~ big ~ big }}", "renders to more than 10,000 characters"),
        ("{{ many | join(big) }}", "renders to more than 10,000 characters"),
        ("{% for a in many %}{% for b in many %}{% for c in many %}{% endfor %}{% endfor %}{% endfor %}", "steps"),
        ("{% for a in many %}{% if big | upper == big %}{% endif %}" * 40 + "{% endfor %}" * 40, "steps"),
    ],
)
def test_spends_no_more_than_its_budget(source: str, problem: str) -> None:
    with pytest.raises(TemplateRefused) as refusal:
        rendered(source, big="x" * 9_000, many=list(range(200)))
    assert problem in str(refusal.value)


def test_all_that_is_foreign_is_told_at_once_with_its_line() -> None:
    with pytest.raises(TemplateRefused) as refusal:
        Template("draft", "{% set a = b %}\n{{ topic | wordcount }} {{ topic | sort(reverse=true) | list }}")
    assert str(refusal.value) == (
        "prompt 'draft', line 1: assign is not supported in prompts; do it in the code, "
        "line 2: no filter 'wordcount' in prompts; do it in the code, "
        "line 2: no filter 'list' in prompts; do it in the code, "
        "line 2: no filter 'sort' in prompts; do it in the code"
    )


@pytest.mark.parametrize("name", PROMPT_FILTERS)
def test_every_filter_that_authors_are_told_of_works(name: str) -> None:
    assert name in DIALECT
    assert rendered(f"{{{{ value | {name} }}}}", value={"a": 1} if name == "items" else ["a"])


@pytest.mark.parametrize(
    ("source", "needs", "may_need"),
    [
        ("plain {# {{ topic }} #}", "", ""),
        ("{{ topic }} {{ fact.key[place] | join(comma) }}", "topic fact place comma", ""),
        ("{% if long %}{{ a }}{% elif short %}{{ b }}{% else %}{{ c }}{% endif %}", "long", "a short b c"),
        ("{% if long %}{{ topic }}{% endif %}{{ topic }}", "long topic", ""),
        ("{{ a if asked else b }} {{ c and d }} {{ e or f }} {{ 1 < g < h }}", "asked c e g", "a b d f h"),
        ("{% for x, y in pairs %}{{ x }}{{ y }}{{ z }}{{ loop.index }}{% else %}{{ none_there }}{% endfor %}", "pairs",
         "z none_there"),
        ("{% for x in xs %}{% endfor %}{{ x }}", "xs x", ""),
        ("{% if tone is defined %}{{ tone }}{% endif %}{{ mood | default(calm) }}", "calm", ""),
        ("{{ tone | default('calm') }} {{ tone }}", "tone", ""),
        ("{% if tone is none %}{{ calm }}{% endif %}{{ facts.first | default('') }}", "facts", "calm"),
    ],
)  # fmt: skip
def test_tells_what_it_reads_always_and_sometimes(source: str, needs: str, may_need: str) -> None:
    template = Template("draft", source)
    assert (frozenset(needs.split()), frozenset(may_need.split())) == (template.needs, template.may_need)


@pytest.mark.parametrize(
    "source",
    [
        "{{ topic }}",
        "{% if true %}{{ topic }}{% else %}{{ other }}{% endif %}",
        "{% for x in [1] %}{{ topic ~ x }}{% endfor %}",
        "{{ other | default(topic) }}",
        "{% if other is none %}no{% endif %}{{ topic or other }}",
    ],
)
def test_what_it_says_to_need_is_what_rendering_needs(source: str) -> None:
    template = Template("draft", source)
    given = dict.fromkeys(template.needs | template.may_need, "x") | {"topic": "t"}
    given.pop("other", None)
    assert template.render(given, max_chars=100)
    for name in template.needs:
        with pytest.raises(TemplateRefused, match=f"uses '{name}'"):
            template.render({key: value for key, value in given.items() if key != name}, max_chars=100)
