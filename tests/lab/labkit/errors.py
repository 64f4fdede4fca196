"""The one error that the lab shows to its user: what went wrong, and the way out where there is one."""


class LabError(Exception):
    def __init__(self, message: str, hint: str = ""):
        super().__init__(message)
        self.hint = hint
