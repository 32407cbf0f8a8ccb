"""``coldgate import``: one logger file along the whole path, from the gateway to the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - pydantic reads the annotation when it runs
from typing import TYPE_CHECKING, Final

from coldgate.errors import LaunchError, NotFoundError
from coldgate.instant import epoch_ms
from coldgate.launch.certificate import enter_certificate
from coldgate.launch.client import Answer, ApiClient
from coldgate.launch.desk import open_desk
from coldgate.launch.hosting import LogFile, run_beside
from coldgate.launch.import_report import show_import
from coldgate.launch.judged import Evaluation, wait_for_evaluation
from coldgate.launch.machine import Machine, MachineSettings
from coldgate.launch.parcel import LoggerFile, Parcel, read_parcel
from coldgate.launch.runs import Events, home_of, logger_in, place, run_name, runs_of
from coldgate.launch.screen import Screen
from coldgate.model import EventKind

if TYPE_CHECKING:
    from pathlib import Path

    from coldgate.launch.certificate import NamedCertificate
    from coldgate.launch.desk import Sent

DESK: Final = "import-desk"  # name of the party, its gateway and its folder
HEALTHY_SECONDS: Final = 60.0
JUDGED_SECONDS: Final = 60.0
INTERRUPTED: Final = 130  # as shells have it for SIGINT


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """What the command line asks for."""

    file: Path
    profile: str
    zone: str
    mapping: Path | None = None
    certificate: NamedCertificate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What is to be done: a file that was read, its profile, and the certificate as it counts."""

    parcel: Parcel
    profile: str
    certificate: dict[str, object] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """A file that was taken and judged; ``added`` readings of it were new."""

    parcel: Parcel
    consignment: str
    added: int
    evaluation: Evaluation


class _Profile(Answer):
    id: str


class _Profiles(Answer):
    items: list[_Profile]


class _Consignment(Answer):
    profile: _Profile | None


async def import_logger_file(request: ImportRequest, folder: Path) -> int:
    """Take the file, print what was found; 0 once it is judged, whatever the verdict.

    Raises:
        FileFormatError: the file cannot be read; nothing was started or stored.
        ConflictError: the file contradicts what was imported of its logger, or the profile of its
            run is frozen.
    """
    file = LoggerFile(path=request.file, zone=request.zone, mapping=request.mapping)
    parcel = await read_parcel(file)
    named = request.certificate
    order = _Order(
        parcel=parcel,
        profile=request.profile,
        certificate=None if named is None else named.body(request.zone),
    )
    done = await _at_machine(folder, order)
    if done is None:
        return INTERRUPTED
    show_import(Screen(), done.parcel.content, done.evaluation, added=done.added)
    Screen().say(f"consignment {done.consignment}")
    return 0


async def _at_machine(folder: Path, order: _Order) -> Import | None:
    """The import, on the machine that runs in ``folder`` or on one that runs meanwhile."""
    machine = Machine(MachineSettings(folder=folder))
    try:
        machine.folder.acquire()
    except LaunchError:  # somebody runs it: that one is used
        return await _take(Access.read(folder), order)
    with machine.prepare():
        log = LogFile(folder / "coldgate.log")
        access = Access(folder=folder, url=machine.api_url, key=machine.operator_key)
        return await run_beside(machine, lambda: _take(access, order), write=log.write)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where a machine's API is, and the operator's key to it."""

    folder: Path
    url: str
    key: str

    @classmethod
    def read(cls, folder: Path) -> Access:
        """What the machine that runs in ``folder`` left there for its tools."""
        try:
            url, key = (
                (folder / name).read_text(encoding="ascii").strip()
                for name in ("api-url", "operator-key")
            )
        except FileNotFoundError as error:
            raise LaunchError(f"{folder} is in use, but nothing serves the API there yet") from (
                error
            )
        return cls(folder=folder, url=url, key=key)


async def _take(access: Access, order: _Order) -> Import:
    parcel, profile = order.parcel, order.profile
    async with ApiClient(access.url, access.key) as client:
        await client.wait_until_healthy(HEALTHY_SECONDS)
        await _require_profile(client, profile)
        consignment = await _register(client, parcel, profile)
        if order.certificate is not None:
            logger = await logger_in(client, consignment, parcel, owner=DESK)
            await enter_certificate(client, logger, order.certificate)
        desk = await open_desk(client, DESK, access.folder / DESK, party=DESK)
        sent = await desk.send(parcel.file)
        await client.ensure(f"/consignments/{consignment}/seals", seal_of(parcel, sent))
        evaluation = await wait_for_evaluation(
            client,
            consignment,
            lambda found: found.profile.id == profile and covers(found, parcel),
            seconds=JUDGED_SECONDS,
            serials=[parcel.serial],
        )
    return Import(
        parcel=parcel,
        consignment=consignment,
        added=sent.added,
        evaluation=evaluation,
    )


def covers(evaluation: Evaluation, parcel: Parcel) -> bool:
    """Whether the file was judged to its end, and every reading of it from the judged begin on."""
    channels = [one for one in evaluation.channels if one.serial == parcel.serial]
    return bool(channels) and all(
        one.begin_ms is not None
        and one.end_ms is not None
        and one.end_ms >= epoch_ms(parcel.end)
        and one.statistics.n + one.statistics.invalid >= parcel.due(one.begin_ms, one.end_ms)
        for one in channels
    )


async def register_logger(client: ApiClient, parcel: Parcel, *, party: str) -> None:
    """The logger of the file, as the file describes it, unless the party has it already."""
    interval = parcel.content.interval_seconds
    await client.ensure(
        "/loggers",
        {
            "serial": parcel.serial,
            "model": parcel.content.model,
            "interval_seconds": round(interval) if interval else None,
            "party": party,
        },
    )


def placement_of(parcel: Parcel) -> dict[str, object]:
    """The logger's placement, from its first reading on."""
    return {"serial": parcel.serial, "placed_at": parcel.begin.isoformat()}


def seal_of(parcel: Parcel, sent: Sent) -> dict[str, object]:
    """The end of the logger's log, for the file is all of it (S29)."""
    return {"serial": parcel.serial, "last_sequence": sent.last_sequence}


def event(kind: EventKind, happened_at: datetime) -> dict[str, object]:
    """A custody event as the API takes it."""
    return {"kind": kind.value, "happened_at": happened_at.isoformat()}


async def _require_profile(client: ApiClient, profile: str) -> None:
    known = {one.id for one in (await client.get("/profiles", _Profiles)).items}
    if profile not in known:
        raise NotFoundError("profile", f"{profile}; there are {', '.join(sorted(known))}")


async def _register(client: ApiClient, parcel: Parcel, profile: str) -> str:
    """The consignment of the file's run; every step is skipped where it was done before."""
    runs = await runs_of(client, parcel, owner=DESK)
    home = await home_of(client, runs, parcel)
    name = home.consignment if home else run_name(parcel)
    party = {"id": DESK, "name": "Import desk", "kind": "carrier"}
    await client.ensure("/parties", party)
    await register_logger(client, parcel, party=DESK)
    line = {"product": "imported-goods", "lot": parcel.run, "quantity": 1}
    planned = {
        "id": name,
        "consignor": DESK,
        "consignee": DESK,
        "profile": {"id": profile},
        "lines": [line],
    }
    if not await client.ensure("/consignments", planned):
        await _choose_profile(client, name, profile)
    if home is None:
        await place(client, parcel, runs, owner=DESK)
    await _tell_events(client, name, parcel)
    return name


async def _choose_profile(client: ApiClient, name: str, profile: str) -> None:
    found = await client.get(f"/consignments/{name}", _Consignment)
    if found.profile is None or found.profile.id != profile:
        await client.put(f"/consignments/{name}/profile", {"id": profile})


async def _tell_events(client: ApiClient, name: str, parcel: Parcel) -> None:
    """Say when the run began and, if that is news, that it went on until the file's end (S7)."""
    path = f"/consignments/{name}/events"
    known = await client.get(path, Events)
    if known.last(EventKind.PACKED) is None:
        await client.tell(path, event(EventKind.PACKED, parcel.begin))
    end = known.last(EventKind.RECEIVED)
    if end is None or end < parcel.end:
        await client.tell(path, event(EventKind.RECEIVED, parcel.end))
