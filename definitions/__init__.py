"""The definitions that come with Stepwell: examples, each run by a test. Data only; `DIRECTORY` is where the JSON files are.

`hello` fails once on purpose and is retried; `sbom` writes a bill of materials of the Python installation it runs in. Three are state
machines: `order-saga` takes its steps back when one fails, `fan-out` sums up a file in batches, `retry-catch` shows how failures are
answered.
"""

from pathlib import Path

DIRECTORY: Path = Path(__file__).resolve().parent
"""Every `*.json` in here is one definition."""
