import os
import stat
import subprocess
from pathlib import Path

import pytest

from studytracker.running import broker


@pytest.mark.servers
def test_the_broker_starts_answers_ping_on_a_private_socket_and_stops(tmp_path):
    with broker.private_socket(tmp_path) as path:
        process = subprocess.Popen(broker.broker_command(path, tmp_path))
        try:
            broker.wait_until_ready(path)
            assert stat.S_IMODE(path.stat().st_mode) == 0o700
        finally:
            process.terminate()
        assert process.wait(10) == 0
        assert not broker.is_ready(path)


@pytest.mark.servers
def test_the_broker_keeps_messages_and_refuses_new_ones_when_memory_is_full(tmp_path):
    redis = pytest.importorskip("redis")
    with broker.private_socket(tmp_path) as path:
        process = subprocess.Popen(broker.broker_command(path, tmp_path))
        try:
            broker.wait_until_ready(path)
            client = redis.Redis(unix_socket_path=str(path), decode_responses=True)
            settings = client.config_get("maxmemory-policy", "appendonly", "port", "save")
            client.close()
        finally:
            process.terminate()
            process.wait(10)
    assert settings == {"maxmemory-policy": "noeviction", "appendonly": "yes", "port": "0", "save": ""}


def test_waiting_for_a_broker_that_never_comes_ends_with_a_sentence(tmp_path):
    path = tmp_path / "redis.sock"
    with pytest.raises(broker.NoBroker) as refusal:
        broker.wait_until_ready(path, seconds=0.1)
    assert str(refusal.value) == f"The broker did not answer on {path} within 0.1 s."


def test_the_socket_lies_in_the_folder_when_its_path_is_short_enough(tmp_path):
    with broker.private_socket(Path("/tmp/var")) as path:
        assert path == Path("/tmp/var/redis.sock")


def test_a_path_of_exactly_the_limit_is_used_and_one_more_is_not():
    name = len("/redis.sock")
    fits = Path("/" + "a" * (broker.SOCKET_PATH_LIMIT - name - 1))
    with broker.private_socket(fits) as path:
        assert path.parent == fits
    with broker.private_socket(Path(f"{fits}a")) as path:
        assert path.parent != fits
        assert len(os.fsencode(path)) <= broker.SOCKET_PATH_LIMIT


def test_a_path_too_long_gets_a_short_private_folder_that_is_removed_again(tmp_path):
    deep = tmp_path / ("d" * 120)
    with broker.private_socket(deep) as path:
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        path.touch()
    assert not path.parent.exists()


def test_the_url_survives_a_folder_with_a_space():
    assert broker.broker_url(Path("/home/some one/redis.sock")) == "redis+socket:///home/some%20one/redis.sock"


def a_server(directory, name, version):
    program = directory / f"{name.lower()}-server"
    program.write_text(f"#!/bin/sh\necho '{name} server v={version} sha=00000000:0 malloc=libc bits=64'\n")
    program.chmod(0o755)
    return program


def test_a_server_on_path_is_preferred(tmp_path):
    program = a_server(tmp_path, "Redis", "7.0.15")
    assert broker.find_server(str(tmp_path)) == broker.Server(program, "redis", (7, 0, 15))


def test_a_server_too_old_for_celery_is_passed_over(tmp_path):
    a_server(tmp_path, "Redis", "6.0.16")
    newer = a_server(tmp_path, "Valkey", "8.1.1")
    assert broker.find_server(str(tmp_path)).program == newer


def test_without_any_on_path_the_wheel_has_one(tmp_path):
    found = broker.find_server(str(tmp_path))
    assert found.name == "valkey"
    assert found.version >= broker.OLDEST_VERSION


def test_two_server_versions_do_not_share_their_files(tmp_path):
    older = broker.data_directory(tmp_path, broker.Server(Path("/x"), "redis", (7, 0, 15)))
    newer = broker.data_directory(tmp_path, broker.Server(Path("/x"), "valkey", (9, 1, 2)))
    assert (older.name, newer.name) == ("redis-7.0.15", "valkey-9.1.2")
    assert stat.S_IMODE(newer.stat().st_mode) == 0o700
