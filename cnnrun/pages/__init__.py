"""Writes HTML pages that need nothing else: one Jinja2 environment, one frame, one basic style."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from cnnrun.untrusted import visible

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["Html", "render_template"]


@dataclass(frozen=True)
class Html:
    """HTML that a template takes as it is: a part of a page that was rendered before."""

    text: str

    def __html__(self) -> str:
        return self.text


def render_template(package: str, name: str, **values: Any) -> str:
    """Return a template of a package, filled in; every value is escaped.

    Control characters are spelled out: HTML has no way to write them.

    Args:
        package: such as `cnnrun.explain`, whose folder `templates` has the template. What stands
            in `cnnrun/pages/templates` can be extended and included by every package.
        name: of the template.
        values: what it shows. A name that the template asks for and that is missing is an error.
    """
    return visible(_environment(package).get_template(name).render(values))


@cache
def _environment(package: str) -> Environment:
    # Imported only when a page is written: the command line starts without it.
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("cnnrun.pages")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
