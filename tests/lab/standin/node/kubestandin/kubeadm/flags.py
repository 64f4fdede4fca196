"""Command line flags, read as the flag library of the real kubeadm reads them."""

from .failure import Failure

TRUE, FALSE = ("1", "t", "T", "true", "TRUE", "True"), ("0", "f", "F", "false", "FALSE", "False")
# Known to every command.
COMMON = {"v": str, "rootfs": str}


def parse(words: list, known: dict, short: dict = None) -> tuple[dict, list]:
    """The flags (long names; `known` maps them to bool or str) and the other arguments."""
    known, short, flags, rest = {**COMMON, **known}, {"v": "v", **(short or {})}, {}, []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if word == "--":
            rest += queue
            break
        if word == "-" or not word.startswith("-"):
            rest.append(word)
        elif word.startswith("--"):
            name, sign, value = word[2:].partition("=")
            if name not in known:
                raise Failure(f"unknown flag: --{name}")
            flags[name] = _value(name, known[name], value if sign else None, queue, f"--{name}")
        else:
            _short(word, known, short, queue, flags)
    return flags, rest


def _short(word: str, known: dict, short: dict, queue: list, flags: dict) -> None:
    """-y, -ojson, -o=json, -o json, and bundles such as -yf."""
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        if letter not in short:
            raise Failure(f"unknown shorthand flag: '{letter}' in {word}")
        name = short[letter]
        if known[name] is bool and not letters.startswith("="):
            flags[name] = True
            continue
        value = letters.removeprefix("=") if letters else None
        flags[name] = _value(name, known[name], value, queue, f"-{letter}")
        return


def _value(name: str, kind: type, value, queue: list, shown: str):
    if kind is bool:
        if value is None or value in TRUE:
            return True
        if value in FALSE:
            return False
        raise Failure(f'invalid argument "{value}" for "--{name}" flag: strconv.ParseBool: parsing "{value}": invalid syntax')
    if value is None:
        if not queue:
            raise Failure(f"flag needs an argument: {shown if shown.startswith('--') else repr(shown[1]) + ' in ' + shown}")
        value = queue.pop(0)
    return value
