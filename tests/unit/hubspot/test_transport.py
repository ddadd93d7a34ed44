"""What can happen on the way: whatever breaks is one kind of error that says in a few words what it was."""

from __future__ import annotations

import socket
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from urllib3 import Timeout

from connectors.hubspot.transport import Transport

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.hubspot.transport.TIMEOUT", Timeout(connect=5.0, read=0.3))


@contextmanager
def answering(answer: bytes, *, hang: bool = False, reset: bool = False) -> Iterator[str]:
    """A server that sends these bytes to everybody, then closes, resets or hangs; gives its address."""
    done = threading.Event()

    def serve() -> None:
        while not done.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                client.recv(65536)
                client.sendall(answer)
                if hang:
                    done.wait(5)
                if reset:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, daemon=True)
        server.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            done.set()
            listener.shutdown(socket.SHUT_RDWR)
            server.join()


def send(url: str) -> bytes:
    transport = Transport(url)
    try:
        return transport.send("GET", "/", {}).body
    finally:
        transport.close()


def test_an_answer_is_read_whole() -> None:
    with answering(HEAD + b"Content-Length: 2\r\n\r\n{}") as address:
        assert send(f"http://{address}") == b"{}"
    with answering(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n") as address:
        assert send(f"http://{address}") == b"{}"


BROKEN = {
    "nothing": (b"", {}, "broke off"),
    "nothing, reset": (b"", {"reset": True}, "broke off"),
    "nothing, hanging": (b"", {"hang": True}, "no answer came in time"),
    "half a line": (b"HTT", {}, "broke off"),
    "no HTTP": (b"SSH-2.0-OpenSSH\r\n\r\n", {}, "broke off"),
    "Content-Length too large": (HEAD + b"Content-Length: 9\r\n\r\n{}", {}, "broke off"),
    "Content-Length too large, reset": (HEAD + b"Content-Length: 9\r\n\r\n{}", {"reset": True}, "broke off"),
    "Content-Length too large, hanging": (HEAD + b"Content-Length: 9\r\n\r\n{}", {"hang": True}, "no answer came in time"),
    "a chunk cut off": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\n{}", {}, "broke off"),
    "the last chunk missing": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", {}, "broke off"),
    "a chunk without a length": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", {}, "broke off"),
    "gzip that is none": (HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", {}, "broke off"),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "end", "said"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_whole_answer_is_told(answer: bytes, end: dict[str, bool], said: str) -> None:
    with answering(answer, **end) as address, pytest.raises(ConnectionError, match=said):
        send(f"http://{address}")


def test_a_server_without_tls_is_told() -> None:
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as address, pytest.raises(ConnectionError, match="TLS with"):
        send(f"https://{address}")


def test_a_port_that_nobody_listens_on_is_told() -> None:
    with pytest.raises(ConnectionError, match=r"127\.0\.0\.1:9 takes no connections"):
        send("http://127.0.0.1:9")


def test_a_name_that_nobody_knows_is_told() -> None:
    with pytest.raises(ConnectionError, match=r"the name hubspot\.invalid cannot be resolved"):
        send("https://hubspot.invalid")


def test_a_header_that_cannot_be_sent_is_told_without_its_text() -> None:
    transport, headers = Transport("http://127.0.0.1:9"), {"Authorization": f"Bearer {'planted'}\n"}
    with pytest.raises(ConnectionError, match="holds what cannot be sent") as broken:
        transport.send("GET", "/", headers)
    assert "Bearer planted" not in "".join(traceback.format_exception(broken.value))
