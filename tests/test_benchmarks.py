"""The benchmarks' own arithmetic and forms. Nothing here measures anything: how fast a machine is, is no test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import machines, report, scale, suite, wrk
from benchmarks.__main__ import main
from benchmarks.figures import percentile, readable, spread
from benchmarks.report import Collection, Measure, Ratio, Reported
from benchmarks.seeds import SEEDS
from benchmarks.server import DEFINITIONS, FUNCTIONS
from task_functions.registry import REGISTRY, load
from workflows.language import read_definition
from workflows.states import StateMachine

QUIET = """\
Running 4s test @ http://127.0.0.1:8080/jobs/three/execute
  1 threads and 8 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     8.11ms    2.06ms  31.44ms   91.70%
    Req/Sec     0.99k   101.30     1.15k    77.50%
  Latency Distribution
     50%    7.73ms
     75%    8.40ms
     90%  950.00us
     99%    1.02s
  3959 requests in 4.01s, 1.03MB read
Requests/sec:    987.28
Transfer/sec:    262.27KB
"""

TROUBLED = QUIET.replace(
    "Requests/sec:",
    "  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 17\nRequests/sec:",
)


# ------------------------------------------------------------------------------------------------------------- figures


def test_a_spread_is_the_median_and_the_range_of_the_rounds() -> None:
    found = spread([3.0, 1.0, 10.0])
    assert (found.median, found.low, found.high, found.values) == (3.0, 1.0, 10.0, (3.0, 1.0, 10.0))


def test_a_spread_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no rounds"):
        spread([])


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (1, 1), (50, 50), (99, 99), (100, 100)])
def test_a_percentile_is_the_nearest_rank(percent: float, value: float) -> None:
    assert percentile(list(range(100, 0, -1)), percent) == value


def test_the_percentile_of_one_value_is_that_value() -> None:
    assert percentile([7.0], 50) == percentile([7.0], 99) == 7.0


def test_a_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1234567.8, "1,234,568"), (123.45, "123"), (12.345, "12.3"), (1.0, "1.00"), (0.01234, "0.0123"), (-12.345, "-12.3")],
)
def test_three_digits_of_a_figure_are_shown(value: float, text: str) -> None:
    assert readable(value) == text


# ----------------------------------------------------------------------------------------------------------------- wrk


def test_a_report_of_wrk_is_read() -> None:
    driven = wrk.parse(QUIET)
    assert (driven.requests, driven.seconds, driven.refused, driven.broken) == (3959, 4.01, 0, 0)
    assert driven.p50 == pytest.approx(0.00773)
    assert driven.p99 == pytest.approx(1.02)
    assert driven.rate == pytest.approx(3959 / 4.01)


def test_refused_and_broken_requests_are_counted() -> None:
    driven = wrk.parse(TROUBLED)
    assert (driven.refused, driven.broken) == (17, 10)


@pytest.mark.parametrize("output", ["", "unable to connect to 127.0.0.1:1 Connection refused", QUIET.replace("99%", "98%")])
def test_what_is_no_report_is_refused(output: str) -> None:
    with pytest.raises(ValueError, match="no report of wrk"):
        wrk.parse(output)


def test_without_wrk_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(wrk.WrkMissing, match="apt-get install wrk"):
        wrk.post("http://127.0.0.1:1/", 1, 1)
    result = CliRunner().invoke(main, ["--directory", str(tmp_path / "data")])
    assert result.exit_code == 1
    assert "apt-get install wrk" in result.output


# -------------------------------------------------------------------------------------------------------------- report


def test_columns_are_as_wide_as_they_must_be() -> None:
    assert (
        report.table(("name", "n"), [("a", "1,000"), ("long name", "2")])
        == "name           n\n---------  -----\na          1,000\nlong name      2"
    )


def test_a_table_without_lines_is_its_head() -> None:
    assert report.table(("name", "n"), []) == "name  n\n----  -"


@pytest.fixture
def collection() -> Collection:
    made = Collection()
    for value, raw in ((10.0, 900.0), (30.0, 1100.0), (20.0, 1000.0)):
        made.add(Measure("durable", value, "1/s", raw))
        made.add(Measure("quick", value * 4, "1/s"))
    return made


def test_rounds_come_together_in_rows(collection: Collection) -> None:
    durable, quick = collection.rows()
    assert durable.raw is not None
    assert (durable.name, durable.value.median, durable.raw.median) == ("durable", 20.0, 1000.0)
    assert (quick.name, quick.value.median, quick.raw) == ("quick", 80.0, None)


def test_a_ratio_is_of_medians_and_absent_where_one_of_the_two_is(collection: Collection) -> None:
    assert collection.ratio("quick", "durable") == 4.0
    assert collection.ratio("quick", "absent") is None
    assert collection.ratio("absent", "quick") is None


def test_the_text_sets_apart_what_is_only_reported(collection: Collection) -> None:
    text = report.text({"rounds": "3"}, collection.rows(), [Ratio("quick / durable", 4.0)], [Reported("theirs", "speed", "92")])
    measured, told = text.split("NOT measured")
    assert measured.startswith("rounds: 3\n")
    line = next(line for line in measured.splitlines() if line.startswith("durable "))
    assert line.split() == ["durable", "20.0", "10.0", "..", "30.0", "1/s", "1,000", "900", "..", "1,100"]
    assert "4.00" in measured
    assert "theirs" not in measured
    assert "92" in told


def test_what_has_a_target_is_shown_beside_it(collection: Collection) -> None:
    assert "targets" not in report.text({}, collection.rows(), [], [])
    for value in (20.0, 60.0, 70.0):
        collection.add(Measure("lateness", value, "ms", target=50.0))
    lines = report.text({}, collection.rows(), [], []).splitlines()
    aim = lines.index(next(line for line in lines if line.startswith("targets ")))
    assert (lines[aim].split(), lines[aim + 2].split()) == (["targets", "median", "at", "most", "unit"], ["lateness", "60.0", "50.0", "ms"])
    data = report.document({}, collection.rows(), [], [])["measured"]
    assert [(row["name"], row["target"]) for row in data] == [("durable", None), ("quick", None), ("lateness", 50.0)]


def test_the_document_holds_the_same_as_json(collection: Collection) -> None:
    data = json.loads(json.dumps(report.document({"rounds": "3"}, collection.rows(), [Ratio("r", 4.0)], SEEDS)))
    assert data["measured"][0]["disk"] == {"median": 1000.0, "min": 900.0, "max": 1100.0, "rounds": [900.0, 1100.0, 1000.0]}
    assert data["measured"][1]["disk"] is None
    assert data["ratios"] == {"r": 4.0}
    assert len(data["reported"]) == len(SEEDS)


# --------------------------------------------------------------------------------------------------------------- suite


def test_every_benchmark_has_a_name_of_its_own_and_a_description() -> None:
    names = [benchmark.name for benchmark in suite.BENCHMARKS]
    assert len(set(names)) == len(names)
    assert all(benchmark.description.endswith(".") for benchmark in suite.BENCHMARKS)


def test_the_list_shows_every_benchmark() -> None:
    result = CliRunner().invoke(main, ["--list"])
    assert result.exit_code == 0
    for benchmark in suite.BENCHMARKS:
        assert benchmark.description in result.output


def test_an_unknown_benchmark_is_refused_with_the_names_there_are() -> None:
    result = CliRunner().invoke(main, ["--only", "w9"])
    assert result.exit_code == 2
    assert "w1-memory" in result.output


def test_rounds_are_interleaved_and_get_a_fresh_directory_each(tmp_path: Path) -> None:
    order: list[str] = []

    def one(name: str) -> suite.Benchmark:
        def measure(directory: Path, _scale: suite.Scale) -> list[Measure]:
            assert not list(directory.iterdir())
            (directory / "left behind").touch()
            order.append(name)
            return [Measure(name, len(order), "")]

        return suite.Benchmark(name, "A test.", measure)

    collection = suite.run([one("a"), one("b")], suite.QUICK, 3, tmp_path, lambda _line: None)
    assert order == ["a", "b"] * 3
    assert [row.value.values for row in collection.rows()] == [(1, 3, 5), (2, 4, 6)]
    assert not list(tmp_path.iterdir())


def test_ratios_are_given_for_what_was_measured() -> None:
    collection = Collection()
    assert suite.ratios(collection) == []
    collection.add(Measure("W1 strict, 8 connections: executions", 100.0, "1/s"))
    collection.add(Measure("core only: executions", 500.0, "1/s"))
    assert [ratio.value for ratio in suite.ratios(collection)] == [5.0]


@pytest.mark.parametrize("path", sorted(DEFINITIONS.glob("*.json")), ids=lambda path: str(path.stem))
def test_the_definitions_are_accepted_with_the_benchmarks_own_functions(path: Path) -> None:
    before = REGISTRY.snapshot()
    try:
        names = load(str(FUNCTIONS)).names
    finally:
        REGISTRY.restore(before)
    assert read_definition(path.read_bytes(), functions=names.__contains__).id == path.stem


@pytest.mark.parametrize(
    "document",
    [
        machines.chain(3),
        machines.three(),
        machines.each(),
        machines.each(most=1),
        machines.selected(),
        machines.parallel(3),
        machines.waiting(),
    ],
)
def test_the_state_machines_are_accepted(document: str) -> None:
    definition = read_definition(document, functions={"noop"}.__contains__)
    assert isinstance(definition, StateMachine)
    assert definition.warnings == ()


@pytest.mark.parametrize(("document", "data", "units"), [(machines.selected(), machines.items(3), 3), (machines.chain(4), "{}", 4)])
def test_a_cost_is_of_executions_that_completed(tmp_path: Path, document: str, data: str, units: int) -> None:
    before = REGISTRY.snapshot()
    try:
        found = scale.cost(tmp_path / "store.fs", document, units, data=data)
    finally:
        REGISTRY.restore(before)
    assert min(found.seconds, found.stored, found.raw) > 0


def test_a_cost_of_what_does_not_complete_is_refused(tmp_path: Path) -> None:
    before = REGISTRY.snapshot()
    try:
        with pytest.raises(RuntimeError, match="of 2 executions of store 0 completed"):
            scale.cost(tmp_path / "store.fs", machines.each(), 1, data="{}")
    finally:
        REGISTRY.restore(before)
