"""The image, as the Dockerfile makes it: beside a PostgreSQL on a network of their own, as compose.yaml has it."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
POSTGRES = "postgres:15-bookworm"

pytestmark = pytest.mark.docker


def docker(*arguments: str, text: str | None = None) -> str:
    """What a docker command prints on standard output; it must succeed."""
    ended = subprocess.run(["docker", *arguments], input=text, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"docker {' '.join(arguments)}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout.strip()


@pytest.fixture(scope="module", autouse=True)
def _engine() -> None:
    try:
        answer = subprocess.run(["docker", "version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"no Docker engine answers: {error}")
    if answer.returncode:
        pytest.skip(f"no Docker engine answers: {answer.stderr.strip()}")


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    tag = f"penstock-test:{uuid.uuid4().hex[:8]}"
    # the host's network, so that the build reaches the package registry in the way that this machine does
    docker("build", "--quiet", "--network", "host", "--tag", tag, str(ROOT))
    yield tag
    docker("rmi", tag)


class Stack:
    """The services of compose.yaml, and a sandbox to read from."""

    def __init__(self, image: str) -> None:
        self._image = image
        self.name = f"penstock-test-{uuid.uuid4().hex[:8]}"
        self.penstock = f"{self.name}-penstock"
        self._containers: list[str] = []

    def prepare(self) -> None:
        """Start everything but the daemon."""
        docker("network", "create", self.name)
        self._run("postgres", POSTGRES, env={"POSTGRES_USER": "penstock", "POSTGRES_PASSWORD": "p@ss/w:rd"})
        self._run("sandbox", self._image, "penstock", "sandbox", "hubspot", "--host", "0.0.0.0", "--contacts", "300")  # noqa: S104 - within the network

    def start(self) -> None:
        """Start the daemon; beside a new volume the first time, beside the same one later."""
        environment = {
            "PENSTOCK_DATABASE_URL": "postgresql://penstock@postgres/penstock",
            "PGPASSWORD": "p@ss/w:rd",
            "PENSTOCK_HUBSPOT_API_URL": "http://sandbox:8485",
        }
        flags = ("--volume", f"{self.name}:/var/lib/penstock", "--health-interval", "1s", "--restart", "on-failure")
        self._run("penstock", self._image, env=environment, flags=flags)
        eventually(lambda: docker("inspect", self.penstock, "--format", "{{.State.Health.Status}}") == "healthy")

    def exec(self, *command: str, text: str | None = None) -> str:
        return docker("exec", "--interactive", self.penstock, *command, text=text)

    def stop(self) -> tuple[int, float]:
        """Stop the daemon and remove its container; gives its exit code and the seconds it took."""
        began = time.monotonic()
        docker("stop", "--time", "30", self.penstock)
        seconds = time.monotonic() - began
        code = int(docker("inspect", self.penstock, "--format", "{{.State.ExitCode}}"))
        docker("rm", self.penstock)
        self._containers.remove(self.penstock)
        return code, seconds

    def token(self) -> str:
        """What the sandbox lets in, as it says when it listens."""
        said = eventually(lambda: docker("logs", f"{self.name}-sandbox"))
        return str(said).rpartition(" ")[2]

    def remove(self) -> None:
        for container in self._containers:
            docker("rm", "--force", "--volumes", container)
        docker("network", "rm", self.name)
        docker("volume", "rm", "--force", self.name)

    def _run(
        self, service: str, image: str, *command: str, env: dict[str, str] | None = None, flags: tuple[str, ...] = ()
    ) -> None:
        name = f"{self.name}-{service}"
        settings = [part for key, value in (env or {}).items() for part in ("--env", f"{key}={value}")]
        network = ("--network", self.name, "--network-alias", service)
        self._containers.append(name)
        docker("run", "--detach", "--name", name, *network, *settings, *flags, image, *command)


def eventually(check: Callable[[], object], *, within: float = 60.0) -> object:
    give_up_at = time.monotonic() + within
    while not (found := check()):
        assert time.monotonic() < give_up_at, "it did not happen in time"
        time.sleep(0.2)
    return found


@pytest.fixture
def stack(image: str) -> Iterator[Stack]:
    stack = Stack(image)
    try:
        stack.prepare()
        yield stack
    finally:
        stack.remove()


def test_it_replicates_as_no_root_stops_in_time_and_keeps_its_key(stack: Stack) -> None:
    stack.start()
    assert stack.exec("id", "--user") == "10001"
    stack.exec("sh", "-c", "! command -v uv && ! command -v cc")  # what builds it stays behind
    assert stack.exec("stat", "--format", "%U %a", "/var/lib/penstock/secret.key") == "penstock 600"

    stack.exec(
        "penstock", "connections", "create", "--schema", "hubspot", "--access-token-file", "-", text=stack.token()
    )
    outcome = json.loads(stack.exec("penstock", "sync", "hubspot", "--json"))
    assert (outcome["outcome"], outcome["rows_inserted"] > 300) == ("succeeded", True)

    code, seconds = stack.stop()
    assert code == 0
    assert seconds < 10

    stack.start()
    assert "FAILED" not in stack.exec("penstock", "connections", "test", "hubspot")  # the key opens what it sealed
