"""The compose file and the systemd unit: whole, and of commands that there are."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from orchestration import __main__, project

DEPLOY = project.ROOT / "deploy"
REQUIRED = {"LANDING": "/landing", "POSTGRES_PASSWORD": "p"}


@pytest.fixture(scope="module")
def compose() -> dict:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def commands() -> list[list[str]]:
    """What the services run, as arguments of `python -m orchestration`."""
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    unit = (DEPLOY / "acsr.service").read_text()
    started = re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE)[1]
    return [
        *(it["command"] for it in services.values() if "command" in it),
        shlex.split(started.partition(" -m orchestration ")[2]),
    ]


@pytest.mark.parametrize("arguments", commands(), ids=" ".join)
def test_services_run_commands_that_there_are(arguments: list[str]) -> None:
    assert __main__._parser().parse_args(arguments).job == arguments[0]


def test_one_daemon_whose_runs_everybody_sees_and_no_open_port(compose: dict) -> None:
    services = compose["services"]
    assert services["webserver"]["pid"] == "service:daemon"
    assert services["daemon"]["volumes"] == services["webserver"]["volumes"]
    ports = [port for it in services.values() for port in it.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_no_secret_is_written_down(compose: dict) -> None:
    for line in (DEPLOY / "env.example").read_text().splitlines():
        if re.match(r"POSTGRES_PASSWORD|\w*(KEY|WEBHOOK|HEARTBEAT_URL)=", line):
            assert line.endswith("="), line
    text = (DEPLOY / "compose.yaml").read_text()
    assert "acsr:${POSTGRES_PASSWORD}@" in text


def test_every_setting_of_the_services_is_documented() -> None:
    pages = (project.ROOT / "docs" / "configuration.md").read_text()
    texts = [path.read_text() for path in DEPLOY.iterdir() if path.name != ".env"]
    named = {name for text in texts for name in re.findall(r"ACSR_[A-Z_]+", text)}
    assert named
    assert {name for name in named if f"`{name}`" not in pages} == set()


def test_the_unit_is_a_service_that_comes_back() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(DEPLOY / "acsr.service")
    assert unit["Service"]["Restart"] == "always"
    assert unit["Service"]["KillMode"] == "control-group"


def test_docker_reads_the_compose_file(tmp_path: Path) -> None:
    docker = shutil.which("docker")
    if (
        not docker
        or subprocess.run(
            [docker, "compose", "version"], check=False, capture_output=True
        ).returncode
    ):
        pytest.skip("no docker compose: install it to have Docker read the file")
    shutil.copy(DEPLOY / "compose.yaml", tmp_path)
    (tmp_path / ".env").write_text("")
    done = subprocess.run(
        [docker, "compose", "-f", str(tmp_path / "compose.yaml"), "config", "--quiet"],
        env={**os.environ, **REQUIRED},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
