"""``python -m gateway``: run the agent, read a logger file, or send one and wait.

Exit status: 0 done, 1 not possible here, 2 a file in a wrong format, 3 not acknowledged in time.
"""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from coldgate.crypto import create_private_key, load_private_key, public_key_text, sha256_hex
from coldgate.errors import ColdgateError, FileFormatError
from coldgate.log import configure_logging
from coldgate.settings import read_settings
from gateway.agent import drained, open_outbox, run_gateway, sealer
from gateway.clerk import Clerk
from gateway.outbox import Outbox
from gateway.readers.choose import find_mapping, load_bytes, read_logger_file
from gateway.readers.local_time import find_zone
from gateway.report import encode_file
from gateway.settings import GatewaySettings
from gateway.sources.folder import store_file
from gateway.uplink import Uplink

if TYPE_CHECKING:
    from datetime import tzinfo

    from gateway.readers.logger_file import LoggerFile

NOT_POSSIBLE: Final = 1
WRONG_FORMAT: Final = 2
NOT_ACKNOWLEDGED: Final = 3

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Logger files.")]
ZoneName = Annotated[str | None, typer.Option(help="Zone of times that name none, such as UTC.")]
MappingFile = Annotated[Path | None, typer.Option(help="How to read a CSV file.")]


@app.command()
def run() -> None:
    """Take readings and deliver them until stopped; settings: COLDGATE_GATEWAY_… variables."""
    settings = read_settings(GatewaySettings)
    configure_logging("gateway", level=settings.log_level)
    asyncio.run(run_gateway(settings))


@app.command()
def key(path: Annotated[Path, typer.Argument(help="File of the private key.")]) -> None:
    """Print the public key to register; the private key is made if there is none."""
    private = load_private_key(path) if path.exists() else create_private_key(path)
    typer.echo(public_key_text(private))


@app.command()
def read(
    file: Annotated[Path, typer.Argument(help="Logger file.")],
    zone: ZoneName = None,
    mapping: MappingFile = None,
) -> None:
    """Print what a logger file says, as JSON, and store nothing."""
    typer.echo(encode_file(_read(file, _zone(zone), mapping)[0]))


@app.command()
def send(
    files: Files,
    zone: ZoneName = None,
    mapping: MappingFile = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for the server.")] = 60.0,
) -> None:
    """Store files, send them, and wait until the server has them; nothing if one is wrong."""
    settings = read_settings(GatewaySettings)
    configure_logging("gateway", level=settings.log_level)
    chosen_zone = _zone(zone or settings.zone)
    read_files = [(path.name, *_read(path, chosen_zone, mapping)) for path in files]
    if not asyncio.run(_deliver(settings, read_files, wait)):
        typer.echo(f"not acknowledged within {wait:g} s; the readings stay in the outbox", err=True)
        raise typer.Exit(NOT_ACKNOWLEDGED)


async def _deliver(
    settings: GatewaySettings, files: list[tuple[str, LoggerFile, str]], wait: float
) -> bool:
    """Whether the server has everything in the outbox, these files included."""
    seal = sealer(settings)
    async with Clerk(open_outbox(settings)) as clerk:
        for name, file, digest in files:
            added = await clerk.call(partial(store_file, file=file, digest=digest, name=name))
            last = await clerk.call(partial(Outbox.last_sequence, serial=file.serial))
            said = f"{name}: {file.readings} readings, {added} new, the last is number {last}"
            typer.echo(said)
        uplink = Uplink(clerk, settings, seal)
        uplink.flushing = True
        sending = asyncio.create_task(uplink.run())
        try:
            return await drained(clerk, wait)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


def _read(path: Path, zone: tzinfo | None, mapping: Path | None) -> tuple[LoggerFile, str]:
    content = load_bytes(path)
    file = read_logger_file(path, content, zone=zone, mapping=mapping or find_mapping(path))
    return file, sha256_hex(content)


def _zone(name: str | None) -> tzinfo | None:
    return find_zone(name) if name else None


def main() -> None:
    """Run the command line; errors raised on purpose become one line and an exit status."""
    try:
        app()
    except FileFormatError as error:
        typer.echo(str(error), err=True)
        sys.exit(WRONG_FORMAT)
    except ColdgateError as error:
        typer.echo(str(error), err=True)
        sys.exit(NOT_POSSIBLE)


if __name__ == "__main__":
    main()
