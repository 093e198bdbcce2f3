"""The examples: most are in modules of their own, here is a software bill of materials (`definitions/sbom.json`).

Five functions: list what is installed; hash a shard of the files; sort out licences; and who requires whom; join all that in a report.
Each depends only on the installation and its data, so running one again, after a crash or in a retry, gives the same result and
does no harm. Results stay small, sums for each distribution and never a list of all files, because every result is stored.

Markers of requirements are not evaluated (that takes the `packaging` library): a requirement under a condition counts if it is installed,
and is called conditional, not missing, if it is not.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from task_functions import example_csv, example_goflow, example_retries, example_saga, sbom_report  # noqa: F401  (imported, they register)
from task_functions.call_log import logged
from task_functions.context import Context
from task_functions.installation import Distribution, OwnedFile, files, hash_file, header, installed, listed, normalised, shard_of
from task_functions.registry import task_function

DIRECTORY_VARIABLE = "STEPWELL_SBOM_DIRECTORY"

FINDINGS_LIMIT = 100
"""For each shard; beyond it findings are only counted."""

LICENCE_CHARACTERS = 100
"""A longer `License` field is the text of a licence, not its name."""

NO_LICENCE = "not stated"

_FILES_PER_HEARTBEAT = 50
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")
_PLAINEST = ("installed", "missing", "conditional", "extraOnly")
_EXTRA = re.compile(r"\bextra\s*==\s*['\"]|['\"]\s*==\s*extra\b")

Json = dict[str, Any]


class Cancelled(Exception):
    """Nobody wants the result any more."""


@task_function("sbomList")
@logged
def list_distributions(_data: Any, _ctx: Context) -> Json:
    """Takes nothing. `versions` is the short form the other tasks are handed, and check that it still holds."""
    found = installed().values()
    rows = [{"name": one.name, "version": one.version, "location": _text(str(one.location)), "files": len(files(one))} for one in found]
    return {
        "python": {"implementation": platform.python_implementation(), "version": platform.python_version()},
        "distributions": rows,
        "files": sum(row["files"] for row in rows),
        "versions": {one.name: one.version for one in found},
    }


# --------------------------------------------------------------------------------------------- hashing


@task_function("sbomHash")
@logged
def hash_shard(data: Any, ctx: Context) -> Json:
    """`{"versions": {name: version}, "shard": k, "of": n}`: hash the k-th of n parts of all files, from 0.

    For each distribution with files in this part: how many there are, their bytes, how many match, differ from or have no hash in RECORD,
    how many cannot be read, and one digest over paths and hashes, by which two installations can be compared.
    """
    versions, shard, of = _versions(data), data.get("shard"), data.get("of")
    if not (type(shard) is int and type(of) is int and 0 <= shard < of):
        raise ValueError(f'"shard" and "of" are numbers with 0 <= shard < of, not {shard!r} and {of!r}')
    totals: dict[str, Json] = {}
    findings: list[Json] = []
    for distribution in listed(versions):
        mine = [owned for owned in files(distribution) if shard_of(distribution.name, owned.path, of) == shard]
        if mine:
            totals[distribution.name], found = _hash_files(distribution, mine, ctx)
            findings += found
    return {
        "shard": shard,
        "of": of,
        "distributions": totals,
        "findings": findings[:FINDINGS_LIMIT],
        "findingCount": len(findings),
    }


def _hash_files(distribution: Distribution, mine: Iterable[OwnedFile], ctx: Context) -> tuple[Json, list[Json]]:
    total = {"files": 0, "bytes": 0, "matching": 0, "differing": 0, "unrecorded": 0, "unreadable": 0}
    findings: list[Json] = []
    digest = hashlib.sha256()
    for number, owned in enumerate(mine):
        if ctx.cancelled:
            raise Cancelled(f"while hashing {distribution.name}")
        if number % _FILES_PER_HEARTBEAT == 0:
            ctx.heartbeat()
        finding = ""
        total["files"] += 1
        try:
            hashed = hash_file(owned)
        except OSError as error:
            total["unreadable"] += 1
            finding = "missing" if isinstance(error, FileNotFoundError) else f"unreadable: {error.strerror}"
        else:
            total["bytes"] += hashed.size_bytes
            total["unrecorded" if hashed.matches is None else "matching" if hashed.matches else "differing"] += 1
            digest.update(f"{hashed.sha256}  {_text(owned.path)}\n".encode())
            finding = "differs from RECORD" if hashed.matches is False else ""
        if finding:
            findings.append({"distribution": distribution.name, "file": _text(owned.path), "finding": finding})
    return total | {"digest": digest.hexdigest()}, findings


def _text(path: str) -> str:
    """A file name need not be text; a result has to be."""
    return path.encode("utf-8", "backslashreplace").decode()


# -------------------------------------------------------------------------------------------- metadata


@task_function("sbomLicences")
@logged
def licences(data: Any, _ctx: Context) -> Json:
    """`{"versions": …}`: names of distributions by the licence they state."""
    by_licence: dict[str, list[str]] = {}
    for distribution in listed(_versions(data)):
        if distribution.info is not None:
            by_licence.setdefault(licence_of(distribution.info), []).append(distribution.name)
    return {"licences": dict(sorted(by_licence.items())), "notStated": len(by_licence.get(NO_LICENCE, ()))}


def licence_of(info: metadata.Distribution) -> str:
    """The SPDX expression (PEP 639); else the old field, if it is short enough to be a name; else the classifiers."""
    if expression := header(info, "License-Expression"):
        return expression
    name = header(info, "License")
    if name and "\n" not in name and len(name) <= LICENCE_CHARACTERS:
        return name
    classifiers = [str(line) for line in info.metadata.get_all("Classifier") or ()]
    stated = [line.rpartition("::")[2].strip() for line in classifiers if line.startswith("License ::")]
    return ", ".join(sorted(set(stated))) or NO_LICENCE


@task_function("sbomRequires")
@logged
def requires(data: Any, _ctx: Context) -> Json:
    """`{"versions": …}`: who requires whom, what is missing, and how many require each."""
    versions = _versions(data)
    rows: dict[str, Json] = {}
    for distribution in listed(versions):
        lines = distribution.info.requires if distribution.info is not None else None
        if lines:
            rows[distribution.name] = _requirements(lines, versions)
    counts = Counter(name for row in rows.values() for name in row["installed"])
    return {
        "requires": rows,
        "requiredBy": dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
        "missing": {name: row["missing"] for name, row in rows.items() if row["missing"]},
    }


def _requirements(lines: Iterable[str], present: Mapping[str, str]) -> dict[str, list[str]]:
    """Of several lines for one name the plainest counts: without a condition, under a condition, only for an extra."""
    kinds: dict[str, str] = {}
    for line in lines:
        requirement, _, marker = line.partition(";")
        if match := _REQUIREMENT.match(requirement):
            extra = bool(_EXTRA.search(marker))
            name = normalised(match[1])
            plain = "installed" if name in present else "conditional" if marker.strip() else "missing"
            kinds[name] = min(kinds.get(name, "extraOnly"), "extraOnly" if extra else plain, key=_PLAINEST.index)
    return {kind: sorted(name for name, its in kinds.items() if its == kind) for kind in _PLAINEST}


def _versions(data: Any) -> Mapping[str, str]:
    versions = data.get("versions") if isinstance(data, Mapping) else None
    if not isinstance(versions, Mapping):
        raise ValueError(f'expected {{"versions": {{name: version}}}} as sbomList gives them, not {data!r:.200}')
    return versions


# ---------------------------------------------------------------------------------------------- report


@task_function("sbomReport")
@logged
def report(data: Any, ctx: Context) -> Json:
    """`{"inventory": …, "licences": …, "requires": …}`, the results of the others; the shards are among the upstream results.

    Writes sbom.json and sbom.md to the directory that STEPWELL_SBOM_DIRECTORY names, `sbom` unless it is set, in place of what an earlier
    run left there.
    """
    shards = [result for result in ctx.results.values() if isinstance(result, Mapping) and "shard" in result]
    joined = sbom_report.join(data["inventory"], shards, data["licences"], data["requires"])
    directory = Path(os.environ.get(DIRECTORY_VARIABLE) or "sbom").absolute()
    directory.mkdir(parents=True, exist_ok=True)
    text = sbom_report.as_json(joined)
    sbom_report.write(directory / "sbom.json", text)
    sbom_report.write(directory / "sbom.md", sbom_report.as_markdown(joined))
    return {
        "summary": sbom_report.summary(joined),
        "json": str(directory / "sbom.json"),
        "markdown": str(directory / "sbom.md"),
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }
