from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants.__main__ import report
from tests.mutants.campaign import Mutant, all_mutants, chosen, judge
from tests.mutants.changes import changes, marked, mutated, numbers, plain
from tests.mutants.survivors import Explanation, explanations, stale

MODEL = """\
with cases as (

    select * from {{ ref('cases') }}  -- and > or

)

select
    id,
    coalesce(cost, 0) as cost
from cases
where {{ is_open('day') }} and cost between 1 and 9
"""
UNIT_TEST = """
with rows as (
    {actual}
)
select *, 'actual' as actual_or_expected from rows
union all
select *, 'expected' as actual_or_expected from (values (2)) as expected (n)
"""
RULE = """\
select count(*) as n
from (values (1, 5), (2, 6), (3, 7)) as seen (id, score)
where score > 5 and id < 9
"""


def shown(source: str) -> list[str]:
    return [change.shown for change in changes(source)]


def test_changes_are_those_of_sql_and_leave_jinja_comments_and_between_alone() -> None:
    assert [(it.line, it.shown) for it in changes(MODEL)] == [
        (9, "0 -> 1"),
        (11, "{{ is_open('day') }} -> true"),
        (11, "and -> or"),
        (11, "and cost between 1 and 9 -> nothing"),
        (11, "1 -> 2"),
        (11, "9 -> 10"),
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a >= b", [">= -> >"]),
        ("a <= b", ["<= -> <"]),
        ("a != b", ["!= -> ="]),
        ("a is not null", ["not -> nothing"]),
        ("a is null", ["null -> not null"]),
        ("a is distinct from b", []),
        ("count(distinct a)", ["distinct -> nothing"]),
        ("select *, x.* from t", []),
        ("a * b", ["* -> /"]),
        ("min(a)", ["min -> max"]),
        ("min", []),
        ("x desc nulls last", ["desc -> asc", "last -> first"]),
        ("from a left join b", ["left -> inner"]),
        ("left(a, 2)", ["2 -> 3"]),
        ("cast(a as decimal(38, 12))", []),
        ("interval '7 day'", ["'7 day' -> '8 day'"]),
        ("'word'", ["'word' -> 'word_'"]),
        ("1e-9", ["1e-9 -> (1e-9 + 1)"]),
        ("case when a then 1 end", ["a -> true", "1 -> 2"]),
        ("where f(a, b) group by c", ["f(a, b) -> true"]),
    ],
)
def test_each_kind_of_slip(source: str, expected: list[str]) -> None:
    assert shown(source) == expected


def test_a_marked_file_says_what_it_said_and_can_be_changed_anywhere() -> None:
    numbered = list(enumerate(changes(MODEL), start=1))
    text = marked(MODEL, numbered)
    assert plain(text) == MODEL
    assert numbers(text) == {number for number, _ in numbered}
    for number, change in numbered:
        made = MODEL[: change.start] + f" {change.becomes} " + MODEL[change.end :]
        assert plain(mutated(text, number, change)) == made


def judged() -> dict[str, str]:
    """Every mutant of a rule, judged by one unit test."""
    numbered = list(enumerate(changes(RULE), start=1))
    mutants = [Mutant(number, "rule.sql", change, 0) for number, change in numbered]
    test = UNIT_TEST.format(actual=marked(RULE, numbered))
    return {one.mutant.change.shown: one.status for one in judge(mutants, {"t": test})}


def test_a_mutant_that_a_unit_test_sees_is_killed_and_another_survives() -> None:
    ends = judged()
    assert ends["> -> >="] == "killed"
    assert ends["score > 5 -> true"] == "killed"
    assert ends["< -> <="] == "survived"
    assert ends["and id < 9 -> nothing"] == "survived"


def test_a_mutant_that_no_test_reads_is_unseen_and_one_that_is_no_sql_is_invalid() -> (
    None
):
    (change,) = changes("a > 1")[:1]
    unseen = judge([Mutant(1, "rule.sql", change, 0)], {})
    assert [one.status for one in unseen] == ["unseen"]
    text = UNIT_TEST.format(actual=marked("select 2 as n order by '1' > 1", []))
    broken = text.replace("'1' > 1", "/*[1*/1/*1]*/")
    (number,) = changes("1")
    (verdict,) = judge([Mutant(1, "rule.sql", number, 0)], {"t": broken})
    assert verdict.status == "invalid"


def test_a_unit_test_that_fails_by_itself_is_an_error() -> None:
    wrong = UNIT_TEST.format(actual="select 3 as n")
    with pytest.raises(ValueError, match="without any change"):
        judge([], {"t": wrong})


def test_an_explanation_must_explain_a_survivor() -> None:
    numbered = list(enumerate(changes(RULE), start=1))
    mutants = [Mutant(number, "rule.sql", change, 0) for number, change in numbered]
    test = UNIT_TEST.format(actual=marked(RULE, numbered))
    verdicts = judge(mutants, {"t": test})
    alive = Explanation("rule.sql", "no id is so high", change="< -> <=")
    killed = Explanation("rule.sql", "wrong", change="> -> >=")
    gone = Explanation("rule.sql", "gone", line="where nothing")
    other = Explanation("other.sql", "not tried")
    assert stale([alive, killed, gone], verdicts) == [killed, gone]
    assert stale([alive, other], verdicts, only="rule.sql") == []
    assert any("survived: rule.sql:3: and id < 9" in line for line in report(verdicts))


def test_every_explanation_speaks_of_a_mutant_that_there_is() -> None:
    mutants = all_mutants()
    known = explanations()
    assert known
    assert [str(it) for it in known if not any(map(it.fits, mutants))] == []
    assert [str(it) for it in known if len(it.because) < 20] == []


def test_the_project_has_mutants_and_a_share_is_the_same_for_a_seed(
    tmp_path: Path,
) -> None:
    mutants = all_mutants()
    assert len(mutants) > 1000
    assert len({mutant.key for mutant in mutants}) == len(mutants)
    assert chosen(mutants, 0.01, seed=1) == chosen(mutants, 0.01, seed=1)
    assert chosen(mutants, 0.01, seed=1) != chosen(mutants, 0.01, seed=2)
    assert all_mutants(tmp_path) == []
