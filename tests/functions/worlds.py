"""Small made-up installations, and the example job run by hand."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from definitions import DIRECTORY
from task_functions import REGISTRY
from tests.functions.fakes import FakeContext


def distribution(site: Path, name: str, files: Mapping[str, bytes], headers: str = "", algorithm: str = "sha256") -> metadata.Distribution:
    """Install one in `site` as pip does: the files, METADATA, and a RECORD with the hash of each."""
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{headers}".encode()
    owned = {**files, f"{info.name}/METADATA": text}
    rows = [f"{info.name}/RECORD,,", f"{name}/__pycache__/x.cpython-311.pyc,,"]
    for path, content in owned.items():
        file = site / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        digest = base64.urlsafe_b64encode(hashlib.new(algorithm, content).digest()).rstrip(b"=").decode()
        rows.append(f'"{path}",{algorithm}={digest},{len(content)}')
    (info / "RECORD").write_text("\n".join(rows) + "\n")
    return metadata.PathDistribution(info)


def load_definition(name: str) -> dict[str, Any]:
    definition: dict[str, Any] = json.loads((DIRECTORY / f"{name}.json").read_text(encoding="utf-8"))
    return definition


def resolve(path: str, root: Any) -> Any:
    """A path of the kinds a definition may have: `.name`, `[n]`, `['name']`."""
    rest, value = path.removeprefix("$"), root
    for step in re.finditer(r"\.(?P<name>\w+)|\['(?P<quoted>[^']+)'\]|\[(?P<index>\d+)\]", rest):
        value = value[int(step["index"]) if step["index"] else step["name"] or step["quoted"]]
    return value


def render(template: Any, root: Any) -> Any:
    if not isinstance(template, dict):
        return template
    return {key.removesuffix(".$"): resolve(value, root) if key.endswith(".$") else render(value, root) for key, value in template.items()}


def in_order(tasks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The tasks, each after those it depends on."""
    left, done = list(tasks), set[str]()
    while left:
        ready = next(task for task in left if done.issuperset(task.get("dependsOn", ())))
        left.remove(ready)
        done.add(ready["id"])
        yield ready


def run(definition: Mapping[str, Any], given: Any) -> tuple[Any, dict[str, Any]]:
    """The job's output and the results of its tasks, run one after the other in this thread; every result goes through JSON."""
    root: dict[str, Any] = {"input": given, "results": {}}
    results = root["results"]
    for task in in_order(definition["tasks"]):
        function = REGISTRY.get(task["functionName"])
        assert function is not None, task["functionName"]
        data = render(task["parameters"], root) if "parameters" in task else given
        for attempt in range(1, task["maxRetry"] + 2):
            upstream = {name: results[name] for name in task.get("dependsOn", ())}
            try:
                results[task["id"]] = json.loads(json.dumps(function.invoke(data, FakeContext(task["id"], attempt, upstream))))
                break
            except Exception:
                if attempt > task["maxRetry"]:
                    raise
    return render(definition["output"], root), results
