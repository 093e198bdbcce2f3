"""Tasks: what they call, their history, retries and catchers (ASL.md sections C and P, W.13 and W.14)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.machines import Boom, attempt, details, failure, go, machine, one, play, raising, world_of
from tests.core.world import World
from workflows.core.asl_tasks import frames_of
from workflows.events import Failed, Succeeded
from workflows.model import ROOT, At, Error, Status
from workflows.numbers import loads

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
INVOKE = "arn:aws:states:::lambda:invoke"
AT_X = "An error occurred while executing the state 'X' (entered at the event id #2). "


def task(**fields: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": "f", **fields}


def double(data: Any) -> Any:
    return {"twice": data["n"] * 2}


# ------------------------------------------------------------------------------------------------------------ resources


def test_a_function_by_name() -> None:
    world = one(task(TimeoutSeconds=9, HeartbeatSeconds=3, Credentials={"RoleArn": "arn:r"}), {"n": 2}, f=double)
    assert world.output() == {"twice": 4}
    assert world.types() == [
        *("ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded"),
    ]
    resource = {"resourceType": "function", "resource": "f"}
    limits = {"timeoutInSeconds": 9, "heartbeatInSeconds": 3, "taskCredentials": {"roleArn": "arn:r"}}
    assert details(world, "TaskScheduled") == [{**resource, "region": "us-east-1", "parameters": {"n": 2}, **limits}]
    assert details(world, "TaskStarted") == [resource]
    assert details(world, "TaskSucceeded") == [{**resource, "output": {"twice": 4}}]


def test_a_lambda_arn() -> None:
    world = one(task(Resource=ARN, Parameters={"n.$": "$.m"}, TimeoutSeconds=9, HeartbeatSeconds=3), {"m": 2}, f=double)
    assert world.output() == {"twice": 4}
    assert details(world, "LambdaFunctionScheduled") == [{"resource": ARN, "input": {"n": 2}, "timeoutInSeconds": 9}]
    assert details(world, "LambdaFunctionStarted") == [{}]
    assert details(world, "LambdaFunctionSucceeded") == [{"output": {"twice": 4}}]


@pytest.mark.parametrize(
    ("parameters", "version"),
    [
        ({"FunctionName": "f", "Payload.$": "$"}, "$LATEST"),
        ({"FunctionName": f"{ARN}:7", "Payload.$": "$"}, "7"),
        ({"FunctionName.$": "$.name", "Payload": {"n": 2}}, "$LATEST"),
        ({"FunctionName": "f", "Qualifier": "live", "Payload": {"n": 2}}, "live"),
    ],
)
def test_lambda_invoke(parameters: dict[str, Any], version: str) -> None:
    world = one(task(Resource=INVOKE, Parameters=parameters), {"n": 2, "name": "f"}, f=double)
    output = world.output()
    assert list(output) == ["ExecutedVersion", "Payload", "SdkHttpMetadata", "SdkResponseMetadata", "StatusCode"]
    assert (output["Payload"], output["StatusCode"], output["ExecutedVersion"]) == ({"twice": 4}, 200, version)
    http = output["SdkHttpMetadata"]
    assert http["HttpStatusCode"] == 200
    assert http["AllHttpHeaders"] == {name: [value] for name, value in http["HttpHeaders"].items()}
    assert http["HttpHeaders"]["Content-Length"] == "11"
    assert http["HttpHeaders"]["Date"] == "Thu, 01 Jan 1970 00:16:40 GMT"
    assert output["SdkResponseMetadata"]["RequestId"] == http["HttpHeaders"]["x-amzn-RequestId"]
    (scheduled,) = details(world, "TaskScheduled")
    assert (scheduled["resourceType"], scheduled["resource"]) == ("lambda", "invoke")
    assert scheduled["parameters"].keys() == {key.removesuffix(".$") for key in parameters}


def test_lambda_invoke_without_a_payload() -> None:
    seen: list[Any] = []
    one(task(Resource=INVOKE, Parameters={"FunctionName": "f"}), {"n": 2}, f=seen.append)
    assert seen == [{}]


def test_the_payload_of_a_result_keeps_its_numbers() -> None:
    world = world_of(machine(X=task(Resource=INVOKE, Parameters={"FunctionName": "f"}, OutputPath="$.Payload")))
    world.take()
    world.feed(Succeeded(world.now, 1, ROOT, world.visit(), '{"n": 1.00}'))
    assert world.text(world.head().output) == '{"n":1.00}'


def test_a_function_name_that_is_none() -> None:
    parameters = {"FunctionName.$": "$.name"}
    world = one(task(Resource=INVOKE, Parameters=parameters), {"name": 5})
    assert failure(world) == ("States.Runtime", f"{AT_X}The field 'FunctionName' is required and must be a STRING")


@pytest.mark.parametrize(("name", "value"), [("TimeoutSeconds", 9), ("HeartbeatSeconds", 7)])
def test_limits_by_path(name: str, value: int) -> None:
    world = world_of(machine(X=task(**{f"{name}Path": "$.t"})), {"t": value})
    world.take()
    assert world.timers() == {ROOT: 1_000.0 + value}
    for wrong in (0, "x", True, 1.5, -1, 100_000_000):
        world = one(task(**{f"{name}Path": "$.t"}), {"t": wrong})
        assert failure(world)[0] == "States.Runtime"
        assert f"The {name}Path parameter must reference a positive integer: $.t == " in failure(world)[1]


# -------------------------------------------------------------------------------------------------------------- results


@pytest.mark.parametrize(
    ("fields", "output"),
    [
        ({}, {"twice": 4}),
        ({"ResultPath": "$.r"}, {"n": 2, "r": {"twice": 4}}),
        ({"ResultPath": None}, {"n": 2}),
        ({"ResultSelector": {"t.$": "$.twice", "of.$": "$$.State.Name"}}, {"t": 4, "of": "X"}),
        ({"ResultSelector": {"t.$": "$.twice"}, "ResultPath": "$.r", "OutputPath": "$.r.t"}, 4),
    ],
)
def test_the_way_of_a_result(fields: dict[str, Any], output: Any) -> None:
    assert one(task(**fields), {"n": 2}, f=double).output() == output


def test_a_result_that_cannot_be_selected_from_may_be_retried_and_caught() -> None:
    selector = {"t.$": "States.ArrayGetItem($.l, 9)"}
    catch = [{"ErrorEquals": ["States.IntrinsicFailure"], "Next": "Y"}]
    retry = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]
    states = machine(X=task(ResultSelector=selector, Retry=retry, Catch=catch, Next="Y"), Y={"Type": "Pass"})
    world = play(states, {}, f=lambda _: {"l": []})
    assert world.output()["Error"] == "States.IntrinsicFailure"
    assert world.types().count("TaskScheduled") == 2


def test_a_result_that_is_too_long() -> None:
    world = one(task(Retry=[{"ErrorEquals": ["States.ALL"]}]), {}, f=lambda _: "x" * 262_143)
    cause = "The state/task 'f' returned a result with a size exceeding the maximum number of bytes service limit."
    assert failure(world) == ("States.DataLimitExceeded", cause)
    assert world.types().count("TaskScheduled") == 1


# ------------------------------------------------------------------------------------------------------------- failures


def test_a_failure_tells_what_lambda_tells() -> None:
    world = world_of(machine(X=task(Resource=ARN)))
    world.take()
    trace = 'Traceback (most recent call last):\n  File "/var/task/handler.py", line 4, in handler\n    raise Boom()\nBoom: it broke\n'
    world.feed(Failed(world.now, 1, ROOT, world.visit(), Error("Boom", "it broke", trace)))
    error, cause = failure(world)
    told = loads(cause)
    assert (error, list(told)) == ("Boom", ["errorMessage", "errorType", "requestId", "stackTrace"])
    assert (told["errorMessage"], told["errorType"]) == ("it broke", "Boom")
    assert told["stackTrace"] == ['  File "/var/task/handler.py", line 4, in handler\n    raise Boom()\n']
    assert details(world, "LambdaFunctionFailed") == [{"error": "Boom", "cause": cause}]
    assert world.error().traceback == trace


def test_frames_of_a_traceback() -> None:
    assert frames_of("") == []
    assert frames_of('    stray\n  File "a", line 1, in f\n    x\n    ^\n  File "b", line 2, in g\nE: e') == [
        '  File "a", line 1, in f\n    x\n    ^\n',
        '  File "b", line 2, in g\n',
    ]


@pytest.mark.parametrize(("resource", "kind"), [(ARN, "LambdaFunctionTimedOut"), ("f", "TaskTimedOut")])
@pytest.mark.parametrize(("limit", "error"), [("TimeoutSeconds", "States.Timeout"), ("HeartbeatSeconds", "States.HeartbeatTimeout")])
def test_time_outs_have_no_cause(resource: str, kind: str, limit: str, error: str) -> None:
    limits = {"TimeoutSeconds": 50} | {limit: 5}
    world = world_of(machine(X=task(Resource=resource, **limits)))
    world.take()
    world.fire()
    (told,) = details(world, kind)
    assert told["error"] == error
    assert "cause" not in told
    assert failure(world) == (error, "")


def test_a_heartbeat_puts_the_time_out_off() -> None:
    world = world_of(machine(X=task(HeartbeatSeconds=5)))
    world.take()
    world.now += 3
    world.heartbeat()
    assert world.timers() == {ROOT: 1_008.0}


def test_an_interrupted_attempt_goes_on() -> None:
    world = world_of(machine(X=task()), {"n": 1})
    world.interrupt()
    assert world.types()[-1] == "TaskInterrupted"
    go(world, f=double)
    assert world.types().count("TaskStarted") == 1
    assert world.output() == {"twice": 2}


# --------------------------------------------------------------------------------------------------------------- Retry


def retried(retry: list[dict[str, Any]], *outcomes: Any, **fields: Any) -> tuple[World, list[float]]:
    """The world run to its end, and the delays between its attempts."""
    world = world_of(machine(X=task(Retry=retry, **fields), Y={"Type": "Pass"}), {"n": 1})
    delays: list[float] = []
    function = raising(*outcomes)
    while world.status() is Status.RUNNING:
        if world.waits():
            attempt(world, f=function)
        else:
            delays.append(world.timers()[ROOT] - world.now)
            world.fire()
    return world, delays


ALL = {"ErrorEquals": ["States.ALL"]}


@pytest.mark.parametrize(
    ("retry", "outcomes", "delays"),
    [
        ([ALL], [Boom(), 1], [1.0]),
        ([ALL], [Boom()], [1.0, 2.0, 4.0]),
        ([ALL | {"MaxAttempts": 0}], [Boom()], []),
        ([ALL | {"IntervalSeconds": 3, "BackoffRate": 1.5, "MaxAttempts": 2}], [Boom()], [3.0, 4.5]),
        ([ALL | {"IntervalSeconds": 3, "MaxDelaySeconds": 5}], [Boom()], [3.0, 5.0, 5.0]),
        ([{"ErrorEquals": ["Other"]}], [Boom()], []),
        ([{"ErrorEquals": ["Boom"], "MaxAttempts": 1}, ALL | {"IntervalSeconds": 7}], [Boom(), Boom("Other"), 1], [1.0, 7.0]),
        ([{"ErrorEquals": ["Boom"], "MaxAttempts": 1}, ALL], [Boom(), Boom()], [1.0]),
        ([{"ErrorEquals": ["States.TaskFailed"]}], [Boom(), 1], [1.0]),
    ],
)
def test_retry(retry: list[dict[str, Any]], outcomes: list[Any], delays: list[float]) -> None:
    world, found = retried(retry, *outcomes)
    assert found == delays
    assert world.types().count("TaskScheduled") == len(delays) + 1
    assert "TaskRetried" not in world.types()


def test_jitter_comes_from_the_seed() -> None:
    _, first = retried([ALL | {"JitterStrategy": "FULL", "MaxAttempts": 1}], Boom())
    _, again = retried([ALL | {"JitterStrategy": "FULL", "MaxAttempts": 1}], Boom())
    assert first == again
    assert 0 <= first[0] < 1


def test_parameters_are_evaluated_for_each_attempt() -> None:
    parameters = {"count.$": "$$.State.RetryCount", "since.$": "$$.State.EnteredTime"}
    world, _ = retried([ALL], Boom(), Boom(), 1, Parameters=parameters)
    told = [scheduled["parameters"] for scheduled in details(world, "TaskScheduled")]
    assert [one["count"] for one in told] == [0, 1, 2]
    assert {one["since"] for one in told} == {"1970-01-01T00:16:40.000Z"}


def test_all_attempts_of_one_entry_have_one_idempotency_key() -> None:
    world = world_of(machine(X=task(Retry=[ALL])))
    first = world.at().entry
    world.fail()
    world.fire()
    assert (world.at().entry, world.at().attempt) == (first, 2)


# --------------------------------------------------------------------------------------------------------------- Catch


@pytest.mark.parametrize(
    ("catcher", "output"),
    [
        ({}, {"Error": "Boom", "Cause": "…"}),
        ({"ResultPath": "$.why"}, {"n": 1, "why": {"Error": "Boom", "Cause": "…"}}),
        ({"ResultPath": None}, {"n": 1}),
    ],
)
def test_catch(catcher: dict[str, Any], output: Any) -> None:
    states = machine(X=task(InputPath="$.n", Catch=[ALL | {"Next": "Y", **catcher}]), Y={"Type": "Pass"})
    world = play(states, {"n": 1}, f=raising(Boom()))
    found = world.output()
    told = found.get("why", found)
    if "Cause" in told:
        assert loads(told["Cause"])["errorMessage"] == "it broke"
        told["Cause"] = "…"
    assert found == output
    assert world.types()[4:7] == ["TaskFailed", "TaskStateExited", "PassStateEntered"]


def test_a_catcher_assigns_from_the_error() -> None:
    catch = [ALL | {"Next": "Y", "ResultPath": None, "Assign": {"why.$": "$.Error", "n.$": "$$.Execution.Input.n"}}]
    states = machine(X=task(Catch=catch), Y={"Type": "Pass", "Parameters": {"why.$": "$why", "n.$": "$n"}})
    world = play(states, {"n": 1}, f=raising(Boom()))
    assert world.output() == {"why": "Boom", "n": 1}
    (left,) = details(world, "TaskStateExited")
    assert left["assignedVariables"] == {"why": '"Boom"', "n": "1"}


@pytest.mark.parametrize(
    ("error", "names", "caught"),
    [
        ("Boom", ["States.ALL"], True),
        ("Boom", ["States.TaskFailed"], True),
        ("Boom", ["Other", "Boom"], True),
        ("Boom", ["Other"], False),
        ("States.Timeout", ["States.TaskFailed"], False),
        ("States.HeartbeatTimeout", ["States.Timeout"], True),
        ("States.Runtime", ["States.ALL"], False),
        ("States.Runtime", ["States.Runtime"], True),
        ("States.DataLimitExceeded", ["States.ALL"], False),
        ("States.DataLimitExceeded", ["States.DataLimitExceeded"], True),
        ("States.DataLimitExceeded", ["States.TaskFailed"], False),
    ],
)
def test_what_a_catcher_catches(error: str, names: list[str], caught: bool) -> None:
    states = machine(X=task(Catch=[{"ErrorEquals": names, "Next": "Y"}]), Y={"Type": "Pass"})
    assert (play(states, {}, f=raising(Boom(error))).status() is Status.COMPLETED) == caught


def test_catchers_come_after_the_retries() -> None:
    states = machine(X=task(Retry=[ALL | {"MaxAttempts": 2}], Catch=[ALL | {"Next": "Y"}]), Y={"Type": "Pass"})
    world = play(states, {}, f=raising(Boom()))
    assert world.types().count("TaskFailed") == 3
    assert world.status() is Status.COMPLETED


def test_a_catcher_whose_result_path_does_not_fit() -> None:
    states = machine(X=task(Catch=[ALL | {"Next": "Y", "ResultPath": "$.a.b"}]), Y={"Type": "Pass"})
    assert failure(play(states, {"a": 1}, f=raising(Boom())))[0] == "States.ResultPathMatchFailure"


def test_a_state_entered_again_starts_its_counters_afresh() -> None:
    catch = [ALL | {"Next": "X", "ResultPath": None}]
    world = world_of(machine(X=task(Retry=[ALL | {"MaxAttempts": 1}], Catch=catch)))
    for _ in range(2):
        world.fail()
        assert world.at().status is At.RETRYING
        world.fire()
        world.fail()
        assert (world.at().status, world.at().retries) == (At.READY, ())
    assert world.types().count("TaskStateEntered") == 3


def test_cancelling() -> None:
    world = world_of(machine(X=task()))
    world.cancel()
    assert (world.status(), world.types()[-1]) == (Status.CANCELLED, "ExecutionAborted")


def test_functions_have_nothing_upstream() -> None:
    world = world_of(machine(X=task()))
    assert world.dialect.upstream(world, world.at()) == {}
