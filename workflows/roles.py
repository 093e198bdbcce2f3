"""What people may do: three roles, each of which may do what the ones before it may. Layer 0."""

from __future__ import annotations

from enum import IntEnum

NAME_CHARACTERS = 100
"""Of a key's name."""


class Role(IntEnum):
    """viewer: look. operator: also start, stop and redrive executions. admin: also change definitions and keys, and read the audit log."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def label(self) -> str:
        """As people write it."""
        return self.name.lower()

    @classmethod
    def named(cls, label: str) -> Role:
        """Raises ValueError."""
        if label != label.lower() or label.upper() not in cls.__members__:
            raise ValueError(f"there is no role {label!r}; there are {', '.join(role.label for role in cls)}")
        return cls[label.upper()]
