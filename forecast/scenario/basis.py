"""Where a stated number comes from: the kind of its basis, and what it is."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

BASES = ("source", "published", "computed", "judgement")
Basis = Annotated[str, Field(pattern=rf"^({'|'.join(BASES)}): \S")]
