"""What a foreign message that asks leaves in the log, so that its answer finds the way back."""

import json
from typing import NamedTuple

from ..delivery import CORRELATION, REPLY_TO, Header
from ._foreign import ForeignMessage


class Question(NamedTuple):
    """Who asked.

    Attributes:
        reply_to: The queue for the answer.
        correlation: What it is to say.
    """

    reply_to: str
    correlation: str


def question_headers(message: ForeignMessage, answers: str) -> list[Header]:
    """Return what makes a record a question; nothing if the message asks nothing.

    Args:
        message: What came.
        answers: The topic of answers.
    """
    to = message.headers.get("reply-to", "")
    if not to:
        return []
    said = Question(to, message.headers.get("correlation-id") or message.id)
    # The key orders answers, and each is for somebody else, who waits for it alone.
    address = f"{answers}/0/{message.id or said.correlation or '-'}"
    return [
        (REPLY_TO, address.encode(errors="surrogateescape")),
        (CORRELATION, json.dumps(said).encode()),
    ]


def read_question(correlation: bytes) -> Question:
    """Return who asked, from the correlation of an answer."""
    return Question(*json.loads(correlation))
