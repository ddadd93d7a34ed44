"""The real commands, started, stopped and killed as an operator does it."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from support.rig import Rig, eventually, log_events
from support.server import Server

from engine.connections.body import ConnectionChange
from engine.connections.service import Connections
from engine.queue.jobs import enqueue
from engine.settings import Settings
from engine.state.secrets import Vault

SLOW: dict[str, Any] = {"pages": 400, "size": 1, "seconds": 0.1}
"""A historical sync that takes 40 seconds."""

TIME = r"1\.\d+e\+09"


@pytest.fixture
def bind() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return f"127.0.0.1:{port}"


def get(bind: str, path: str) -> tuple[int, Any] | None:
    connection = http.client.HTTPConnection(bind, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read().decode()
        return answer.status, json.loads(body) if body.startswith("{") else body
    except OSError:
        return None
    finally:
        connection.close()


def stopped(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> tuple[float, str]:
    """Stop a command by a signal; how long that took in seconds, and its log. It has to end well."""
    began = time.monotonic()
    process.send_signal(number)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 0, stderr
    return time.monotonic() - began, stderr


def outcomes(rig: Rig, name: str = "test") -> list[str]:
    return [sync["outcome"] for sync in rig.syncs(name)]


def test_the_daemon_syncs_what_is_due_and_says_how_it_is(rig: Rig, bind: str) -> None:
    rig.connect("new")
    rig.connect("resting", paused=True)
    rig.connect("asked", manual=True)
    with rig.command("serve", PENSTOCK_BIND=bind) as daemon:
        eventually(
            lambda: (
                get(bind, "/healthz") == (200, {"status": "ok", "database": "ok", "worker": "ok", "scheduler": "ok"})
            )
        )
        eventually(lambda: outcomes(rig, "new") == ["succeeded"])
        _, metrics = get(bind, "/metrics") or (0, "")
        took, log = stopped(daemon)
    assert took < 10
    assert rig.syncs("new")[0]["trigger"] == "schedule"
    assert rig.syncs("resting") == rig.syncs("asked") == []
    events = [entry["event"] for entry in log_events(log)]
    assert (events[0], events[-1]) == ("daemon_started", "daemon_stopped")
    assert "planted-secret" not in log
    succeeded = f'penstock_last_success_timestamp_seconds{{connection="new",group="default",service="paged"}} {TIME}'
    assert re.search(succeeded, metrics)
    assert 'penstock_syncing{connection="resting",group="default",service="paged"} 0.0' in metrics


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_daemon_ends_soon_and_the_next_sync_goes_on(rig: Rig, bind: str, number: signal.Signals) -> None:
    rig.connect(**SLOW)
    with rig.command("serve", PENSTOCK_BIND=bind) as daemon:
        eventually(lambda: len(rig.loaded()) >= 3)
        took, _ = stopped(daemon, number)
    assert took < 10
    assert outcomes(rig) == ["cancelled"]
    loaded = rig.loaded()
    assert loaded == list(range(len(loaded)))
    assert rig.syncs()[0]["records_read"] == len(loaded)
    rig.configure(seconds=0)
    with rig.command("serve", PENSTOCK_BIND=bind) as daemon:
        eventually(lambda: outcomes(rig) == ["cancelled", "succeeded"])
        stopped(daemon)
    assert rig.syncs()[1]["records_read"] == 400 - len(loaded)
    assert rig.loaded() == list(range(400))


def test_a_request_that_hangs_does_not_keep_the_daemon_alive(rig: Rig, bind: str) -> None:
    rig.connect(pages=5, hang=60)
    with rig.command("serve", PENSTOCK_BIND=bind) as daemon:
        eventually(lambda: outcomes(rig) == ["running"])
        took, _ = stopped(daemon)
    assert took < 10
    assert outcomes(rig) == ["cancelled"]


def test_a_worker_that_is_killed_is_replaced_within_a_minute(rig: Rig) -> None:
    connection_id = rig.connect(**SLOW)
    with rig.command("worker") as first, rig.command("worker") as second:
        eventually(lambda: len(rig.rows("SELECT FROM penstock.procrastinate_workers")) == 2)
        enqueue(rig.database, connection_id, "manual")
        running = eventually(lambda: rig.loaded() and rig.syncs()[0])
        by_pid = {str(first.pid): first, str(second.pid): second}
        victim = by_pid.pop(running["worker"].rpartition(":")[2])
        victim.kill()
        killed_at = time.monotonic()
        victim.wait()
        eventually(lambda: len(rig.syncs()) == 2, within=60)
        assert time.monotonic() - killed_at < 60
        after = rig.loaded()
        eventually(lambda: len(rig.loaded()) > len(after))
        (other,) = by_pid.values()
        stopped(other)
    assert outcomes(rig) == ["interrupted", "cancelled"]
    assert rig.loaded() == list(range(len(rig.loaded())))
    counted = rig.one("SELECT sum(rows_inserted)::int AS rows, sum(rows_updated)::int AS again FROM penstock.syncs")
    assert counted["rows"] + counted["again"] <= len(rig.loaded())  # what was committed is not read again


def test_workers_never_sync_one_connection_at_once(rig: Rig) -> None:
    ids = [rig.connect(name, pages=3, size=1, seconds=0.02) for name in ("one", "two")]
    with rig.command("worker") as first, rig.command("worker") as second:
        eventually(lambda: len(rig.rows("SELECT FROM penstock.procrastinate_workers")) == 2)

        def enough() -> bool:
            for connection_id in ids:
                enqueue(rig.database, connection_id, "manual")
            one, two = rig.syncs("one"), rig.syncs("two")
            return min(len(one), len(two)) > 4 and len({sync["worker"] for sync in one + two}) == 2

        eventually(enough)
        eventually(lambda: not rig.rows("SELECT FROM penstock.procrastinate_jobs"))
        stopped(first)
        stopped(second)
    for name in ("one", "two"):
        syncs = rig.syncs(name)
        assert {sync["outcome"] for sync in syncs} == {"succeeded"}
        for earlier, later in pairwise(syncs):
            assert earlier["finished_at"] <= later["started_at"]


def test_a_second_daemon_on_the_port_gets_one_clear_sentence(rig: Rig, bind: str) -> None:
    with rig.command("serve", PENSTOCK_BIND=bind) as first:
        eventually(lambda: get(bind, "/healthz"))
        with rig.command("serve", PENSTOCK_BIND=bind) as second:
            stdout, stderr = second.communicate(timeout=20)
        assert second.returncode == 2
        assert stdout == ""
        assert re.fullmatch(r"penstock: PENSTOCK_BIND: .*Address already in use.*\n", stderr), stderr
        stopped(first)


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_process_with_another_key_takes_no_jobs_until_credentials_are_sealed_with_it(
    rig: Rig, bind: str, tmp_path: Path, command: str
) -> None:
    enqueue(rig.database, rig.connect(manual=True), "manual")
    other = {"PENSTOCK_HOME": str(tmp_path / "other"), "PENSTOCK_BIND": bind}
    with rig.command(command, **other) as refused:
        stdout, stderr = refused.communicate(timeout=30)
    assert refused.returncode == 2
    assert stdout == ""
    assert re.fullmatch(r"penstock: \S+secret\.key: This key does not open .*\. Bring the key .*\n", stderr), stderr
    assert rig.syncs() == []
    settings = Settings(home=tmp_path / "other", database_url=rig.settings.database_url)
    change = ConnectionChange.model_validate({"auth": {"token": "planted-secret"}})
    Connections(rig.database, Vault(settings)).update("test", change)
    with rig.command(command, **other) as replaced:
        eventually(lambda: outcomes(rig) == ["succeeded"])
        stopped(replaced)


def test_a_daemon_that_listens_to_the_network_warns(rig: Rig) -> None:
    with rig.command("serve", PENSTOCK_BIND="0.0.0.0:0") as daemon:
        time.sleep(0.1)
        rig.connect()
        eventually(lambda: outcomes(rig) == ["succeeded"])
        _, log = stopped(daemon)
    assert "listens_to_the_network" in [entry["event"] for entry in log_events(log)]


def test_the_sync_command_hands_over_to_the_daemon_and_follows_it(rig: Rig, bind: str) -> None:
    rig.connect(manual=True, pages=10, size=10)
    with rig.command("serve", PENSTOCK_BIND=bind) as daemon:
        eventually(lambda: (get(bind, "/healthz") or [0])[0] == 200)
        with rig.command("sync", "test", "--json") as command:
            stdout, stderr = command.communicate(timeout=60)
        assert command.returncode == 0, stderr
        assert rig.syncs()[0]["worker"].endswith(f":{daemon.pid}")
        stopped(daemon)
    assert json.loads(stdout)["records_read"] == 100


def test_an_interrupted_sync_command_stops_at_its_next_checkpoint(rig: Rig) -> None:
    rig.connect(**SLOW)
    with rig.command("sync", "test") as command:
        eventually(lambda: len(rig.loaded()) >= 3)
        command.send_signal(signal.SIGINT)
        command.communicate(timeout=10)
        assert command.returncode == 130
    assert outcomes(rig) == ["cancelled"]


def test_a_sync_that_is_killed_goes_on_where_it_was(rig: Rig) -> None:
    rig.connect(**SLOW)
    with rig.command("sync", "test") as command:
        eventually(lambda: len(rig.loaded()) >= 3)
        command.kill()
        command.wait()
    loaded = rig.loaded()
    rig.configure(seconds=0)
    outcome = rig.sync()
    assert outcome.outcome == "succeeded"
    assert outcome.progress.read <= 400 - len(loaded)
    assert outcomes(rig) == ["interrupted", "succeeded"]
    assert rig.loaded() == list(range(400))


def test_a_daemon_outlives_a_restart_of_the_database(embedded_rig: Rig, bind: str) -> None:
    rig = embedded_rig
    rig.connect(**SLOW)
    with rig.command("serve", PENSTOCK_BIND=bind) as daemon:
        eventually(lambda: len(rig.loaded()) >= 3)
        Server(rig.settings.home).restart()
        eventually(lambda: "running" not in outcomes(rig)[:1])
        rig.configure(seconds=0)
        rig.execute("UPDATE penstock.syncs SET retry_at = now() WHERE outcome = 'failed'")
        eventually(lambda: outcomes(rig)[-1] == "succeeded", within=90)
        eventually(lambda: (get(bind, "/healthz") or [0])[0] == 200)
        stopped(daemon)
    assert outcomes(rig)[0] in {"failed", "interrupted"}
    assert rig.loaded() == list(range(400))
    assert rig.syncs()[-1]["records_read"] < 400


def test_while_the_database_is_away_the_daemon_says_so_and_comes_back(embedded_rig: Rig, bind: str) -> None:
    rig = embedded_rig
    rig.connect()
    server = Server(rig.settings.home)
    with rig.command("serve", PENSTOCK_BIND=bind) as daemon:
        eventually(lambda: outcomes(rig) == ["succeeded"])
        server.stop()
        status, parts = eventually(lambda: get(bind, "/healthz"))
        assert (status, parts["database"]) == (503, "down")
        threading.Event().wait(3)
        server.start()
        eventually(lambda: (get(bind, "/healthz") or [0])[0] == 200, within=60)
        enqueue(rig.database, rig.connections.get("test").id, "manual")
        eventually(lambda: outcomes(rig) == ["succeeded", "succeeded"])
        took, log = stopped(daemon)
    assert took < 10
    assert len(log_events(log)) < 60  # no busy loop, and no line for every try
