"""What was found wrong while a file is read: problems with their places, and which parts are not worth a second look. Pure."""

from dataclasses import replace

from sozu.command.config.diagnostics import Problem
from sozu.command.config.yaml_source import Source
from sozu.command.shape import Misfit, Path


class Findings:
    """The problems of one source. A part is sound if nothing was noted in it or on the way to it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        # With each place the way to it, up to the root: so that `sound` is one look-up, where a search for all that lies below would be
        # one over all problems for each of ten thousand clusters.
        self._faulty: set[Path] = set()
        self.problems = list(source.problems)
        self.warnings = list[Problem]()
        # What YAML could not give stands as None in the value; it must not be taken for what the user has left out himself.
        for path in source.left_out:
            self._spoil(path)

    def note(
        self, path: Path, message: str, *, expected: str = "", nearest: str | None = None, at_key: bool = False, code: str = ""
    ) -> None:
        """Note a problem with the value of this path, or with its key; without a code it is a bad value of that key."""
        span = self._source.span(path, at_key=at_key)
        problem = self._source.problem(span, message, expected=expected, nearest=nearest)
        self.problems.append(replace(problem, code=code or _bad(path)))
        self._spoil(path)

    def warn(self, path: Path, message: str, *, nearest: str | None = None) -> None:
        """Tell of what can be used, and is hardly meant."""
        problem = self._source.problem(self._source.span(path), message, nearest=nearest)
        # Nothing is spoiled: what is around it is read as if nothing had been said.
        self.warnings.append(replace(problem, kind="warning"))

    def note_misfit(self, misfit: Misfit) -> None:
        """Note that the shape of a value is wrong, unless it was left out for a reason that is known."""
        # There stands None for us to go on with, and "found nothing" would be said of a value that the user sees in front of him.
        if misfit.path in self._source.left_out:
            return
        key = f' "{misfit.path[-1]}"' if misfit.at_key else ""
        self.note(
            misfit.path,
            misfit.message + key,
            expected=misfit.expected,
            nearest=misfit.nearest,
            at_key=misfit.at_key,
            code="unknown-key" if misfit.at_key else "wrong-kind",
        )

    def sound(self, path: Path) -> bool:
        """Whether nothing is wrong with this part so far."""
        return path not in self._faulty

    def _spoil(self, path: Path) -> None:
        self._faulty.update(path[:length] for length in range(len(path) + 1))


def _bad(path: Path) -> str:
    """The innermost key names the field."""
    names = [str(part) for part in path if isinstance(part, str)]
    return f"bad-{names[-1].replace('_', '-')}" if names else "wrong-kind"
