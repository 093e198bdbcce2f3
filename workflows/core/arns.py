"""Names of our own things as the states language and its API write them (ASL.md row V.8). There is one region and one account here."""

from __future__ import annotations

REGION = "us-east-1"
ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/stepwell"


def machine_arn(machine: str) -> str:
    return f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{machine}"


def execution_arn(machine: str, execution: str) -> str:
    return f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{machine}:{execution}"
