"""Numbers with their nouns, in messages for people."""


def counted(number: int, one: str, several: str = "") -> str:
    """Return a number with its noun or verb: `1 payment`, `2 payments`, `1,500 shillings`.

    `several` is the plural where it is not `one` with an `s`.
    """
    return f"{number:,} {one if number == 1 else several or one + 's'}"
