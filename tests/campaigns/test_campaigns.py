from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaigns import __main__ as runner
from tests.campaigns import corpus, disks, kills, malformed, names, people, secrets
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


def test_malformed_lines_and_files_are_told_and_cost_no_good_one() -> None:
    row = malformed.run(300, seed=2, progress=print)
    assert row == Row(tried=row.tried, survived=row.tried)
    assert row.tried >= 300
    kinds = (corpus.LINES, corpus.HEAVY, corpus.UNREADABLE, corpus.READABLE)
    assert sum(map(len, kinds)) >= 40


def test_no_secret_is_found_in_what_was_loaded_and_no_good_line_is_missing() -> None:
    row = secrets.run(2 * len(secrets.KINDS), seed=5, progress=print)
    assert row == Row(tried=2 * len(secrets.KINDS), survived=2 * len(secrets.KINDS))


def test_what_a_full_disk_stopped_is_made_up_for_by_the_next_run(
    tmp_path: Path,
) -> None:
    with disks.small_disk(tmp_path) as disk:
        if disk is None:
            pytest.skip("only root may mount a disk of a few megabytes, on Linux")
    assert disks.run(3, seed=1, progress=print) == Row(tried=3, survived=3)


def test_a_load_that_is_killed_leaves_nothing_half_and_nothing_double(
    tmp_path: Path,
) -> None:
    assert kills.loads(tmp_path, 3, seed=7) == Row(tried=3, survived=3)


def test_people_who_are_forgotten_are_gone_and_nobody_else_is() -> None:
    row = people.run(4, seed=7, progress=print)
    assert row == Row(tried=4, survived=4)
