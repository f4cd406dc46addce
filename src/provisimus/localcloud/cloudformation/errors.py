"""What the engine refuses, by the code that AWS answers with.

    CloudFormationError
    ├── ValidationError              nearly everything: template, parameter, busy or no such stack
    ├── AlreadyExists                CreateStack with a name that is taken
    ├── TokenAlreadyExists           a ClientRequestToken that another request has had
    ├── InsufficientCapabilities     IAM resources without CAPABILITY_IAM or CAPABILITY_NAMED_IAM
    ├── ChangeSetNotFound
    └── InvalidChangeSetStatus       executing what is not executable
    ResourceFailed                   one resource could not become, change or vanish: its reason
    OperationCancelled               the running operation was told to stop waiting

Nothing here knows moto or HTTP; `responses.py` turns the first family into wire errors.
"""

from __future__ import annotations


class CloudFormationError(Exception):
    """A request that is answered with an error of this code and message."""

    code = "ValidationError"

    @property
    def message(self) -> str:
        return str(self)


class ValidationError(CloudFormationError):
    pass


class AlreadyExists(CloudFormationError):
    code = "AlreadyExistsException"


class TokenAlreadyExists(CloudFormationError):
    code = "TokenAlreadyExistsException"


class InsufficientCapabilities(CloudFormationError):
    code = "InsufficientCapabilitiesException"


class ChangeSetNotFound(CloudFormationError):
    code = "ChangeSetNotFound"


class InvalidChangeSetStatus(CloudFormationError):
    code = "InvalidChangeSetStatus"


class ResourceFailed(Exception):
    """Raised by handlers; the text becomes the ResourceStatusReason."""


class OperationCancelled(Exception):
    """Raised out of a wait when the operation was cancelled by a request."""


def unsupported(what: str) -> ValidationError:
    """The one wording for what AWS has and the local cloud has not."""
    return ValidationError(f"{what} is known to AWS, not to this local cloud")
