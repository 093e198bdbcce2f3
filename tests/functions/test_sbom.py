"""The bill of materials on small installations made for the purpose: tampering, odd metadata, things that go wrong."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from task_functions import examples, sbom_report
from task_functions.examples import NO_LICENCE, hash_shard, licence_of, licences, list_distributions, report, requires
from task_functions.installation import STDLIB, InstallationChanged, files, installed, normalised
from tests.functions.fakes import FakeContext
from tests.functions.worlds import distribution, load_definition, run


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `site-packages` that is all there is to see, and a standard library of two files, besides what does not count as its own.

    The real standard library stays importable: it imports parts of itself when first needed.
    """
    stdlib = tmp_path / "stdlib"
    for name in ("os.py", "email/__init__.py", "__pycache__/os.pyc", "site-packages/other.py"):
        path = stdlib / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(stdlib))
    real = Path(os.__file__).parent
    monkeypatch.setattr("sys.path", [str(site), str(real), str(real / "lib-dynload")])
    monkeypatch.setenv("STEPWELL_SBOM_DIRECTORY", str(tmp_path / "out"))
    return site


def _shard(number: int = 0, of: int = 1, ctx: FakeContext | None = None) -> dict[str, Any]:
    versions = {name: found.version for name, found in installed().items()}
    return hash_shard({"versions": versions, "shard": number, "of": of}, ctx or FakeContext())


def test_files_that_are_not_as_installed_are_found(site: Path, tmp_path: Path) -> None:
    distribution(site, "shop", {"shop/cart.py": b"total = 1\n", "shop/till.py": b"open = True\n", "shop/a|b.py": b"x"})
    distribution(site, "safe", {"safe.py": b"x = 1\n"}, algorithm="sha512")
    (site / "shop/cart.py").write_bytes(b"total = 0\n")
    (site / "shop/till.py").unlink()
    (site / "shop/a|b.py").unlink()
    (site / "shop/a|b.py").mkdir()

    output, results = run(load_definition("sbom"), {})

    document = json.loads((tmp_path / "out/sbom.json").read_text())
    assert document["findings"] == [
        {"distribution": "shop", "file": "shop/a|b.py", "finding": "unreadable: Is a directory"},
        {"distribution": "shop", "file": "shop/cart.py", "finding": "differs from RECORD"},
        {"distribution": "shop", "file": "shop/till.py", "finding": "missing"},
    ]
    rows = {row["name"]: row for row in document["distributions"]}
    assert {count: rows["shop"][count] for count in sbom_report.COUNTS if count != "bytes"} == {
        "files": 5,
        "matching": 1,
        "differing": 1,
        "unrecorded": 1,
        "unreadable": 2,
    }
    assert rows["safe"]["matching"] == 2, "other hashes than SHA-256 are checked too"
    assert (rows[STDLIB]["files"], rows[STDLIB]["bytes"]) == (2, len("os.py") + len("email/__init__.py"))
    assert output["summary"]["findings"] == 3
    assert results["list"]["files"] == output["summary"]["files"] == 10
    assert "| shop | shop/a\\|b.py | unreadable: Is a directory |" in (tmp_path / "out/sbom.md").read_text()


def test_the_digest_tells_installations_apart(site: Path) -> None:
    distribution(site, "shop", {"shop.py": b"x = 1\n"})
    before = _shard()["distributions"]
    assert _shard()["distributions"] == before
    (site / "shop.py").write_bytes(b"x = 2\n")
    after = _shard()["distributions"]
    assert after["shop"]["digest"] != before["shop"]["digest"]
    assert after[STDLIB] == before[STDLIB]


def test_findings_are_bounded(site: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(examples, "FINDINGS_LIMIT", 1)
    distribution(site, "shop", {f"shop{n}.py": b"" for n in range(60)})
    for n in range(60):
        (site / f"shop{n}.py").unlink()
    run(load_definition("sbom"), {})
    document = json.loads((tmp_path / "out/sbom.json").read_text())
    assert document["findingCount"] == 60
    assert len(document["findings"]) == 12
    assert "and 48 more." in (tmp_path / "out/sbom.md").read_text()


def test_records_of_other_kinds(site: Path) -> None:
    distribution(site, "odd", {"odd.py": b"x"})
    record = site / "odd-1.0.dist-info/RECORD"
    record.write_text("odd.py,md5=abc,1\n\nbroken.py,sha256=!,1\nshort.py,sha256=A,1\nbare.py\nodd.py,,\nsub/__pycache__/x.pyo,,\n")
    assert {owned.path: owned.recorded for owned in files(installed()["odd"])} == {
        "bare.py": None,
        "broken.py": ("sha256", b""),
        "odd.py": None,
        "short.py": ("sha256", b""),
    }


def test_old_egg_info(site: Path) -> None:
    info = site / "old.egg-info"
    info.mkdir()
    (info / "PKG-INFO").write_text("Metadata-Version: 1.0\nName: Old.Thing\nVersion: 2\nLicense: UNKNOWN\n")
    (info / "SOURCES.txt").write_text("old.py\nsetup.py\n")
    (site / "old.py").write_text("x")
    found = installed()["old-thing"]
    assert found.version == "2"
    assert [owned.path for owned in files(found)] == ["old.py"]
    assert found.info is not None
    assert licence_of(found.info) == NO_LICENCE


def test_the_first_on_the_path_counts_and_the_nameless_are_left_out(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    second = tmp_path / "second"
    distribution(site, "twice", {"twice.py": b"1"})
    distribution(second, "Twice", {"twice.py": b"2"})
    (site / "broken-1.0.dist-info").mkdir()
    (site / "broken-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\n")
    monkeypatch.setattr("sys.path", [str(site), str(second), *sys.path[1:]])
    assert {name: found.location for name, found in installed().items() if name != STDLIB} == {"twice": site}


def test_names_are_normalised() -> None:
    assert normalised("Zope.Interface") == normalised("zope-_interface") == "zope-interface"


# ------------------------------------------------------------------------------------------- metadata


@pytest.mark.parametrize(
    ("headers", "licence"),
    [
        ("License-Expression: MIT OR Apache-2.0\nLicense: other\n", "MIT OR Apache-2.0"),
        ("License: BSD\nClassifier: License :: OSI Approved :: BSD License\n", "BSD"),
        ("License: Copyright me\n        All rights reserved\nClassifier: License :: OSI Approved :: MIT License\n", "MIT License"),
        (f"License: {'word ' * 40}\n", NO_LICENCE),
        ("Classifier: License :: B\nClassifier: License :: OSI Approved :: A\nClassifier: Typing :: Typed\n", "A, B"),
        ("", NO_LICENCE),
    ],
)
def test_licence(tmp_path: Path, headers: str, licence: str) -> None:
    assert licence_of(distribution(tmp_path, "some", {}, headers)) == licence


def test_licences_leave_out_the_standard_library(site: Path) -> None:
    distribution(site, "a", {}, "License: MIT\n")
    distribution(site, "b", {})
    assert licences({"versions": {"a": "1.0", "b": "1.0", STDLIB: installed()[STDLIB].version}}, FakeContext()) == {
        "licences": {"MIT": ["a"], NO_LICENCE: ["b"]},
        "notStated": 1,
    }


def test_requires(site: Path, tmp_path: Path) -> None:
    lines = [
        "There_Is[extra1,extra2] (>=1.0)",
        "gone>=2",
        'windows; os_name == "nt"',
        "tested ; extra == 'test'",
        'there-is; extra == "test"',
        "turned; 'x' == extra",
        "by-condition; python_version > '3'",
        "at @ https://example.org/at.whl",
        "???",
    ]
    distribution(site, "asks", {}, "".join(f"Requires-Dist: {line}\n" for line in lines))
    for name in ("there.is", "by-condition"):
        distribution(site, name, {}, "Requires-Dist: gone\n" if name == "there.is" else "")
    versions = list_distributions({}, FakeContext())["versions"]
    result = requires({"versions": versions}, FakeContext())
    assert result["requires"]["asks"] == {
        "installed": ["by-condition", "there-is"],
        "missing": ["at", "gone"],
        "conditional": ["windows"],
        "extraOnly": ["tested", "turned"],
    }
    assert result["requiredBy"] == {"by-condition": 1, "there-is": 1}
    assert result["missing"] == {"asks": ["at", "gone"], "there-is": ["gone"]}
    assert "by-condition" not in result["requires"]
    run(load_definition("sbom"), {})
    assert "| asks | at, gone |" in (tmp_path / "out/sbom.md").read_text()


# --------------------------------------------------------------------------------------- what goes wrong


def test_a_changed_installation_is_noticed(site: Path) -> None:
    distribution(site, "shop", {})
    for versions, message in (({"shop": "0.9"}, "shop was '0.9' .* is '1.0' now"), ({"gone": "1"}, "gone was '1' .* is 'gone' now")):
        for function in (licences, requires):
            with pytest.raises(InstallationChanged, match=message):
                function({"versions": versions}, FakeContext())


def test_a_file_that_came_in_between_is_noticed(site: Path) -> None:
    inventory = list_distributions({}, FakeContext())
    (site.parent / "stdlib/new.py").write_text("new")
    with pytest.raises(InstallationChanged, match=f"{STDLIB} had 2 files when listed, and 3 when hashed"):
        sbom_report.join(inventory, [_shard()], {"licences": {}}, {})


@pytest.mark.parametrize("shards", [[], [(0, 2)], [(1, 2), (1, 2)], [(0, 1), (1, 2)]])
def test_the_report_needs_every_shard_once(shards: list[tuple[int, int]]) -> None:
    results = {f"hash-{place}": {"shard": shard, "of": of} for place, (shard, of) in enumerate(shards)}
    with pytest.raises(ValueError, match="needs each shard once"):
        report({"inventory": {}, "licences": {"licences": {}}, "requires": {}}, FakeContext(results={"list": {}, "x": 1, **results}))


@pytest.mark.parametrize(("shard", "of"), [(1, 1), (-1, 2), ("0", 1), (0, None), (False, 1), (0, 0)])
def test_shard_numbers_are_checked(shard: Any, of: Any) -> None:
    with pytest.raises(ValueError, match='"shard" and "of"'):
        hash_shard({"versions": {}, "shard": shard, "of": of}, FakeContext())


@pytest.mark.parametrize("data", [None, {}, {"versions": ["pytest"]}])
def test_versions_are_asked_for(data: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        licences(data, FakeContext())


def test_hashing_beats_and_stops_when_cancelled(site: Path) -> None:
    distribution(site, "shop", {f"shop{n:03}.py": b"" for n in range(60)})
    ctx = FakeContext()
    _shard(ctx=ctx)
    assert ctx.heartbeats == 3, "two for shop, one for the standard library"
    with pytest.raises(examples.Cancelled, match="while hashing shop"):
        _shard(ctx=FakeContext(cancel_after=2))


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report"
    path.write_text("old")

    def broken(_: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", broken)
    with pytest.raises(OSError, match="disk full"):
        sbom_report.write(path, "new")
    assert [file.name for file in tmp_path.iterdir()] == ["report"]
    assert path.read_text() == "old"


def test_without_a_directory_given_it_is_sbom_here(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STEPWELL_SBOM_DIRECTORY")
    monkeypatch.chdir(tmp_path)
    output, _ = run(load_definition("sbom"), {})
    assert output["json"] == str(tmp_path / "sbom" / "sbom.json")
    assert (tmp_path / "sbom" / "sbom.md").is_file()
