"""The command ``coldgate``: starts processes and stories; imports no sibling of the kernel.

The parts that need a database driver or an embedded server are imported by the command that uses
them, because an edge box has neither installed.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from coldgate.errors import ColdgateError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Decides whether goods that travelled cold may be used.",
)

ledger_app = typer.Typer(
    no_args_is_help=True, help="What was decided, and whether it still says so."
)
app.add_typer(ledger_app, name="ledger")

Folder = Annotated[Path, typer.Option(help="Where databases, queues and secrets are kept.")]
_HOME = Path(".coldgate")
_ENV = Path(".env")


@app.command()
def up(
    folder: Folder = _HOME,
    port: Annotated[int, typer.Option(help="Port of the API; 0 keeps a free one.")] = 8080,
    broker: Annotated[
        Literal["nats", "mosquitto"], typer.Option(help="Which MQTT broker to run.")
    ] = "nats",
) -> None:
    """Run everything on this machine until Ctrl-C: servers, ingest, analytics, API."""
    from coldgate.launch.machine import Machine, MachineSettings  # noqa: PLC0415 - see above

    machine = Machine(MachineSettings(folder=folder, api_port=port, broker=broker))

    def started() -> None:
        _say(
            f"\nColdgate is up; its data are in {folder}. Ctrl-C ends it.\n\n"
            f"  API           {machine.api_url}\n"
            f"  reference     {machine.api_url}/docs\n"
            f"  operator key  {machine.operator_key}\n"
            f"  invitation    {machine.operator_invitation} (first password of user operator)\n"
            f"  health        http://127.0.0.1:{machine.health_port}/healthz\n"
        )

    asyncio.run(machine.run(write=_say, started=started))
    _say("Coldgate has ended; nothing of it is left running.")


@app.command()
def demo(
    folder: Folder = Path(".demo"),
    *,
    leave: Annotated[bool, typer.Option("--exit", help="End when the story is told.")] = False,
) -> None:
    """Tell the whole story in accelerated time, then keep serving the API until Ctrl-C."""
    from coldgate.launch.story.telling import tell  # noqa: PLC0415 - see above

    raise typer.Exit(asyncio.run(tell(folder, keep_serving=not leave)))


@app.command()
def story(
    name: Annotated[
        str, typer.Argument(help="One of them, or all; without it they are listed.")
    ] = "",
    folder: Folder = Path(".story"),
) -> None:
    """Tell a story on a fresh machine of its own; exit status 1 unless every answer is right."""
    from coldgate.launch.stories import telling  # noqa: PLC0415 - see above

    if not name:
        _say(telling.listing())
        return
    raise typer.Exit(asyncio.run(telling.tell(name, folder)))


@app.command(name="import")
def import_file(
    file: Annotated[Path, typer.Argument(help="Berlinger .txt, or .csv with a mapping.")],
    profile: Annotated[str, typer.Option(help="Profile to judge it by, such as WHO_ESI_TYPE1.")],
    zone: Annotated[str, typer.Option(help="Time zone of the stamps in the file, such as UTC.")],
    mapping: Annotated[Path | None, typer.Option(help="Mapping file of a generic CSV.")] = None,
    certificate: Annotated[
        tuple[str, str, str, str] | None,
        typer.Option(
            metavar="NUMBER FROM TO U",
            help="Calibration of its temperature: number, first and last day, U (k=2) in °C, "
            "such as LAB-42 2026-01-15 2027-01-14 0.2",
        ),
    ] = None,
    folder: Folder = _HOME,
) -> None:
    """Take a logger file along the whole path and print the verdict."""
    from coldgate.launch.certificate import NamedCertificate  # noqa: PLC0415 - see above
    from coldgate.launch.importing import ImportRequest, import_logger_file  # noqa: PLC0415

    request = ImportRequest(
        file=file,
        profile=profile,
        zone=zone,
        mapping=mapping,
        certificate=NamedCertificate.parse(*certificate) if certificate else None,
    )
    raise typer.Exit(asyncio.run(import_logger_file(request, folder)))


@app.command()
def evaluate(
    consignment: Annotated[str, typer.Option(help="Whose readings to judge.")],
    *,
    version: Annotated[int | None, typer.Option(help="Make this evaluation again.")] = None,
    as_of: Annotated[
        str | None,
        typer.Option(help="Make the one again that was in force, such as 2026-11-22T10:00Z."),
    ] = None,
    cross_check: Annotated[
        bool, typer.Option("--cross-check", help="No answer unless the reference judge agrees.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="The evaluation itself, as bytes.")] = False,
    folder: Folder = _HOME,
) -> None:
    """Judge one consignment, now or as an earlier evaluation saw it; nothing is stored."""
    from coldgate.launch.judge_command import run_judge_command  # noqa: PLC0415 - see above

    arguments = ["evaluate", "--consignment", consignment]
    arguments += [] if version is None else ["--version", str(version)]
    arguments += [] if as_of is None else ["--as-of", as_of]
    arguments += ["--cross-check"] if cross_check else []
    arguments += ["--json"] if json else []
    raise typer.Exit(run_judge_command(folder, arguments))


@app.command()
def what_if(
    profile: Annotated[
        str, typer.Option(help="A YAML file, or a stored or packaged one as ID or ID@VERSION.")
    ],
    since: Annotated[
        str, typer.Option(help="Journeys that ended on this day (UTC) or later, as 2026-01-31.")
    ],
    until: Annotated[str | None, typer.Option(help="And before this day.")] = None,
    output: Annotated[
        Path | None, typer.Option(help="File of results; one is named in the folder otherwise.")
    ] = None,
    jobs: Annotated[int | None, typer.Option(help="Processes; one a core otherwise.")] = None,
    folder: Folder = _HOME,
) -> None:
    """Judge the past by another profile; nothing is changed. Once more goes on where it ended."""
    from coldgate.launch.judge_command import run_judge_command  # noqa: PLC0415 - see above

    arguments = ["what-if", "--profile", profile, "--since", since, "--folder", str(folder)]
    arguments += [] if until is None else ["--until", until]
    arguments += [] if output is None else ["--output", str(output)]
    arguments += [] if jobs is None else ["--jobs", str(jobs)]
    raise typer.Exit(run_judge_command(folder, arguments))


@app.command()
def secrets(
    file: Annotated[Path, typer.Argument(help="File to make; one that is there stays.")] = _ENV,
) -> None:
    """Write fresh secrets for docker compose, readable by their owner only."""
    from coldgate.launch import deployment  # noqa: PLC0415 - see above

    deployment.write_environment(file, deployment.new_environment())
    _say(f"{file} holds the secrets of this deployment; keep a copy with the backups")


@ledger_app.command()
def verify(
    checkpoints: Annotated[
        Path | None,
        typer.Option(help="File of signed checkpoints; the one in the folder otherwise."),
    ] = None,
    folder: Folder = _HOME,
) -> None:
    """Find whatever was changed, removed or reordered, by whomever; exit status 1 if anything."""
    from coldgate.launch.ledger_command import verify_ledger  # noqa: PLC0415 - see above

    raise typer.Exit(verify_ledger(folder, checkpoints, _say))


def main() -> None:
    """Entry point; an error raised on purpose is one line on stderr and exit status 2."""
    try:
        app()
    except ColdgateError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)


def _say(line: str) -> None:
    typer.echo(line)


if __name__ == "__main__":
    main()
