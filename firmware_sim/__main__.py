"""Command line: ``python -m firmware_sim run …`` plays a scenario into a gateway.

Progress goes to stdout, one JSON object a line. Exit status: 0 every reading is confirmed,
2 the settings are wrong, 3 readings are missing at the gateway.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from coldgate.errors import NotFoundError, SettingsError, WireError
from coldgate.settings import settings_error
from firmware_sim.delivery import Conduct, Delivery
from firmware_sim.fleet import Fleet
from firmware_sim.link import GatewayLink
from firmware_sim.scenario import SCENARIOS, scenario_named
from firmware_sim.settings import SimulatorSettings
from firmware_sim.simulation import Simulation, serial_numbers
from firmware_sim.truth import truth_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WRONG_SETTINGS: Final = 2
_INCOMPLETE: Final = 3
_OPTIONS: Final = {
    "--scenario": "one of: " + ", ".join(SCENARIOS),
    "--gateway": "HOST:PORT of the gateway's local source",
    "--begin": "begin of the journey, ISO 8601 with zone",
    "--end": "end of the journey, ISO 8601 with zone",
    "--loggers": "how many loggers travel",
    "--serial-prefix": "serial numbers are PREFIX-0001 and so on",
    "--interval": "from reading to reading, seconds or ISO 8601",
    "--seed": "same seed, same bytes",
    "--factor": "simulated seconds to a second, up to 10000",
    "--truth": "write what a judge must find to this file",
    "--flash-readings": "what a logger can keep",
    "--block-readings": "most readings in one block",
    "--clock-offset": "how far the loggers' clocks are ahead, seconds or ISO 8601",
    "--clock-drift-ppm": "what the loggers' clocks gain, in millionths",
    "--patience": "give up when the gateway confirms nothing for so long",
}
_SWITCHES: Final = {
    "--send-clock": "tell the gateway the logger's own clock",
    "--keep-link": "do not play the scenario's outage: somebody else cuts the link",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status."""
    options = vars(_parser().parse_args(arguments))
    del options["command"]
    try:
        settings = settings_of(options)
        simulation = simulate(settings)
        if settings.truth is not None:
            settings.truth.write_bytes(truth_file(simulation))
    except (SettingsError, NotFoundError, OSError) as error:
        sys.stderr.write(f"firmware_sim: {error}\n")
        return _WRONG_SETTINGS
    try:
        complete = asyncio.run(_play(settings, simulation))
    except WireError as error:
        sys.stderr.write(f"firmware_sim: {error}\n")
        return _INCOMPLETE
    return 0 if complete else _INCOMPLETE


def settings_of(options: Mapping[str, object]) -> SimulatorSettings:
    """Settings from the options given, then the environment; ``SettingsError`` on one line."""
    try:
        return SimulatorSettings(**options)  # type: ignore[arg-type]  # pydantic checks each one
    except ValidationError as error:
        raise settings_error(error, lambda field: field or "settings") from error


def simulate(settings: SimulatorSettings) -> Simulation:
    """The simulation that ``settings`` ask for, solved and ready to be sampled."""
    return Simulation.create(
        scenario_named(settings.scenario),
        settings.journey,
        seed=settings.seed,
        serials=serial_numbers(settings.serial_prefix, settings.loggers),
    )


async def _play(settings: SimulatorSettings, simulation: Simulation) -> bool:
    """Deliver everything; False when stopped by SIGINT or SIGTERM, or when readings are missing."""
    fleet = Fleet(
        simulation,
        offset_ms=round(settings.clock_offset.total_seconds() * 1000.0),
        drift_ppm=settings.clock_drift_ppm,
        flash_readings=settings.flash_readings,
    )
    conduct = Conduct(
        factor=settings.factor,
        patience_seconds=settings.patience.total_seconds(),
        block_readings=settings.block_readings,
        cut_link=not settings.keep_link,
        send_clock=settings.send_clock,
    )
    host, port = settings.gateway_address
    async with GatewayLink(host, port, reply_seconds=conduct.patience_seconds) as link:
        delivery = Delivery(fleet=fleet, link=link, conduct=conduct, report=_print_report)
        playing = asyncio.ensure_future(delivery.run())
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, playing.cancel)
        try:
            return await playing
        except asyncio.CancelledError:
            return False


def _print_report(facts: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m firmware_sim", description="Simulated loggers")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="play a scenario into a gateway")
    for name, text in _OPTIONS.items():
        run.add_argument(name, help=text, default=argparse.SUPPRESS)
    for name, text in _SWITCHES.items():
        run.add_argument(name, help=text, action="store_true", default=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
