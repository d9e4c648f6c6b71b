"""A fake Asterisk with one queue and a few operators, who change only when a test says so."""

from tests.integration.scripted_asterisk import ScriptedAsterisk, Visitor, message

__all__ = ["OPERATORS", "QUEUE", "SmallPbx"]

QUEUE = "help"
OPERATORS = tuple(f"PJSIP/{number}" for number in range(1001, 1041))


class SmallPbx(ScriptedAsterisk):
    """Its lists say what its events told."""

    def __init__(self) -> None:
        super().__init__()
        self.reasons = dict.fromkeys(OPERATORS, "")
        self.script["queuestatus"] = self.list_queue

    def list_queue(self, visitor: Visitor, action: dict[str, str]) -> None:
        action_id = ("ActionID", action["actionid"])
        rows = [message(("Event", "QueueParams"), action_id, ("Queue", QUEUE), ("Strategy", "ringall"))]
        rows += [
            message(("Event", "QueueMember"), action_id, *self.headers(operator, "Name", "Location"))
            for operator in OPERATORS
        ]
        visitor.send_list(action, rows)

    def pause(self, operator: str, reason: str) -> None:
        """Pause an operator, or with an empty reason let them work; the router hears of it at once."""
        self.reasons[operator] = reason
        self.publish(
            ("Event", "QueueMemberPause"),
            ("Privilege", "agent,all"),
            *self.headers(operator, "MemberName", "Interface"),
        )

    def headers(self, operator: str, name: str, location: str) -> list[tuple[str, str]]:
        reason = self.reasons[operator]
        return [
            ("Queue", QUEUE),
            (name, f"Operator {operator}"),
            (location, operator),
            ("StateInterface", operator),
            ("Membership", "static"),
            ("Penalty", "0"),
            ("Status", "1"),
            ("Paused", str(int(bool(reason)))),
            ("PausedReason", reason),
        ]
