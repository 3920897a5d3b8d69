"""Matchers as people write them, such as `school=~"79.*"`."""

import re
from typing import Final

from contract.routing.silence import SilenceMatcher

_MATCHER: Final = re.compile(
    r'\s*([^\s=!~"]+)\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|([^"]*?))\s*', re.DOTALL
)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


def parse_matcher(text: str) -> SilenceMatcher:
    """Return a matcher written as in PromQL; the quotes may be left out.

    Source: Alertmanager, pkg/labels/parse.go.

    Raises:
        ValueError: it is none.
    """
    found = _MATCHER.fullmatch(text)
    if found is None:
        raise ValueError(
            f'{text!r} is no matcher; write it like isp="VNPT", school=~"79.*" or rule!="wan_down"'
        )
    name, sign, quoted, plain = found.groups()
    value = plain if quoted is None else _ESCAPED.sub(lambda m: "\n" if m[1] == "n" else m[1], quoted)
    return SilenceMatcher(name, value, is_regex="~" in sign, is_equal="!" not in sign)
