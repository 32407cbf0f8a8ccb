"""What is said about scans."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from api.schemas import Body, Name, View, example
from coldgate.model import Purpose
from coldgate.udi.matching import Compared
from coldgate.udi.scan import Form

MAX_RAW = 4_096


class ScanIn(Body):
    """One code, or the codes of one label line by line, as scanner or keyboard delivered them.

    Between fields of GS1 stands GS (U+001D) for FNC1; a symbology identifier such as `]d2` before
    the code is welcome.
    """

    model_config = example(raw="]d201095060001343521727033110A1\u001d21S-0001", purpose="dispatch")
    raw: Annotated[str, Field(min_length=1, max_length=MAX_RAW, pattern=r"^[^\x00]*$")]
    purpose: Purpose


class DismissalIn(Body):
    """Why a scan counts no longer, neither against the goods nor for them."""

    model_config = example(reason="scanned the neighbouring pallet; scanned again as 1043")
    reason: Name


class SaidView(View):
    """What the code says; null where it is silent. `others` are [identifier, value]."""

    form: Form
    gtin: str | None
    hibc_primary: str | None
    lot: str | None
    expires_on: date | None
    manufactured_on: date | None
    serial: str | None
    sscc: str | None
    quantity: int | None
    others: list[tuple[str, str]]


class ProblemView(View):
    """Why the code cannot be read; `place` counts its characters from 1."""

    code: str
    place: int
    detail: str


class DifferenceView(View):
    """A field in which the scan differs from the line that comes nearest to it."""

    field: Compared
    scanned: str | None
    expected: str | None


class DismissalView(View):
    """Who dismissed a scan, and why."""

    reason: str
    dismissed_by: str
    dismissed_at: datetime


class ScanView(View):
    """A scan, compared with the lines as they are registered at this moment.

    `positions` are the lines that it fits, `proven` those of them that it stands for: naming an
    article alone does not say which lot was scanned. `fits` is false for what cannot be read.
    """

    id: int
    purpose: Purpose
    raw: str
    said: SaidView | None
    problem: ProblemView | None
    fits: bool
    positions: list[int]
    proven: list[int]
    differences: list[DifferenceView]
    dismissal: DismissalView | None
    scanned_by: str
    scanned_at: datetime
