"""Open files: ten thousand sockets want more than most shells allow."""

import resource


def raise_file_limit() -> int:
    """Raise the soft limit of open files to the hard one; processes started later inherit it. Return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
