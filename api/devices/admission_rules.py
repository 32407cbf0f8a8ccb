"""What a logger must show before its word counts for goods; pure (5-edge-and-wire, section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from analytics.profile import Profile
    from coldgate.storage.admissions import Conduct

CLOCK_MS: Final = 120_000  # how far the logger's clock may be off
CONSECUTIVE: Final = 20  # readings without a gap between them
MAX_SKEW: Final = 60_000  # S9: what a step may exceed the interval by


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One point of the list; ``missing`` says what to do about it, empty where it passed."""

    name: str
    passed: bool
    found: str
    missing: str

    def as_json(self) -> dict[str, object]:
        """The form that is recorded and answered."""
        return {
            "name": self.name,
            "passed": self.passed,
            "found": self.found,
            "missing": self.missing,
        }


def examine(
    conduct: Conduct, *, interval_ms: int | None, profile: Profile, excursion_seen: bool
) -> tuple[Check, ...]:
    """Every point of the list, for use under ``profile``.

    ``interval_ms`` is the logger's own by its registration, None where it is not known;
    ``excursion_seen`` the word of who simulated one and looked for the alert at the other end.
    """
    return (
        _clock(conduct.clock_off_ms),
        _interval(interval_ms, longest_interval_ms(profile)),
        _certificate(certified=conduct.certified),
        _readings(conduct, interval_ms),
        _excursion(seen=excursion_seen),
    )


def longest_interval_ms(profile: Profile) -> int:
    """The longest interval that the profile takes: what it says of recording, else of gaps."""
    if profile.recording is None:
        return profile.gap_cap_ms
    return min(step.interval_ms for step in profile.recording.steps)


def _clock(off_ms: int | None) -> Check:
    if off_ms is None:
        return _missed("clock", "never compared", "let the gateway send the logger's clock")
    found = f"{off_ms / 1000:g} s off"
    if abs(off_ms) > CLOCK_MS:
        return _missed("clock", found, f"set it to within {CLOCK_MS // 1000} s")
    return _passed("clock", found)


def _interval(interval_ms: int | None, longest_ms: int) -> Check:
    if interval_ms is None:
        return _missed("interval", "not registered", "register the logger with its interval")
    found = f"{interval_ms / 1000:g} s"
    if interval_ms > longest_ms:
        return _missed("interval", found, f"record every {longest_ms / 1000:g} s or oftener")
    return _passed("interval", found)


def _certificate(*, certified: bool) -> Check:
    if not certified:
        return _missed("certificate", "none in force", "enter a calibration certificate")
    return _passed("certificate", "in force")


def _readings(conduct: Conduct, interval_ms: int | None) -> Check:
    found = f"{conduct.readings} readings"
    if conduct.readings < CONSECUTIVE:
        return _missed("readings", found, f"send {CONSECUTIVE} consecutive temperatures")
    if conduct.holes or conduct.longest_ms is None:
        return _missed("readings", f"{found}, numbers missing", "send them without a hole")
    found = f"{found}, {conduct.longest_ms / 1000:g} s apart at most"
    if interval_ms is None or conduct.longest_ms > interval_ms + MAX_SKEW:
        return _missed("readings", found, "send them at the logger's interval")
    return _passed("readings", found)


def _excursion(*, seen: bool) -> Check:
    if not seen:
        return _missed("excursion", "not simulated", "simulate one and see it at the other end")
    return _passed("excursion", "simulated, and seen at the other end by who says so")


def _passed(name: str, found: str) -> Check:
    return Check(name=name, passed=True, found=found, missing="")


def _missed(name: str, found: str, missing: str) -> Check:
    return Check(name=name, passed=False, found=found, missing=missing)
