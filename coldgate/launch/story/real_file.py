"""The demo's fourth consignment: a real logger's file, where the shared data are at hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from coldgate.errors import LaunchError
from coldgate.instant import MILLISECOND
from coldgate.launch.desk import open_desk
from coldgate.launch.importing import DESK, JUDGED_SECONDS, covers, placement_of, register_logger
from coldgate.launch.judged import wait_for_evaluation
from coldgate.launch.parcel import LoggerFile, read_parcel
from coldgate.launch.story import cast
from coldgate.launch.story.cast import Ending
from coldgate.launch.story.outcome import Outcome

if TYPE_CHECKING:
    from coldgate.launch.judged import Evaluation
    from coldgate.launch.parcel import Parcel
    from coldgate.launch.screen import Screen
    from coldgate.launch.story.registry import Registry

SHARED: Final = Path("..") / "shared" / "data" / "berlinger-msupply"
PATTERN: Final = "QTag*.txt"
MILLI: Final = 1000


def find_real_file() -> LoggerFile | None:
    """The real file beside the working folder or beside these sources; None where neither is."""
    for base in (Path.cwd(), Path(__file__).resolve().parents[3]):
        for path in sorted((base / SHARED).glob(PATTERN)):
            return LoggerFile(path=path, zone="UTC")
    return None


async def tell_real(registry: Registry, file: LoggerFile, folder: Path, screen: Screen) -> Outcome:
    """A consignment that a real logger travelled with, taken through the same gates."""
    parcel = await read_parcel(file)
    await register_logger(registry.operator, parcel, party=cast.CARRIER)
    await registry.plan(cast.REAL_ID, cast.REAL_LOT, cast.REAL_PROFILE)
    placement = await registry.place(cast.REAL_ID, placement_of(parcel))
    decision = await registry.dispatch(cast.REAL_ID, parcel.begin)
    if not decision.permitted:
        raise LaunchError(f"{cast.REAL_LOT} may not leave: {decision.blocking}")
    desk = await open_desk(registry.operator, DESK, folder / DESK, party=cast.CARRIER)
    sent = await desk.send(file)
    screen.say(
        f"  {cast.REAL_LOT}  {sent.added} readings of a real {parcel.content.model} imported"
    )
    await registry.receive(cast.REAL_ID, parcel.end)
    await registry.remove(cast.REAL_ID, placement, parcel.end + MILLISECOND)
    await registry.seal(cast.REAL_ID, [parcel.serial], sent.last_sequence)
    return await _release(registry, parcel)


async def _release(registry: Registry, parcel: Parcel) -> Outcome:
    evaluation = await wait_for_evaluation(
        registry.operator,
        cast.REAL_ID,
        lambda found: covers(found, parcel),
        seconds=JUDGED_SECONDS,
        serials=[parcel.serial],
    )
    decision = await registry.ask_release(cast.REAL_ID)
    return Outcome(
        lot=cast.REAL_LOT,
        ending=Ending(
            verdicts=(decision.verdict,),
            state=await registry.state(cast.REAL_ID),
            deviation=await registry.deviations(cast.REAL_ID) > 0,
        ),
        expected=cast.RELEASED,
        why=f"{evaluation.why}; a real logger, {cast.REAL_PROFILE}",
        evaluation=evaluation,
        readings_due=cast.REAL_READINGS,
        wrong=tuple(_wrong_figures(evaluation)),
    )


def _wrong_figures(evaluation: Evaluation) -> list[str]:
    """Every figure that is not what the device itself reported."""
    lowest, highest = (
        [getattr(one.statistics, name) for one in evaluation.temperatures]
        for name in ("lowest", "highest")
    )
    wrong = []
    if [one.milli / MILLI for one in lowest if one] != [cast.REAL_LOWEST]:
        wrong.append(f"min {cast.REAL_LOWEST}")
    if [one.milli / MILLI for one in highest if one] != [cast.REAL_HIGHEST]:
        wrong.append(f"max {cast.REAL_HIGHEST}")
    mkt = evaluation.mkt
    if mkt is None or abs(mkt - cast.REAL_MKT) > cast.REAL_MKT_TOLERANCE:
        wrong.append(f"MKT within {cast.REAL_MKT_TOLERANCE} of {cast.REAL_MKT}")
    return wrong
