"""What an Asterisk 22 says before the first event of a session."""

from typing import Final

__all__ = ["FULLY_BOOTED", "GREETING", "LOGIN_ANSWER"]

GREETING: Final = b"Asterisk Call Manager/11.0.0\r\n"
LOGIN_ANSWER: Final = "Response: Success\r\n{action_id}Message: Authentication accepted\r\n\r\n"
FULLY_BOOTED: Final = (
    b"Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: 240\r\nLastReload: 240\r\nStatus: Fully Booted\r\n\r\n"
)
