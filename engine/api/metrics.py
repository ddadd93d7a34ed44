"""What Prometheus reads: how each connection is, as the state database has it at that moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

LABELS = ("connection", "service", "group")

Statuses = Callable[[], Sequence[Mapping[str, Any]]]


class ConnectionMetrics(Collector):
    """Gauges made from rows of the view `connection_status`."""

    def __init__(self, statuses: Statuses) -> None:
        self._statuses = statuses

    def collect(self) -> Iterable[Metric]:
        """The gauges as they are now."""
        syncing = GaugeMetricFamily("penstock_syncing", "1 while a sync is running.", labels=LABELS)
        success = GaugeMetricFamily("penstock_last_success_timestamp_seconds", "When a sync succeeded.", labels=LABELS)
        failure = GaugeMetricFamily("penstock_last_failure_timestamp_seconds", "When a sync failed.", labels=LABELS)
        for row in self._statuses():
            labels = [row["name"], row["service"], row["group"]]
            syncing.add_metric(labels, row["sync_state"] == "syncing")
            for gauge, at in ((success, row["last_success"]), (failure, row["last_failure"])):
                if at is not None:
                    gauge.add_metric(labels, at.timestamp())
        return [syncing, success, failure]

    def describe(self) -> Iterable[Metric]:
        """Nothing: without it the database would be asked once more."""
        return ()


def exposition(statuses: Statuses) -> bytes:
    """The metrics in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(ConnectionMetrics(statuses))
    return generate_latest(registry)
