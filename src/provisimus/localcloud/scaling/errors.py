"""What the API of Auto Scaling refuses."""

from __future__ import annotations

from moto.core.exceptions import ServiceException


class ScalingError(ServiceException):
    """A request that is answered with an error of a code; it changed nothing."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def invalid(message: str) -> ScalingError:
    return ScalingError("ValidationError", message)


def unsupported(what: str) -> ScalingError:
    """What AWS has and the local cloud has not."""
    return invalid(f"{what} is known to AWS, not to this local cloud")
