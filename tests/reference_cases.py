"""Random profiles and cases for the judge and its reference: few values, so that they collide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from judging import HOUR, MINUTE, START, SYNCED, milli_readings

from analytics.case import Case, Certificate, Channel, Damage, Log, Lot, Role, Window
from analytics.limits import Limit, Side
from analytics.profile import (
    Action,
    Arrhenius,
    Band,
    Calibration,
    Corrections,
    Decision,
    Kinetic,
    Measure,
    Mode,
    Profile,
    Recording,
    RecordingStep,
    Repeats,
    Rule,
    Stability,
    Suspicion,
    Trigger,
    Uncertainty,
)
from analytics.readings import Label
from analytics.windows import KineticLimit
from coldgate.model import ClockPair, Quantity, ReadingFlag

if TYPE_CHECKING:
    from analytics.readings import Readings

FAR = (0, START, 4_102_444_800_000)  # 1970, now, 2100
STEPS = st.one_of(
    st.sampled_from([10 * MINUTE, 10 * MINUTE, MINUTE, 15 * MINUTE, 15 * MINUTE + 1, HOUR]),
    st.integers(1, 20 * MINUTE),
)
LIMITS = st.sampled_from([0, 2_000, 5_000, 8_000, 8_001, 15_000])
VALUES = st.one_of(
    st.sampled_from([0, 1_999, 2_000, 5_000, 7_500, 8_000, 8_001, 8_500, 9_000, 16_000]),
    st.integers(7_000, 9_000),
    st.sampled_from([-(2**31), 2**31 - 1, -273_150, -273_149, 1_000_000]),
)
FLAGS = st.sampled_from([ReadingFlag(0)] * 12 + [*ReadingFlag, ReadingFlag(3)])
BUDGETS = st.sampled_from([1, 5 * MINUTE, 10 * MINUTE, 20 * MINUTE, HOUR])
SOME_MS = st.sampled_from([0, 1, 5 * MINUTE, 10 * MINUTE, 25 * MINUTE])
U = st.sampled_from([0, 1, 7, 100, 500, 501])


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """None as often as a value."""
    return st.none() | strategy


@st.composite
def profiles(draw: st.DrawFn, quantities: tuple[Quantity, ...] = ()) -> Profile:
    """Profiles of one to five rules for these quantities, with everything that one can say."""
    return Profile(
        id="RANDOM",
        version=1,
        description="random",
        source="none",
        confidence="R",
        label=draw(LABELS),
        measure=draw(st.sampled_from(Measure)),
        decision=draw(st.sampled_from(Decision)),
        gap_cap_ms=draw(st.sampled_from([15 * MINUTE, 35 * MINUTE, MINUTE])),
        minimum_coverage_permille=draw(st.sampled_from([1, 500, 990, 1000])),
        conditioning_ms=draw(st.sampled_from([0, 0, 10 * MINUTE])),
        kinetic=draw(maybe(KINETICS)),
        rules=tuple(
            draw(rules(f"R{number}", quantities)) for number in range(draw(st.integers(1, 5)))
        ),
        allowed_gap_ms=draw(st.sampled_from([0, 15 * MINUTE, 60 * MINUTE, 24 * HOUR])),
        uncertainty=draw(UNCERTAINTIES),
        stability=draw(maybe(STABILITIES)),
        recording=draw(maybe(RECORDINGS)),
        repeats=draw(REPEATS),
        suspicion=draw(SUSPICIONS),
    )


LABELS = st.sampled_from(
    [(2_000, 8_000), (2_000, 8_000), (None, 8_000), (2_000, None), (2_000, 8_001), (None, None)]
).map(lambda sides: Label(low_milli=sides[0], high_milli=sides[1]))
UNCERTAINTIES = st.builds(
    Uncertainty,
    temperature_mpe_milli=U,
    humidity_mpe_milli=U,
    spatial_milli=st.sampled_from([0, 0, 100]),
    calibration=st.sampled_from(Calibration),
    corrections=st.sampled_from(Corrections),
)
REPEATS = st.builds(
    Repeats,
    consignment=maybe(st.integers(1, 3)),
    lane=maybe(st.integers(1, 3)),
    apart_ms=st.sampled_from([0, 1, 60_000, 3_600_000]),
)
SUSPICIONS = st.builds(
    Suspicion,
    spike_milli_per_minute=maybe(st.sampled_from([1, 50, 100])),
    change_milli_per_minute=maybe(st.sampled_from([1, 50, 100])),
    stuck_ms=maybe(st.sampled_from([20 * MINUTE, HOUR])),
)
RECORDINGS = st.builds(
    lambda first, out: Recording(
        standard="EN 12830",
        steps=(RecordingStep(up_to_ms=HOUR, interval_ms=first), *LAST_STEP),
        out_of_range_ms=out,
    ),
    st.sampled_from([MINUTE, 10 * MINUTE]),
    maybe(st.just(MINUTE)),
)
LAST_STEP = (RecordingStep(up_to_ms=None, interval_ms=15 * MINUTE),)
STABILITIES = st.one_of(
    st.sampled_from(
        [
            Stability(bands=(Band(above_milli=8_000, budget_ms=HOUR),)),
            Stability(
                bands=(
                    Band(above_milli=5_000, budget_ms=3 * HOUR),
                    Band(above_milli=8_000, budget_ms=HOUR),
                    Band(above_milli=15_000, budget_ms=7 * MINUTE),
                )
            ),
        ]
    ),
    st.builds(
        lambda activation, budget: Stability(
            arrhenius=Arrhenius(
                activation_kj_per_mol=activation, reference_milli=5_000, budget_ms=budget
            )
        ),
        st.sampled_from([83.144, 119.2]),
        st.sampled_from([HOUR, 700 * HOUR]),
    ),
)
KINETICS = st.builds(
    lambda activation, limit: Kinetic(activation_kj_per_mol=activation, limit=limit),
    st.just(83.144),
    maybe(
        st.builds(
            KineticLimit,
            activation_kj_per_mol=st.just(83.144),
            limit_milli=st.sampled_from([8_000, 8_001, 5_000]),
            window_ms=st.sampled_from([1, 20 * MINUTE, HOUR, 24 * HOUR]),
        )
    ),
)


@st.composite
def rules(draw: st.DrawFn, name: str, quantities: tuple[Quantity, ...]) -> Rule:
    """A rule of any mode; cumulative ones have a budget, instant and mean ones none."""
    mode = draw(st.sampled_from([Mode.SINGLE, *Mode]))
    budget = BUDGETS if mode is Mode.CUMULATIVE else maybe(BUDGETS)
    has_budget = mode in (Mode.SINGLE, Mode.CUMULATIVE)
    return Rule(
        id=name,
        quantity=draw(st.sampled_from(quantities) if quantities else QUANTITIES),
        limit=Limit(draw(LIMITS), draw(st.sampled_from(Side)), inclusive=draw(st.booleans())),
        mode=mode,
        budget_ms=draw(budget) if has_budget else None,
        trigger=draw(st.sampled_from(Trigger)),
        action=draw(st.sampled_from(Action)),
        decision=draw(maybe(st.sampled_from(Decision))),
        hysteresis_milli=draw(maybe(st.sampled_from([0, 1, 500]))),
        merge_ms=draw(maybe(SOME_MS)),
    )


QUANTITIES = st.sampled_from([Quantity.TEMPERATURE] * 6 + [*Quantity])


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Up to four channels of up to a dozen readings around one window."""
    base = draw(st.sampled_from([START, *FAR]))
    channels = [
        draw(channels_of(f"tl-{number}", base)) for number in range(draw(st.integers(0, 4)))
    ]
    return Case(
        window=draw(windows(base)),
        channels=tuple(channels),
        freeze_sensitive=draw(st.booleans()),
        shock_sensitive=draw(st.booleans()),
        planned_zones=tuple(draw(st.sets(st.sampled_from("ab")))),
        planned_loggers=tuple(draw(st.sets(st.sampled_from(["tl-0", "tl-9"])))),
        lots=tuple(draw(st.lists(LOTS, max_size=2, unique_by=lambda lot: (lot.key, lot.zone)))),
        earlier_on_lane=draw(st.integers(0, 2)),
    )


PPB = st.sampled_from([0, 1, 400_000_000, 999_999_999, 1_000_000_000, 1_000_000_001])
LOTS = st.builds(
    lambda key, zone, ppb: Lot(
        key=key,
        zone=zone,
        spent=Damage(optimistic_ppb=ppb[0], measured_ppb=ppb[1], pessimistic_ppb=ppb[2]),
    ),
    st.sampled_from(["LOT-1", "LOT-2"]),
    st.sampled_from("ab"),
    st.tuples(PPB, PPB, PPB).map(sorted),
)


@st.composite
def windows(draw: st.DrawFn, base: int) -> Window:
    """Windows that cut the readings, hold them, or miss them; either end may be open."""
    offsets = st.integers(-20, 120).map(lambda minutes: base + minutes * MINUTE)
    return Window(
        begin_ms=draw(maybe(offsets)), end_ms=draw(maybe(offsets)), stopped=draw(st.booleans())
    )


@st.composite
def channels_of(draw: st.DrawFn, serial: str, base: int) -> Channel:
    """A channel of any quantity, clock, zone, role, placement and calibration."""
    offsets = st.integers(-20, 120).map(lambda minutes: base + minutes * MINUTE)
    return Channel(
        serial=draw(st.sampled_from([serial, serial, "tl-0"])),
        sensor=0,
        quantity=draw(QUANTITIES),
        readings=draw(readings(base)),
        conflicts=draw(readings(base)) if draw(st.booleans()) else milli_readings([]),
        zone=draw(maybe(st.sampled_from("ab"))),
        placed_from_ms=draw(maybe(offsets)) if draw(st.booleans()) else None,
        placed_to_ms=draw(maybe(offsets)) if draw(st.booleans()) else None,
        interval_ms=draw(maybe(st.sampled_from([MINUTE, 10 * MINUTE, 10 * MINUTE, 12 * HOUR]))),
        clock_pairs=draw(clocks(base)),
        certificates=draw(certificates(base)),
        range_milli=draw(st.sampled_from([None, None, (-30_000, 60_000), (2_000, 8_500)])),
        role=draw(st.sampled_from([Role.GOODS] * 4 + [Role.REFERENCE])),
        log=draw(maybe(st.builds(Log, missing=st.integers(0, 1), sealed=st.booleans()))),
    )


@st.composite
def readings(draw: st.DrawFn, base: int) -> Readings:
    """Readings as they may arrive: out of order, repeated, contradictory, faulty, or none."""
    instant, rows, flags = base, [], []
    for _ in range(draw(st.integers(0, 12))):
        rows.append((instant, draw(VALUES)))
        flags.append(int(draw(FLAGS)))
        instant += draw(st.sampled_from([0, 1, 1, 1, 1, 1, 1, 1])) * draw(STEPS)
    order = draw(st.permutations(range(len(rows)))) if draw(st.booleans()) else range(len(rows))
    twice = [*order, *list(order)[:1]] if draw(st.booleans()) else list(order)
    return milli_readings([rows[i] for i in twice], [flags[i] for i in twice])


@st.composite
def clocks(draw: st.DrawFn, base: int) -> tuple[ClockPair, ...]:
    """No comparison, one, or several with drift, with a step, or within the resolution."""
    offset = draw(st.sampled_from([0, 0, 1, -90_000]))
    gains = draw(st.lists(st.sampled_from([0, 0, 2_000, 2_001, 3_000, -3_000]), max_size=3))
    return tuple(
        ClockPair(
            logger_ms=base + 40 * MINUTE * number - offset,
            gateway_ms=base + 40 * MINUTE * number + gain,
        )
        for number, gain in enumerate(gains)
    )


@st.composite
def certificates(draw: st.DrawFn, base: int) -> tuple[Certificate, ...]:
    """Up to two certificates, from before the readings to after them or ending among them."""
    return tuple(
        Certificate(
            number=f"C-{number}",
            valid_from_ms=base + draw(st.sampled_from([-HOUR, -HOUR, 20 * MINUTE])),
            valid_to_ms=base + draw(st.sampled_from([24 * HOUR, 24 * HOUR, 30 * MINUTE])),
            expanded_milli=draw(U),
            resolution_milli=draw(st.sampled_from([0, 10, 100])),
            drift_milli=draw(st.sampled_from([0, 10])),
            corrections=draw(CORRECTIONS),
        )
        for number in range(draw(st.integers(0, 2)))
    )


CORRECTIONS = st.sampled_from(
    [(), (), ((5_000, 3),), ((2_000, -100), (8_000, 101)), ((0, 1), (7_000, 8), (9_000, -1))]
)


def orderly_profiles() -> st.SearchStrategy[Profile]:
    """Profiles about temperature, which orderly journeys can satisfy."""
    return profiles(quantities=(Quantity.TEMPERATURE,))


@st.composite
def orderly_cases(draw: st.DrawFn) -> Case:
    """Journeys on which hardly anything is wrong, so that the rules decide."""
    minutes = 10 * draw(st.integers(1, 14))
    channels = [
        draw(orderly_channels(f"tl-{number}", minutes)) for number in range(draw(st.integers(1, 3)))
    ]
    if draw(st.booleans()):
        opened = [
            (START + minute * MINUTE, draw(st.sampled_from([0, 1_000]))) for minute in (0, 50)
        ]
        channels.append(_orderly("door-1", Quantity.DOOR, milli_readings(opened)))
    end = draw(st.sampled_from([0, 0, 0, 5 * MINUTE, 30 * MINUTE])) + START + minutes * MINUTE
    return Case(
        window=Window(begin_ms=START, end_ms=end),
        channels=tuple(channels),
        freeze_sensitive=draw(st.booleans()),
        planned_zones=("a",),
        planned_loggers=("tl-0",),
        lots=tuple(draw(st.lists(LOTS, max_size=1))),
        earlier_on_lane=draw(st.sampled_from([0, 0, 1])),
    )


@st.composite
def orderly_channels(draw: st.DrawFn, serial: str, minutes: int) -> Channel:
    """A reading every ten minutes, now and then one lost; calibrated, in step, sealed."""
    value, rows = draw(st.integers(4_000, 8_200)), []
    for minute in range(0, minutes + 1, 10):
        if draw(st.integers(0, 9)) or minute in (0, minutes):
            rows.append((START + minute * MINUTE, value))
        value += draw(st.sampled_from([0, 0, -100, 100, -1_000, 1_000]))
    return _orderly(serial, Quantity.TEMPERATURE, milli_readings(rows), **draw(DISORDER))


def _orderly(serial: str, quantity: Quantity, rows: Readings, **changes: Any) -> Channel:
    fields: dict[str, Any] = {
        "serial": serial,
        "sensor": 0,
        "quantity": quantity,
        "readings": rows,
        "zone": "a",
        "interval_ms": 10 * MINUTE,
        "clock_pairs": SYNCED,
        "certificates": (CERTIFICATE,),
        "log": Log(missing=0, sealed=True),
    }
    return Channel(**(fields | changes))


CERTIFICATE = Certificate(
    number="C-1",
    valid_from_ms=START,
    valid_to_ms=START + 24 * HOUR,
    expanded_milli=200,
    resolution_milli=100,
    corrections=((2_000, 30), (8_000, -21)),
)
DISORDER = st.sampled_from(
    [{}] * 6
    + [
        {"clock_pairs": ()},
        {"certificates": ()},
        {"log": None},
        {"zone": None},
        {"interval_ms": None},
        {"role": Role.REFERENCE},
        {"range_milli": (-30_000, 8_500)},
    ]
)
