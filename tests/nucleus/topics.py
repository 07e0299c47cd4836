"""Which topics a filter and a resource of a policy cover."""

import re
from functools import lru_cache


def matches(pattern: str, topic: str) -> bool:
    """Whether a topic filter with `+` and `#` covers the topic."""
    return _compiled(pattern, "+#").fullmatch(topic) is not None


def covers(resource: str, topic: str, *, is_mqtt: bool) -> bool:
    """Whether a resource of accessControl covers a topic or filter: `*` is anything; for IoT Core `+` and `#` too."""
    return _compiled(resource, "*+#" if is_mqtt else "*").fullmatch(topic) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str, wildcards: str) -> re.Pattern[str]:
    meanings = {"*": ".*", "+": "[^/]*", "#": ".*"}
    text = "".join(meanings[letter] if letter in wildcards else re.escape(letter) for letter in pattern)
    if pattern.endswith("/#") and "#" in wildcards:
        text = f"{text.removesuffix('/.*')}(/.*)?"  # the level above is covered, too
    return re.compile(text, re.DOTALL)
