"""The boards of a simulated month, seen in a browser and held against plain SQL."""

from __future__ import annotations

import math
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from dashboards import boards, filters, formats, pages, server
from dashboards.asking import asking
from dashboards.filters import Filters
from orchestration import project
from orchestration.project import ProjectError
from orchestration.report import amount
from tests.dashboards import browser as browsers
from tests.dashboards import screenshots
from tests.dashboards.browser import Browser
from tests.dashboards.support import (
    changed,
    column,
    emptied,
    get,
    layout,
    publish_month,
    rows,
    serving,
    tables,
    wait_for,
)
from tests.simulator.comparing import Month

WIDTHS = (1280, 1920)
HOSTILE = "<script>alert(1)</script><img src=x>"
HELD = "20260531T060000.000000Z-abcdef"
DRAWN = [name for name in boards.boards() if name != boards.CASES]
ALL_DAYS = Filters(period="all")


@pytest.fixture(scope="module")
def published(
    month: Month, warehouse: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("boards") / "published"
    return publish_month(warehouse, folder, month.manifest["as_of"])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if browsers.program() is None:
        pytest.skip("no chromium to look at the boards with: apt install chromium")
    with browsers.running() as running:
        yield running


@pytest.fixture(scope="module")
def address(published: Path) -> Iterator[str]:
    with serving(published) as served:
        yield served


@pytest.fixture(scope="module")
def choices(published: Path) -> dict[str, str]:
    """For each filter but the period, the choice with the most cases."""
    return {
        name: rows(
            published,
            f"select {name} as choice from marts.kpi_daily "
            f"where {name} != 'unknown' and kpi = 'containment_rate' "
            "group by all order by sum(denominator) desc, choice limit 1",
        )[0]["choice"]
        for name in filters.CHOICES
    }


def close(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)


# --- in a browser ---


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", list(boards.boards()))
def test_a_board_is_drawn_whole_says_what_it_shows_and_asks_for_nothing_elsewhere(
    browser: Browser, address: str, published: Path, name: str, width: int
) -> None:
    seen = browser.visit(f"{address}/{name}?period=all", width)
    assert seen.complaints == []
    # the browser's own icons of date fields come as data
    mine = (address, "data:")
    assert [each for each in seen.requests if not each.startswith(mine)] == []
    assert layout(browser) == []
    said = browser.evaluate("document.body.innerText")
    (stamp,) = rows(published, "from marts.publications")
    for wanted in (
        stamp["publication_id"],
        f"{stamp['as_of']:%Y-%m-%d %H:%M} UTC",
        f"{stamp['newest_event_at']:%Y-%m-%d %H:%M} UTC",
        stamp["git_revision"][:12],
        "Made-up sample",
    ):
        assert wanted in said, wanted


def test_the_pictures_of_the_readme_can_be_taken(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    taken = screenshots.take(browser, address, tmp_path)
    assert [path.name for path in taken] == ["overview.png", "resolution.png"]
    for path in taken:
        # a picture of nothing compresses to less
        assert path.stat().st_size > 50_000
        assert (screenshots.IMAGES / path.name).stat().st_size < screenshots.LARGEST


def test_a_page_can_be_read_in_the_dark_and_a_case_is_drawn_whole(
    browser: Browser, address: str
) -> None:
    browser.visit(f"{address}/cases?period=all")
    browser.click("[data-case] a")
    assert layout(browser) == []
    browser.visit(f"{address}/overview", dark=True)
    assert layout(browser) == []
    ink, paper = browser.evaluate(
        "[getComputedStyle(document.body).color, "
        "getComputedStyle(document.body).backgroundColor]"
    )
    assert sum(map(int, re.findall(r"\d+", ink)[:3])) > 600
    assert sum(map(int, re.findall(r"\d+", paper)[:3])) < 150


def test_the_figures_on_the_overview_are_those_of_the_marts(
    browser: Browser, address: str, published: Path
) -> None:
    browser.visit(f"{address}/overview")
    panels = tables(browser)
    shown = dict(
        zip(
            [cell[0] for cell in column(panels["Every KPI"], "KPI")],
            panels["Every KPI"]["rows"],
            strict=True,
        )
    )
    wanted = rows(
        published,
        "select catalog.label, trends.* from marts.kpi_trends as trends "
        "inner join marts.dim_kpis as catalog using (kpi) "
        "where period_type = 'week' and segment_type = 'all' and period_start = ("
        "select max(period_start) from marts.kpi_trends "
        "where period_type = 'week' and not is_provisional) "
        "and trends.denominator > 0",
    )
    assert {row["label"] for row in wanted} <= set(shown)
    assert len(wanted) >= 20
    headings = panels["Every KPI"]["headings"]
    for row in wanted:
        cells = dict(zip(headings, shown[row["label"]], strict=True))
        for heading, name in (
            ("Value", "value"),
            ("from", "interval_lower"),
            ("to", "interval_upper"),
            ("Target", "target"),
            ("n", "effective_n"),
        ):
            assert close(cells[heading][1], row[name]), (row["label"], heading)
        assert cells["Value"][0] == amount(row["value"], row["unit"])
        status = formats.words(row["status"])
        assert cells["Status"][0] in ("", status), row["label"]
        if row["kpi"] in panels["The six KPIs"]["cards"]:
            card = panels["The six KPIs"]["cards"][row["kpi"]]
            assert close(card["value"][1], row["value"])
    assert len(panels["The six KPIs"]["cards"]) == 6


def test_a_figure_leads_to_its_cases_and_a_case_to_its_events(
    browser: Browser, address: str, published: Path
) -> None:
    browser.visit(f"{address}/compliance?period=all")
    panels = tables(browser)
    cell = next(c for c in column(panels["By policy"], "Cases") if c[2])
    browser.click(f'a[href="{cell[2]}"]')
    assert (
        browser.evaluate("Number(document.all['all-cases'].dataset.value)") == cell[1]
    )
    key = browser.evaluate("document.querySelector('[data-case]').dataset.case")
    browser.click("[data-case] a")
    said = browser.evaluate("document.body.innerText")
    events = rows(
        published,
        "select file_path, line_number from marts.fct_policy_checks where case_key = ?",
        key,
    )
    assert events
    for event in events:
        assert f"{event['file_path']}:{event['line_number']}" in said


def test_the_report_is_one_file_that_needs_nothing_else(
    browser: Browser, published: Path, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    path.write_text(pages.report(published, ALL_DAYS), encoding="utf-8")
    for width in WIDTHS:
        seen = browser.visit(path.as_uri(), width)
        assert seen.complaints == []
        assert {urlsplit(each).scheme for each in seen.requests} <= {"file", "data"}
        assert len(seen.requests) <= 2
        assert layout(browser) == []
    titles = browser.evaluate(
        "[...document.querySelectorAll('h1')].map(h => h.innerText)"
    )
    assert titles == [boards.boards()[name].title for name in DRAWN]
    links = browser.evaluate("[...document.links].map(a => a.getAttribute('href'))")
    assert all(link.startswith("#") for link in links)
    assert browser.evaluate("getComputedStyle(document.querySelector('.grid')).display")


@pytest.mark.parametrize("name", DRAWN)
def test_before_anything_has_landed_a_board_says_what_to_do(
    browser: Browser, published: Path, tmp_path: Path, name: str
) -> None:
    with serving(emptied(published, tmp_path)) as served:
        seen = browser.visit(f"{served}/{name}")
        assert seen.complaints == []
        assert layout(browser) == []
        for title, panel in tables(browser).items():
            assert panel["rows"] == [], title
            assert not panel["cards"], title
            assert len(panel["empty"]) > 30, title


def test_what_customers_and_systems_wrote_is_shown_and_never_run(
    browser: Browser, published: Path, tmp_path: Path
) -> None:
    hostile = HOSTILE.replace("'", "''")
    path = changed(
        published,
        tmp_path,
        f"update marts.fct_cases set case_id = '{hostile}', intent = '{hostile}'",
        f"update marts.kpi_daily set intent = '{hostile}'",
        f"update marts.fct_sessions set session_id = '{hostile}'",
        f"update marts.fct_escalations set reason_code = '{hostile}'",
        f"update marts.fct_actions set action_name = '{hostile}'",
        f"update marts.low_scores set case_id = '{hostile}', intent = '{hostile}'",
    )
    with serving(path) as served:
        for name in (*boards.boards(), "cases?show=handled&value=" + HOSTILE):
            join = "&" if "?" in name else "?"
            seen = browser.visit(f"{served}/{name}{join}period=all")
            assert seen.complaints == [], name
            assert (
                browser.evaluate("document.images.length + document.scripts.length")
                == 0
            )
        browser.visit(f"{served}/cases?period=all")
        browser.click("[data-case] a")
        assert HOSTILE in browser.evaluate("document.body.innerText")
        assert browser.evaluate("document.images.length + document.scripts.length") == 0


# --- the figures, without a browser ---


def asked(path: Path, given: Filters, query: str) -> list[dict]:
    with asking(path, given) as open_file:
        return open_file.rows(query)


def panel_rows(path: Path, given: Filters) -> dict[tuple[str, str], list[dict]]:
    with asking(path, given) as open_file:
        return {
            (board.name, panel.title): open_file.rows(panel.sql)
            for board in boards.boards().values()
            for panel in board.panels
        }


@pytest.mark.parametrize(
    "segment_type", ["all", "intent", "tier", "channel", "agent_version"]
)
@pytest.mark.parametrize("period_type", ["week", "month", "day"])
def test_kpis_under_a_filter_are_those_of_the_segment(
    published: Path, segment_type: str, period_type: str
) -> None:
    """Each KPI of a period and a segment, as the mart has it."""
    wanted = rows(
        published,
        "select * from marts.kpi_trends where period_type = ? and segment_type = ? "
        "and period_start = (select max(period_start) from marts.kpi_trends "
        "where period_type = ? and not is_provisional) and denominator > 0",
        *(period_type, segment_type, "week" if period_type == "week" else period_type),
    ) or rows(
        published,
        "select * from marts.kpi_trends where period_type = ? and segment_type = ? "
        "and period_start = (select max(period_start) from marts.kpi_trends "
        "where period_type = ?) and denominator > 0",
        *(period_type, segment_type, period_type),
    )
    assert wanted
    start = wanted[0]["period_start"]
    last = {
        "day": start,
        "week": date.fromordinal(start.toordinal() + 6),
        "month": date.fromordinal(
            date(start.year + start.month // 12, start.month % 12 + 1, 1).toordinal()
            - 1
        ),
    }[period_type]
    for segment in sorted({row["segment"] for row in wanted})[:6]:
        narrow = {} if segment_type == "all" else {segment_type: segment}
        given = Filters(first=start, last=last, **narrow)
        shown = {row["kpi"]: row for row in asked(published, given, "from picked_kpis")}
        for row in wanted:
            if row["segment"] != segment:
                continue
            mine = shown[row["kpi"]]
            for name, theirs in (
                ("value", "value"),
                ("lower", "interval_lower"),
                ("upper", "interval_upper"),
                ("effective_n", "effective_n"),
                ("target", "target"),
            ):
                assert close(mine[name], row[theirs]), (segment, row["kpi"], name)
            assert mine["is_too_small"] == row["is_too_small"]
            assert mine["is_provisional"] == row["is_provisional"]
            assert mine["status"] == row["status"], (segment, row["kpi"])
            if period_type != "month" and row["change"] is not None:
                assert close(mine["change"], row["change"]), (segment, row["kpi"])


# What shows the days around a period, or the months that it touches.
UNMOVED = {
    *(
        ("period", panel.title)
        for board in boards.boards().values()
        for panel in board.panels
        if panel.kind == "trend"
    ),
    ("period", "Did the right cases go to people?"),
    ("period", "The claim"),
    ("period", "The agent against people, like with like"),
}


@pytest.mark.parametrize(
    ("first", "period_type"), [(date(2026, 5, 4), "day"), (date(2026, 3, 4), "week")]
)
def test_a_trend_goes_by_the_day_and_over_many_days_by_the_week(
    published: Path, first: date, period_type: str
) -> None:
    shown = asked(
        published,
        Filters(first=first),
        "from kpi_figures where slot = 'trend' and kpi = 'escalation_rate'",
    )
    wanted = rows(
        published,
        "from marts.kpi_trends where period_type = ? and segment_type = 'all' "
        "and kpi = 'escalation_rate'",
        period_type,
    )
    assert len(wanted) == len(shown) >= 5
    for row in wanted:
        mine = by(shown, "first_day")[row["period_start"],]
        assert close(mine["value"], row["value"])
        assert close(mine["lower"], row["interval_lower"])
        assert mine["is_provisional"] == row["is_provisional"]
    text = pages.board_page(published, "resolution", Filters(first=first))
    assert f"<span>by {period_type}</span>" in text
    assert max(map(float, re.findall(r'cx="([\d.]+)%"', text))) < 100


def by(found: list[dict], *names: str) -> dict[tuple, dict]:
    return {tuple(row[name] for name in names): row for row in found}


def test_the_way_to_a_resolution_is_the_funnel(published: Path) -> None:
    shown = panel_rows(published, ALL_DAYS)["resolution", "The way to a resolution"]
    wanted = rows(
        published,
        "select step, sum(entered_cases) as entered_cases, sum(passed_cases) as "
        "passed_cases, sum(failed_cases) as failed_cases, sum(missing_cases) as "
        "missing_cases from marts.resolution_funnel group by all",
    )
    assert len(wanted) == 6
    for row in wanted:
        mine = by(shown, "step")[row["step"],]
        assert {name: mine[name] for name in row} == row


def test_each_definition_counts_as_the_bridge_does(published: Path) -> None:
    (month,) = rows(
        published, "select distinct month_start from marts.definition_bridge"
    )
    start = month["month_start"]
    given = Filters(first=start, last=date(start.year, start.month, 31))
    shown = by(
        panel_rows(published, given)["resolution", "Whose count wins?"], "definition"
    )
    wanted = rows(published, "from marts.definition_bridge where segment_type = 'all'")
    assert len(wanted) == 9
    for row in wanted:
        mine = shown[row["definition"],]
        for name, theirs in (
            ("value", "value"),
            ("lower", "interval_lower"),
            ("upper", "interval_upper"),
            ("effective_n", "effective_n"),
        ):
            assert close(mine[name], row[theirs]), (row["definition"], name)


def test_the_parts_of_a_change_are_those_of_the_drivers(published: Path) -> None:
    shown = panel_rows(published, Filters())["resolution", "Why did it move?"]
    wanted = rows(
        published,
        "from marts.kpi_change_drivers where period_type = 'week' and segment_type = "
        "'intent' and kpi = 'autonomous_resolution_rate' and period_start = ("
        "select max(period_start) from marts.kpi_trends "
        "where period_type = 'week' and not is_provisional)",
    )
    assert len(wanted) == len(shown) > 10
    for row in wanted:
        mine = by(shown, "intent")[row["segment"],]
        for name in ("mix_contribution", "within_contribution", "contribution"):
            assert close(mine[name], row[name]), (row["segment"], name)
        assert mine["is_too_small"] == row["is_too_small"]
    total = sum(row["contribution"] for row in shown)
    assert close(total, wanted[0]["total_change"])


def test_other_panels_say_what_plain_sql_says(published: Path) -> None:
    shown = panel_rows(published, ALL_DAYS)
    escalations = rows(
        published,
        "select reason_code, count(*) as n from marts.fct_escalations "
        "where is_eligible group by all",
    )
    assert {r["reason_code"]: r["n"] for r in escalations} == {
        r["reason_code"]: r["escalations"] for r in shown["escalations", "Why"]
    }
    policies = rows(
        published,
        "select segment as policy_id, policy_check_pass_rate as value, "
        "evaluated_checks from marts.compliance_scores "
        "where segment_type = 'policy' and period_type = 'all' "
        "and evaluated_checks > 0 and segment != 'unknown'",
    )
    mine = by(shown["compliance", "By policy"], "policy_id")
    assert policies
    for row in policies:
        assert close(mine[row["policy_id"],]["value"], row["value"]), row
        assert mine[row["policy_id"],]["evaluated_checks"] == row["evaluated_checks"]
    claim = rows(
        published,
        "select claim_status, audits_still_needed from marts.compliance_scores "
        "where segment_type = 'all' and period_type = 'all'",
    )
    assert [
        {name: row[name] for name in claim[0]}
        for row in shown["compliance", "The claim"]
        if row["period_type"] == "all"
    ] == claim
    reviews = rows(
        published,
        "select count(*) as n from marts.fct_compliance_reviews inner join "
        "marts.fct_cases as cases using (case_key) "
        "where status != 'closed' and cases.is_eligible",
    )
    assert (
        sum(r["reviews"] for r in shown["compliance", "Open reviews"])
        == reviews[0]["n"]
    )
    assert len(shown["compliance", "Reviews to do first"]) == min(10, reviews[0]["n"])
    people = rows(
        published,
        "select count(*) as n from marts.fct_cases where is_eligible "
        "and not is_involved and outcome = 'resolved_by_human' and is_time_known",
    )
    by_intent = shown["handling_time", "By intent"]
    assert sum(row["people_cases"] for row in by_intent) == people[0]["n"]
    feeds = rows(published, "select feed, records from marts.feed_health")
    assert {r["feed"]: r["records"] for r in feeds} == {
        r["feed"]: r["records"] for r in shown["health", "Feeds"]
    }
    ends = rows(
        published,
        "select outcome, count(*) as n from marts.fct_cases where is_eligible "
        "group by all",
    )
    assert {r["outcome"]: r["n"] for r in ends} == {
        r["outcome"]: r["cases"] for r in shown["resolution", "How every case ended"]
    }


def test_a_period_and_each_filter_change_what_a_board_shows(
    published: Path, choices: dict[str, str]
) -> None:
    # days with days before them, and with both versions of the agents in them
    days = Filters(first=date(2026, 5, 12), last=date(2026, 5, 24))
    base = panel_rows(published, days)
    changes = {"period": days.narrowed(last=date(2026, 5, 17))} | {
        name: days.narrowed(**{name: value}) for name, value in choices.items()
    }
    for name, given in changes.items():
        narrowed = panel_rows(published, given)
        moved = {key for key in base if narrowed[key] != base[key]}
        for board in boards.boards().values():
            for panel in board.panels:
                key = (board.name, panel.title)
                is_free = name in panel.ignores or (name, panel.title) in UNMOVED
                assert (key in moved) != is_free, (name, key)


def test_a_panel_that_cannot_follow_a_filter_says_so(published: Path) -> None:
    text = pages.board_page(published, "compliance", Filters(channel="chat"))
    panel = text[text.index('data-panel="The claim"') :]
    assert "Not filtered by channel" in panel[: panel.index("</section>")]
    plain = pages.board_page(published, "compliance", Filters())
    assert "Not filtered by channel" not in plain


def test_small_samples_are_greyed_and_open_periods_marked(
    published: Path, choices: dict[str, str]
) -> None:
    given = Filters(intent=choices["intent"], channel=choices["channel"])
    text = pages.board_page(published, "overview", given)
    (row,) = asked(
        published, given, "from picked_kpis where kpi = 'autonomous_resolution_rate'"
    )
    assert row["is_too_small"]
    card = re.search(
        r'<article class="card weak" data-kpi="autonomous_reso.*?</article>',
        text,
        re.DOTALL,
    )
    assert card is not None
    assert "Too few cases" in card[0]
    assert f"<dd>{row['effective_n']:,.0f}</dd>" in card[0]
    assert '<tr class="weak"' in text
    assert "Provisional</span>" not in text
    assert "Provisional</span>" in pages.board_page(published, "overview", ALL_DAYS)


COUNTED = (
    *("autonomous_resolution_rate", "autonomous_resolution_rate_upper"),
    *("durable_resolution_rate", "first_contact_resolution_rate", "containment_rate"),
    *("escalation_rate", "automation_rate", "reopen_rate", "evidence_coverage"),
)


@pytest.mark.parametrize("given", [ALL_DAYS, Filters()], ids=["all", "week"])
def test_the_cases_behind_a_kpi_are_those_it_counts(
    published: Path, given: Filters
) -> None:
    chosen = boards.selections()
    with asking(published, given) as open_file:
        figures = by(open_file.rows("from picked_kpis"), "kpi")

        def count(name: str) -> int:
            found = open_file.rows(
                f"select count(*) as n from {chosen[name].of} as cases "
                f"cross join asked where {chosen[name].where}"
            )
            return found[0]["n"]

        for kpi in COUNTED:
            row = figures[kpi,]
            assert count(f"{kpi}.counted") == row["numerator"], kpi
            assert count(f"{kpi}.of") == row["denominator"], kpi
            wanted = (
                row["numerator"]
                if row["direction"] == "down"
                else row["denominator"] - row["numerator"]
            )
            assert count(f"{kpi}.missed") == wanted, kpi
        for kpi in ("aht_automated_seconds", "aht_human_active_seconds"):
            assert count(f"{kpi}.of") == figures[kpi,]["denominator"], kpi


def listed(text: str) -> int:
    return int(re.search(r'<span data-value="(\d+)" id="all-cases">', text)[1])


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("resolution", ALL_DAYS),
        ("escalations", Filters()),
        ("compliance", ALL_DAYS),
        ("effort", ALL_DAYS.narrowed(agent_version="2.4.0")),
    ],
)
def test_a_number_of_cases_leads_to_so_many_cases(
    published: Path, name: str, given: Filters
) -> None:
    text = pages.board_page(published, name, given)
    links = re.findall(
        r'data-value="(\d+)\.0"><a href="/cases\?([^"]+)">[\d,]+</a>', text
    )
    links = sorted(set(links))[:12]
    assert links
    for number, query in links:
        asked_for = parse_qs(query.replace("&amp;", "&"))
        plain = {key: value[0] for key, value in asked_for.items()}
        page = pages.cases_page(
            published, filters.read(plain), plain["show"], plain.get("value"), 1
        )
        if plain["show"] in (
            "action",
            "ces_mean.of",
        ):  # attempts and answers, not cases
            assert 0 < listed(page) <= int(number), query
        else:
            assert listed(page) == int(number), query


def test_an_alert_leads_to_the_cases_of_its_own_query(published: Path) -> None:
    alerts = rows(
        published,
        "select kind, alert_key, case_query from marts.kpi_alerts "
        "where case_query is not null "
        "qualify row_number() over (partition by kind order by n desc, alert_key) = 1",
    )
    assert alerts
    for alert in alerts:
        wanted = {row["case_key"] for row in rows(published, alert["case_query"])}
        page = pages.cases_page(published, Filters(), "alert", alert["alert_key"], 1)
        assert listed(page) == len(wanted), alert["kind"]
        assert set(re.findall(r'data-case="(\w+)"', page)) <= wanted
    findings = [
        row
        for row in panel_rows(published, Filters())["overview", "Alerts"]
        if row["show"] == "finding"
    ]
    assert findings
    for row in findings:
        page = pages.cases_page(published, Filters(), "finding", row["show_value"], 1)
        assert listed(page) == row["n"], row["show_value"]


def test_the_list_of_cases_goes_on_page_by_page(published: Path) -> None:
    seen: list[str] = []
    page = 1
    while True:
        text = pages.cases_page(published, Filters(), "eligible", None, page)
        found = re.findall(r'data-case="(\w+)"', text)
        seen += found
        if 'rel="next"' not in text:
            break
        assert len(found) == pages.PAGE_SIZE
        page += 1
    wanted = asked(published, Filters(), "select case_key from picked_cases")
    assert len(seen) == len(wanted)
    assert set(seen) == {row["case_key"] for row in wanted}


# --- beside the publisher ---


def test_each_page_is_of_one_publication_and_the_next_page_of_the_newest(
    month: Month, warehouse: Path, tmp_path: Path
) -> None:
    """The server runs as people run it, in a process of its own."""
    home = tmp_path / "home"
    current = publish_month(warehouse, home / "published", month.manifest["as_of"])
    with socket.create_server((server.HOST, 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "dashboards", "serve"],
        cwd=project.ROOT,
        env={**os.environ, "ACSR_HOME": str(home), "ACSR_DASHBOARD_PORT": str(port)},
        stdout=subprocess.DEVNULL,
    )
    served = f"http://{server.HOST}:{port}/health"
    answers: list[tuple[int, str]] = []
    is_over = threading.Event()

    def read_on() -> None:
        while not is_over.is_set():
            answers.append(get(served)[:2])

    readers = [threading.Thread(target=read_on) for _ in range(2)]
    try:
        wait_for(served)
        for reader in readers:
            reader.start()
        known = []
        for _ in range(2):
            publish_month(warehouse, current.parent, month.manifest["as_of"])
            newest = "select max(publication_id) as id from marts.publications"
            known.append(rows(current, newest)[0]["id"])
            # a page asked for from now on is of this publication
            assert known[-1] in get(served)[1]
    finally:
        is_over.set()
        for reader in readers:
            reader.join(timeout=60)
        process.terminate()
        process.wait(timeout=60)
    assert {status for status, _ in answers} == {200}
    for _, text in answers:
        assert len(set(re.findall(r"\d{8}T\d{6}\.\d{6}Z-\w{6}", text))) == 1


def test_a_rollback_is_said_where_its_figures_are_shown(
    published: Path, tmp_path: Path
) -> None:
    (known,) = rows(published, "from marts.publications")
    wanted = f"Rolled back.</strong> These are the figures of publication {HELD}"
    assert wanted not in pages.board_page(published, "overview", Filters())
    path = changed(
        published, tmp_path, f"update marts.publications set rolled_back_to = '{HELD}'"
    )
    for name in ("overview", "health"):
        text = pages.board_page(path, name, Filters())
        assert wanted in text
        assert known["publication_id"] in text


# --- what the server refuses ---


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/overview?period=year", 400, "period=&#39;year&#39; is none of"),
        ("/overview?from=yesterday", 400, "from=&#39;yesterday&#39; is no day"),
        ("/overview?from=2026-05-02&to=2026-05-01", 400, "swap them"),
        ("/overview?intent=" + "x" * 300, 400, "intent is longer than 200"),
        ("/cases?show=nothing", 400, "There is no selection"),
        ("/cases?page=0", 400, "page is a number from 1 on"),
        ("/cases?page=%C2%B2", 400, "page is a number from 1 on"),
        ("/case?key=nothing", 404, "No published case has this key"),
        ("/nothing", 404, "There is no board nothing"),
        ("/static/pages.py", 404, "There is no such file"),
        ("/overview?intent=%27%20or%201=1%20--", 200, "No case opened in this period"),
        ("/cases?show=reason&value=%27)%20or%201=1%20--", 200, "No case stands behind"),
        (
            "/overview?from=1900-01-01&to=1900-01-02",
            200,
            "No case opened in this period",
        ),
    ],
)
def test_what_a_reader_asks_is_answered_or_refused_with_the_reason(
    address: str, path: str, status: int, said: str
) -> None:
    found, text, headers = get(address + path)
    assert (found, said in text) == (status, True), text[-2000:]
    assert headers["content-security-policy"].startswith("default-src 'none'")


def test_another_name_for_this_machine_gets_nothing(address: str) -> None:
    status, text, _ = get(f"{address}/overview", Host="boards.example")
    assert status == 400
    assert "Overview" not in text


def test_nothing_published_yet_is_said_with_what_to_do(tmp_path: Path) -> None:
    with serving(tmp_path / "current.duckdb") as served:
        status, text, _ = get(f"{served}/overview")
    assert status == 503
    assert "make run" in text


@pytest.mark.parametrize(
    "statement",
    [
        "insert into marts.kpi_daily select * from marts.kpi_daily",
        "attach 'other.duckdb'",
        "copy (select 1) to 'out.csv'",
        "select * from read_text('/etc/hostname')",
        "set enable_external_access = true",
    ],
)
def test_a_page_can_only_read_what_is_published(
    published: Path, statement: str
) -> None:
    with (
        asking(published, Filters()) as open_file,
        pytest.raises(ProjectError, match="does not answer"),
    ):
        open_file.rows(statement)
