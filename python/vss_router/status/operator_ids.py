"""What is read off an operator's id."""

__all__ = ["extension_of"]


def extension_of(operator_id: str) -> str:
    """The number in an interface: `1001` of `PJSIP/1001`, `Local/1001@queues/n` and `Agent:1001`."""
    places = [place for mark in "/:" if (place := operator_id.find(mark)) >= 0]
    number = operator_id[min(places) + 1 :] if places else operator_id
    return number.partition("@")[0].partition("/")[0]
