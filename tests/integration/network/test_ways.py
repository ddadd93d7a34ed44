"""Every way to a destination, up to rows in its tables, and what is said where one is barred."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr
from support.front import Identity, front
from support.http_proxy import PASSWORD, USER, HttpProxy
from support.ssh_server import USER as SSH_USER
from support.ssh_server import SshServer

from destinations.postgres import plugin
from engine.contract import Address, Checkpoint, Column, ColumnType, Destination, Rows, SetupTest, Table, TestStatus
from engine.network.forwarding import running
from engine.network.ssh import new_key, public_key
from engine.network.trust import Approved, Trust, certificate
from engine.network.way import Way

KEY = new_key()
THINGS = Table("things", (Column("id", ColumnType.BIGINT),), ("id",))


class Network:
    """Servers of a test, which end with it."""

    def __init__(self, database_url: str, folder: Path, stack: ExitStack) -> None:
        self._url = database_url
        self._folder = folder
        self._stack = stack
        known = conninfo_to_dict(database_url)
        self.config: dict[str, Any] = {"user": known["user"], "database": known["dbname"]}
        if known.get("password"):
            self.config["password"] = known["password"]

    def database(self, identity: Identity | None = None) -> Address:
        """The database's own address; with an identity it speaks TLS."""
        return self.run(front(self._url, identity.context(self._folder) if identity else None))

    def run(self, server: Any) -> Address:
        return self._stack.enter_context(running(server))

    def destination(self, address: Address, way: Way | None = None, **config: Any) -> Destination:
        config = {**self.config, "host": address.host, "port": address.port, **config}
        return plugin.connect(plugin.config(**config), way or Way())


@pytest.fixture
def network(database_url: str, tmp_path: Path) -> Iterator[Network]:
    with ExitStack() as stack:
        yield Network(database_url, tmp_path, stack)


def findings(destination: Destination) -> list[SetupTest]:
    return [test for test in destination.setup_tests() if test.status is not TestStatus.SKIPPED]


def barred(destination: Destination) -> SetupTest:
    (finding,) = findings(destination)
    assert finding.status is TestStatus.FAILED
    return finding


def assert_loads(destination: Destination, database_url: str) -> None:
    """Rows can be loaded, more than one connection's buffers hold, and everything is closed afterwards."""
    assert {test.status for test in findings(destination)} == {TestStatus.PASSED}
    session = destination.open("crm")
    session.prepare(THINGS)
    session.write(Rows("things", ("id",), [(str(number),) for number in range(100_000)]))
    session.commit("things", Checkpoint({"at": 1}).cursor)
    assert session.lacking("things", ("id",), [("7",), ("-1",)]) == [("-1",)]
    session.close()
    with psycopg.connect(database_url) as person:
        assert person.execute("SELECT count(*), sum(id) FROM crm.things").fetchone() == (100_000, 4_999_950_000)


def tunnel(address: Address, **config: Any) -> dict[str, Any]:
    named = {"tunnel_host": address.host, "tunnel_port": address.port, "tunnel_user": SSH_USER}
    return {"connection_type": "SshTunnel", **named, **config}


def way(*approved: Approved, kinds: frozenset[Any] = frozenset(), **fields: Any) -> Way:
    return Way(ssh_key=lambda: SecretStr(KEY), trust=Trust(approved, kinds), **fields)


def host_key(server: SshServer) -> Approved:
    return Approved("fingerprint", server.fingerprint, server.public_key)


def test_a_tunnel_leads_to_the_database_once_its_key_is_approved(network: Network, database_url: str) -> None:
    server = SshServer(lets_in=[public_key(KEY)])
    database, through = network.database(), tunnel(network.run(server.running()))
    refused = barred(network.destination(database, way(), **through))
    assert refused.title == "Validating fingerprint"
    assert refused.details == {"hash": server.fingerprint, "public_key": server.public_key}
    assert not server.asked
    assert_loads(network.destination(database, way(host_key(server)), **through), database_url)
    assert set(server.asked) == {tuple(database)}


def test_a_fingerprint_alone_will_do(network: Network, database_url: str) -> None:
    server = SshServer(lets_in=[public_key(KEY)])
    through = tunnel(network.run(server.running()))
    approved = Approved("fingerprint", server.fingerprint, "mistyped")
    assert_loads(network.destination(network.database(), way(approved), **through), database_url)


def test_what_may_be_trusted_is_met_once(network: Network, database_url: str) -> None:
    server, identity = SshServer(lets_in=[public_key(KEY)]), Identity("warehouse")
    trusting = way(kinds=frozenset({"fingerprint", "certificate"}))
    config = tunnel(network.run(server.running()), always_encrypted=True)
    assert_loads(network.destination(network.database(identity), trusting, **config), database_url)
    assert trusting.trust.met == [host_key(server), certificate(identity.der)]


Bar = Callable[[SshServer], None]
BARS: Mapping[str, tuple[Bar, str]] = {
    "nobody knows the key": (
        lambda server: server.lets_in.clear(),
        "Add this line to that user's ~/.ssh/authorized_keys",
    ),
    "it does not forward": (lambda server: setattr(server, "forwards", False), "Allow TCP forwarding"),
}


@pytest.mark.parametrize(("bar", "told"), BARS.values(), ids=BARS)
def test_a_server_that_does_not_let_us_through_is_told(network: Network, bar: Bar, told: str) -> None:
    server = SshServer(lets_in=[public_key(KEY)])
    bar(server)
    through = tunnel(network.run(server.running()))
    finding = barred(network.destination(network.database(), way(host_key(server)), **through))
    assert told in finding.message
    assert "Traceback" not in finding.message


def test_a_server_with_another_key_than_the_approved_one_is_not_let_near_the_password(network: Network) -> None:
    server, other = SshServer(lets_in=[public_key(KEY)]), SshServer()
    through = tunnel(network.run(server.running()))
    finding = barred(network.destination(network.database(), way(host_key(other)), **through))
    assert finding.details == {"hash": server.fingerprint, "public_key": server.public_key}
    assert not server.asked


def test_a_tunnel_to_nowhere_is_told(network: Network) -> None:
    server = SshServer(lets_in=[public_key(KEY)])
    through = tunnel(network.run(server.running()))
    assert (
        "127.0.0.1:1" in barred(network.destination(Address("127.0.0.1", 1), way(host_key(server)), **through)).message
    )
    nobody = tunnel(Address("127.0.0.1", 1))
    assert "Connection refused" in barred(network.destination(network.database(), way(), **nobody)).message
    no_server = network.destination(network.database(), way(method="SshTunnel"))
    assert "needs tunnel_host and tunnel_user" in barred(no_server).message


def test_the_method_of_the_way_goes_before_the_destinations_own(network: Network, database_url: str) -> None:
    server = SshServer(lets_in=[public_key(KEY)])
    through = tunnel(network.run(server.running()), connection_type="Directly")
    database = network.database()
    assert_loads(network.destination(database, way(host_key(server), method="SshTunnel"), **through), database_url)
    assert server.asked


AUTHORITY = Identity("authority")
SIGNED = Identity("warehouse", by=AUTHORITY)
ALONE = Identity("warehouse")


@pytest.mark.parametrize(
    ("shown", "approved"),
    [(ALONE, ALONE), (SIGNED, SIGNED), (SIGNED, AUTHORITY)],
    ids=["by itself", "by another, itself approved", "by another, which is approved"],
)
def test_a_certificate_is_good_once_it_or_its_authority_is_approved(
    network: Network, database_url: str, shown: Identity, approved: Identity
) -> None:
    database = network.database(shown)
    refused = barred(network.destination(database, way(), always_encrypted=True))
    assert refused.title == "Validating certificate"
    found = certificate(shown.der)
    assert refused.details == {"hash": found.hash, "encoded_cert": found.content}
    trusting = way(certificate(approved.der))
    assert_loads(network.destination(database, trusting, always_encrypted=True), database_url)


def test_another_certificate_than_the_approved_one_is_refused(network: Network) -> None:
    finding = barred(network.destination(network.database(ALONE), way(certificate(SIGNED.der)), always_encrypted=True))
    assert finding.details == {"hash": certificate(ALONE.der).hash, "encoded_cert": certificate(ALONE.der).content}


def test_a_certificate_that_is_over_is_refused_although_it_is_approved(network: Network) -> None:
    over = Identity("warehouse", days=-1)
    finding = barred(network.destination(network.database(over), way(certificate(over.der)), always_encrypted=True))
    assert "certificate has expired" in finding.message


def test_without_tls_nothing_is_sent_to_who_has_to_speak_it(network: Network) -> None:
    finding = barred(network.destination(network.database(), way(), always_encrypted=True))
    assert "does not speak TLS" in finding.message


def through_proxy(address: Address, user: str = f"{USER}:{quote(PASSWORD, safe='')}@") -> Way:
    return Way("ProxyAgent", proxy=lambda: SecretStr(f"http://{user}{address.host}:{address.port}"))


def test_a_proxy_leads_to_the_database(network: Network, database_url: str) -> None:
    proxy, database = HttpProxy(), network.database()
    assert_loads(network.destination(database, through_proxy(network.run(proxy.running()))), database_url)
    assert set(proxy.asked) == {("CONNECT", f"{database.host}:{database.port}")}


def test_a_proxy_that_refuses_is_told_without_its_password(network: Network) -> None:
    address = network.run(HttpProxy().running())
    finding = barred(network.destination(network.database(), through_proxy(address, "user:planted@")))
    assert f"The proxy 127.0.0.1:{address.port} does not let us through" in finding.message
    assert "407" in finding.message
    assert "planted" not in str(finding)
    nobody = barred(network.destination(network.database(), through_proxy(Address("127.0.0.1", 1))))
    assert nobody.message == "The proxy 127.0.0.1:1 cannot be used: Connection refused."
    unnamed = barred(network.destination(network.database(), Way("ProxyAgent")))
    assert "proxy_agent_id" in unnamed.message


def test_a_private_link_stands_for_the_host(network: Network, database_url: str) -> None:
    database = network.database()
    private = Way("PrivateLink", private_address=lambda: SecretStr(f"{database.host}:{database.port}"))
    assert_loads(network.destination(Address("warehouse.invalid", 1), private), database_url)
    same_port = Way("PrivateLink", private_address=lambda: SecretStr(database.host))
    assert_loads(network.destination(Address("warehouse.invalid", database.port), same_port), database_url)
