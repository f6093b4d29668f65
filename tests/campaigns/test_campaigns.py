from __future__ import annotations

import pytest

from tests.campaigns import __main__ as runner
from tests.campaigns import names, secrets
from tests.campaigns.row import Row, table


@pytest.mark.parametrize(
    ("row", "is_well"),
    [
        (Row(tried=2, survived=2), True),
        (Row(tried=2, survived=1), False),
        (Row(tried=2, survived=2, lost=1), False),
        (Row(tried=2, survived=2, doubled=1), False),
        (Row(tried=2, survived=2, leaked=1), False),
        (Row(tried=2, survived=2, problems=["a"]), False),
    ],
)
def test_a_campaign_is_well_if_nothing_at_all_was_broken(
    monkeypatch: pytest.MonkeyPatch, row: Row, is_well: bool
) -> None:
    monkeypatch.setattr(runner, "run_campaign", lambda *_: row)
    assert runner.main(["kills"]) == (not is_well)


def test_the_closing_table_has_a_row_for_each_campaign() -> None:
    rows = [("kills", Row(500, 500), 1234.5), ("names", Row(20, 19, lost=1), 0.1)]
    assert table(rows).splitlines() == [
        "| campaign | tried | survived | lost | doubled | leaked | seconds |",
        "| -------- | ----: | -------: | ---: | ------: | -----: | ------: |",
        "| kills    |   500 |      500 |    0 |       0 |      0 | 1,234.5 |",
        "| names    |    20 |       19 |    1 |       0 |      0 |     0.1 |",
    ]


def test_a_campaign_that_is_none_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        runner.main(["nothing"])
    assert "no campaign nothing" in capsys.readouterr().err


def test_names_open_no_way_out_and_take_no_other_files_place() -> None:
    row = names.run(90, seed=3, progress=print)
    assert row == Row(tried=90, survived=90)


def test_no_secret_is_found_in_what_was_loaded_and_no_good_line_is_missing() -> None:
    row = secrets.run(2 * len(secrets.KINDS), seed=5, progress=print)
    assert row == Row(tried=2 * len(secrets.KINDS), survived=2 * len(secrets.KINDS))
