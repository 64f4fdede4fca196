"""How kubeadm ends in failure: the message, the hint at --v=5, and the exit code."""


class Failure(Exception):
    def __init__(self, message: str, code: int = 1):
        super().__init__(message)
        self.code = code


class PreflightFailure(Failure):
    """Some checks failed; the real one ends with 2 then."""

    def __init__(self, errors: list, prefix: str = ""):
        lines = "".join(f"\t[ERROR {name}]: {text}\n" for name, text in errors)
        super().__init__(
            f"{prefix}[preflight] Some fatal errors occurred:\n{lines}[preflight] If you know what you are doing, you can make a "
            "check non-fatal with `--ignore-preflight-errors=...`", 1 if prefix else 2
        )
