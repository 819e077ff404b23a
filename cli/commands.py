"""Commands whose options may come from the environment, from files that it names, and from nowhere else."""

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import typer
from typer.core import TyperCommand, TyperOption

from cli.failures import CommandFailed, ExitCode
from common.settings.names import misspelt
from common.settings.texts import PREFIX, UnfitTextError, text_of

Function = TypeVar("Function", bound=Callable[..., Any])


class Command(TyperCommand):
    """A command that says at once all that is wrong with what the environment tells it."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # its own name for the class
        """Read the command line; where it says nothing, settings hold, out of variables or of files."""
        texts, faults = _texts_of(_settings_of(self))
        ctx.default_map = {**texts}
        rest = super().parse_args(ctx, args)
        # What the command line says nobody looks for elsewhere.
        given = {name for name in faults if _is_on_command_line(ctx, name)}
        wrong = [fault for name, fault in faults.items() if name not in given] + misspelt(os.environ)
        if wrong:
            raise CommandFailed("\n  ".join(("these settings are wrong:", *wrong)), ExitCode.USAGE)
        return rest


class Commands(typer.Typer):
    """A group of such commands."""

    def command(self, name: str | None = None, **options: Any) -> Callable[[Function], Function]:
        """Add a command, as typer does."""
        return super().command(name, **({"cls": Command} | options))


def settings_of_options(command: Any) -> set[str]:
    """Return the settings, without their prefix, that options of a command and of those below it may come from."""
    below = getattr(command, "commands", {})
    return set(_settings_of(command).values()).union(*map(settings_of_options, below.values()))


def _settings_of(command: Any) -> dict[str, str]:
    return {
        option.name: option.envvar.removeprefix(PREFIX)
        for option in command.params
        if isinstance(option, TyperOption) and isinstance(option.envvar, str)
    }


def _texts_of(settings: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the text of each option that has one, and what is wrong with those of the others."""
    texts, faults = {}, {}
    for option, setting in settings.items():
        try:
            text = text_of(setting)
        except UnfitTextError as error:
            faults[option] = f"{PREFIX}{setting}: {error}"
        else:
            if text is not None:
                texts[option] = text
    return texts, faults


def _is_on_command_line(ctx: typer.Context, option: str) -> bool:
    source = ctx.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"
