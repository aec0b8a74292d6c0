from pathlib import Path

import pytest

from studytracker.running import processes


@pytest.fixture
def environment(monkeypatch):
    for name in ("SITE_URL", "ALLOWED_HOSTS"):
        monkeypatch.delenv(name, raising=False)

    def made(host="127.0.0.1"):
        return processes.environment(
            directory=Path("/var/demo"), redis_url="redis://here", site_url="http://127.0.0.1:8001", host=host
        )

    return made


def test_the_children_share_folder_broker_and_address(environment):
    env = environment()
    assert {name: env[name] for name in ("DEMO", "VAR_DIR", "REDIS_URL", "SITE_URL")} == {
        "DEMO": "1",
        "VAR_DIR": "/var/demo",
        "REDIS_URL": "redis://here",
        "SITE_URL": "http://127.0.0.1:8001",
    }
    assert "ALLOWED_HOSTS" not in env


def test_the_children_may_keep_compiled_bytecode_and_speak_plain_http(environment, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("HTTPS", "1")
    env = environment()
    assert "PYTHONDONTWRITEBYTECODE" not in env
    assert "HTTPS" not in env


def test_an_address_the_person_gave_is_kept(environment, monkeypatch):
    monkeypatch.setenv("SITE_URL", "https://demo.example.org")
    assert environment()["SITE_URL"] == "https://demo.example.org"


def test_another_host_is_allowed_to_be_asked_for(environment):
    assert environment(host="192.0.2.7")["ALLOWED_HOSTS"] == "localhost,127.0.0.1,192.0.2.7"
