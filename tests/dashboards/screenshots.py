"""`make screenshots`: the pictures of docs/images, from what is published here."""

from __future__ import annotations

import sys
from pathlib import Path

from orchestration import project
from tests.dashboards import browser as browsers
from tests.dashboards.browser import Browser
from tests.dashboards.support import layout, rows, serving

IMAGES = project.ROOT / "docs" / "images"
WIDTH = 1280
HEIGHTS = {"overview": 1140, "resolution": 1400}
LARGEST = 400_000  # bytes of one picture


def take(browser: Browser, address: str, folder: Path) -> list[Path]:
    """Pictures of the two main boards; what they show must be drawn whole."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    for name, height in HEIGHTS.items():
        browser.visit(f"{address}/{name}", WIDTH)
        assert layout(browser) == [], name
        path = folder / f"{name}.png"
        browser.picture(path, WIDTH, height)
        assert path.stat().st_size < LARGEST, path
        taken.append(path)
    return taken


def main() -> int:
    """Takes the pictures of a made-up sample, and of nothing else."""
    if browsers.program() is None:
        print("error: no chromium here: apt install chromium", file=sys.stderr)
        return 1
    current = project.current()
    if not current.exists():
        print(f"error: nothing is published at {current}: make run", file=sys.stderr)
        return 1
    newest = "from marts.publications order by published_at desc limit 1"
    if not rows(current, newest)[0]["is_made_up_sample"]:
        print("error: pictures of real customers do not belong here", file=sys.stderr)
        return 1
    with serving(current) as address, browsers.running() as browser:
        for path in take(browser, address, IMAGES):
            print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
