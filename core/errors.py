"""The two ways a command can end badly, each told to the user in one sentence."""


class EdgeblurError(Exception):
    """Base of all errors whose text is meant for the user: what was expected, what came, what to do."""

    exit_code = 1


class UserError(EdgeblurError):
    """The user's mistake: a wrong path, a wrong file, a wrong option. Exit code 2."""

    exit_code = 2


class RunError(EdgeblurError):
    """A failed gate or a broken run: bytes that differ, a tool that crashed, a full disk. Exit code 1."""


def missing_package(package: str, extra: str) -> UserError:
    """The error for a command that needs a package outside the light install."""
    return UserError(f"this needs the package {package}, which is not installed: pip install 'edgeblur[{extra}]'")
