from django.core.management.commands import makemessages


class Command(makemessages.Command):
    """Django's own, which also finds the sentences of `t(…)` in the dashboard's modules (`-d djangojs`)."""

    xgettext_options = [*makemessages.Command.xgettext_options, "--keyword=t"]
