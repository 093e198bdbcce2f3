"""Writes metrics as Prometheus reads them: its text format, or OpenMetrics for whoever would rather have that.

The only file that knows prometheus_client, which is loaded when somebody asks for the first time. Each answer has a registry of its own,
in which a collector holds what was read a moment before, and the library's own collector what the process uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from werkzeug.datastructures import MIMEAccept

from workflows.runtime.buckets import Buckets
from workflows.service.metrics import PREFIX, Kind, Reading

if TYPE_CHECKING:
    from prometheus_client.core import HistogramMetricFamily, Metric
    from prometheus_client.registry import Collector

TEXT = "text/plain"
OPEN_METRICS = "application/openmetrics-text"

UNITS = ("seconds", "bytes")


def exposition(readings: Iterable[Reading], accept: MIMEAccept) -> tuple[bytes, str]:
    """The text, and its content type."""
    from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, ProcessCollector, exposition
    from prometheus_client.openmetrics import exposition as open_metrics

    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_collector(readings))
    if _wanted(accept) == OPEN_METRICS:
        return bytes(open_metrics.generate_latest(registry)), open_metrics.CONTENT_TYPE_LATEST  # type: ignore[no-untyped-call]
    return exposition.generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4


def _wanted(accept: MIMEAccept) -> str:
    """The first of the two in the order of preference, whatever version and escaping it is asked for in; without any, text."""
    asked = (value.partition(";")[0].strip().lower() for value, quality in accept if quality > 0)
    return next((media for media in asked if media in (TEXT, OPEN_METRICS)), TEXT)


def _collector(readings: Iterable[Reading]) -> Collector:
    from prometheus_client.registry import Collector

    class Given(Collector):
        def collect(self) -> Iterator[Metric]:
            return map(_family, readings)

    return Given()


def _family(reading: Reading) -> Metric:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily

    metric = reading.metric
    name, about, labels = f"{PREFIX}{metric.name}", metric.about.replace("`", ""), metric.labels
    unit = next((unit for unit in UNITS if name.endswith(f"_{unit}")), "")
    if metric.kind is Kind.HISTOGRAM:
        return _histogram(HistogramMetricFamily(name, about, labels=labels, unit=unit), reading)
    if metric.kind is Kind.INFO:
        info = InfoMetricFamily(name, about, labels=())
        for values, _ in reading.samples:
            info.add_metric((), dict(zip(labels, values, strict=True)))
        return info
    made = (CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily)(name, about, labels=labels, unit=unit)
    for values, figure in reading.samples:
        assert not isinstance(figure, Buckets), "only histograms have buckets"
        made.add_metric(values, figure)
    return made


def _histogram(made: HistogramMetricFamily, reading: Reading) -> Metric:
    for values, figure in reading.samples:
        assert isinstance(figure, Buckets), "a histogram has buckets"
        upto = [("+Inf" if bound == float("inf") else str(bound), count) for bound, count in figure.upto]
        made.add_metric(values, upto, figure.total)
    return made
