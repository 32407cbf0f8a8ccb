"""What is shown once is not in the answer that may be kept and sent again."""

from __future__ import annotations

import pytest

from api.schemas import Secret, ShownOnce


class Made(ShownOnce):
    id: int
    key: Secret
    other: Secret = None


def test_every_secret_is_withheld_and_nothing_else() -> None:
    made = Made(id=1, key="k", other="o")

    assert made.without_secret() == Made(id=1, key=None)
    assert made.key == "k"


def test_answer_that_names_no_secret_cannot_be_declared() -> None:
    with pytest.raises(TypeError, match="Plain names no Secret"):
        type("Plain", (ShownOnce,), {"__annotations__": {"id": int}})
