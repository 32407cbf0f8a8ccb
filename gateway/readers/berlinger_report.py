"""What a Berlinger device concluded itself: statistics and alarms of a run, or of each day."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from gateway.readers.berlinger_fields import degrees, local_time, whole
from gateway.readers.logger_file import DeviceAlarm, DeviceDay, DeviceReport, Extreme

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import tzinfo

    from gateway.readers.indented import Document, Node

_UNITS: Final = {"C": "°C", "F": "°F"}
_UNUSED_ALARM: Final = "0"


class ReportReader:
    """Reads the parts of one file that the device computed; times become UTC."""

    def __init__(self, document: Document, zone: tzinfo) -> None:
        self._document = document
        self._settings = document.child(document.root, "Conf")
        self._zone = zone

    def read(self) -> DeviceReport:
        """The report of a Q-tag's run (``Res``) or of a Fridge-tag's days (``Hist``)."""
        unit = self._unit()
        run = self._document.find(self._document.root, "Res")
        if run is not None:
            return self._run(run, unit)
        return self._history(self._document.child(self._document.root, "Hist"), unit)

    def _unit(self) -> str:
        node = self._document.find(self._settings, "Temp unit")
        if node is None:
            return "°C"  # a Q-tag has no such setting
        if node.value not in _UNITS:
            raise self._document.refuse(node.line, f"{node.value!r} is neither C nor F")
        return _UNITS[node.value]

    def _run(self, run: Node, unit: str) -> DeviceReport:
        doc = self._document
        energy = doc.child(self._settings, "MKT Energy")
        average, mean_kinetic = doc.child(run, "Avrg T"), doc.child(run, "MKT")
        return DeviceReport(
            unit=unit,
            minimum=self._extreme(run, "Min T", ""),
            maximum=self._extreme(run, "Max T", ""),
            average=degrees(doc, average.line, average.value),
            mean_kinetic=degrees(doc, mean_kinetic.line, mean_kinetic.value),
            activation_kilojoule_per_mole=degrees(doc, energy.line, energy.value),
            started_at=self._time_of(run, "TS Start"),
            stopped_at=self._time_of(run, "TS Stop"),
            alarms=tuple(self._run_alarms(doc.child(run, "Alarm"))),
        )

    def _history(self, history: Node, unit: str) -> DeviceReport:
        days = [(node, self._day(node)) for node in history.children if node.key.isdigit()]
        return DeviceReport(
            unit=unit,
            started_at=self._time_of(history, "TS Actv"),
            stopped_at=self._time_of(history, "TS Report Creation"),
            alarms=tuple(self._day_alarms([node for node, _ in days])),
            days=tuple(day for _, day in days),
        )

    def _day(self, node: Node) -> DeviceDay:
        doc = self._document
        date, average = doc.child(node, "Date"), doc.child(node, "Avrg T")
        alarms = doc.child(node, "Alarm").children
        return DeviceDay(
            day=local_time(doc, date.line, f"{date.value} 00:00").date(),
            minimum=self._extreme(node, "Min T", f"{date.value} "),
            maximum=self._extreme(node, "Max T", f"{date.value} "),
            average=degrees(doc, average.line, average.value),
            alarm_minutes=tuple(
                (self._number(alarm), self._count(alarm, "t Acc")) for alarm in alarms
            ),
        )

    def _run_alarms(self, results: Node) -> Iterator[DeviceAlarm]:
        """Alarms of a Q-tag: rule under ``Conf``, outcome under ``Res``, both by number."""
        outcomes = {node.key: self._entries(node) for node in results.children}
        for rule in self._document.child(self._settings, "Alarm").children:
            entries = self._entries(rule)
            if entries.get("Type") == _UNUSED_ALARM:
                continue
            outcome = outcomes.get(rule.key, {})
            line = self._line_below(results, rule.key)
            yield self._alarm(
                rule,
                outside_minutes=(
                    whole(self._document, line, outcome["t A"]) if "t A" in outcome else None
                ),
                raised_at=self._instant(line, outcome["TS A"]) if outcome.get("TS A") else None,
            )

    def _day_alarms(self, days: list[Node]) -> Iterator[DeviceAlarm]:
        """Alarms of a Fridge-tag: raised on the earliest day that has a time of alarm."""
        for rule in self._document.child(self._settings, "Alarm").children:
            raised = [
                self._instant(node.line, f"{self._document.text(day, 'Date')} {entries['TS A']}")
                for day in days
                for node in self._document.child(day, "Alarm").children
                if node.key == rule.key and "TS A" in (entries := self._entries(node))
            ]
            yield self._alarm(rule, outside_minutes=None, raised_at=min(raised) if raised else None)

    def _alarm(
        self, rule: Node, *, outside_minutes: int | None, raised_at: datetime | None
    ) -> DeviceAlarm:
        entries = self._entries(rule)
        if not {"T AL", "t AL"} <= entries.keys():
            raise self._document.refuse(rule.line, f"alarm {rule.key} has no limit and duration")
        return DeviceAlarm(
            number=self._number(rule),
            limit=degrees(self._document, rule.line, entries["T AL"]),
            allowed_minutes=whole(self._document, rule.line, entries["t AL"]),
            outside_minutes=outside_minutes,
            raised_at=raised_at,
        )

    def _extreme(self, node: Node, key: str, day: str) -> Extreme:
        line = self._document.child(node, key)
        entries = self._document.fields(line)
        return Extreme(
            value=degrees(self._document, line.line, entries[key]),
            taken_at=self._instant(line.line, day + entries.get(f"TS {key}", "")),
        )

    def _entries(self, node: Node) -> Mapping[str, str]:
        """All fields of all lines below ``node``."""
        return {
            key: value
            for child in node.children
            for key, value in self._document.fields(child).items()
        }

    def _line_below(self, node: Node, key: str) -> int:
        child = self._document.find(node, key)
        return (child.children[0].line if child.children else child.line) if child else node.line

    def _number(self, node: Node) -> int:
        return whole(self._document, node.line, node.key)

    def _count(self, node: Node, key: str) -> int:
        return whole(self._document, node.line, self._entries(node).get(key, ""))

    def _time_of(self, node: Node, key: str) -> datetime:
        child = self._document.child(node, key)
        return self._instant(child.line, child.value)

    def _instant(self, line: int, text: str) -> datetime:
        """A local time as UTC; of a time that exists twice, the first."""
        local = local_time(self._document, line, text)
        return local.replace(tzinfo=self._zone).astimezone(UTC)
