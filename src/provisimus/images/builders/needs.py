"""Which syntax a Dockerfile uses that not every builder knows. Pure, and rather too much than too
little: it looks at lines, as it must work on what the lexer does not understand.
"""

from __future__ import annotations

import re

from provisimus.images.builders.interface import Need

_WHOLE = (
    r"^\s*(COPY|ADD)\b(?!.*--from).*[\s\"'](\./?|/|(\./)?[.*?\[$][^\s\"',]*)[ \t\"',]+[^\s\]]"
    r"|^\s*RUN\s.*--mount=\S*type=bind|^\s*ONBUILD\b"
)
_SIGNS = (
    (Need.HEREDOC, r"^\s*(RUN|COPY|ADD)\b.*<<-?\s*[\"']?\w"),
    (Need.SECRETS, r"^\s*RUN\s.*--mount=(\S*,)?[\"']?type=secret\b"),
    (Need.RUN_FLAGS, r"^\s*RUN\s.*--(mount|network|security)\b"),
    (Need.CHMOD, r"^\s*(COPY|ADD)\s.*--chmod\b"),
    (Need.LINK, r"^\s*(COPY|ADD)\s.*--link\b"),
    (Need.CHECKSUM, r"^\s*ADD\s.*--(checksum|keep-git-dir|unpack)\b"),
    (Need.SELECTION, r"^\s*(COPY|ADD)\s.*--(parents|exclude)\b"),
    (Need.WHOLE_CONTEXT, _WHOLE),
    (Need.FRONTEND, r"^#\s*syntax\s*=(?!\s*docker/dockerfile:1)"),
)


def needs_of(text: str) -> frozenset[Need]:
    joined = re.sub(r"\\[ \t]*\n", " ", text)
    return frozenset(
        need for need, sign in _SIGNS if re.search(sign, joined, re.IGNORECASE | re.MULTILINE)
    )
