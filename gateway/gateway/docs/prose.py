"""The little CommonMark that descriptions use, as HTML."""

import re
from html import escape

_CODE = re.compile(r"`([^`]+)`")


def inline(text: str) -> str:
    """Text within a line; `code` is set as code."""
    return _CODE.sub(r"<code>\1</code>", escape(text))


def blocks(text: str) -> str:
    """Paragraphs, and blocks of code."""
    return "".join(_block(block) for block in text.split("\n\n") if block.strip())


def _block(block: str) -> str:
    if block.startswith("```"):
        return f"<pre><code>{escape(block.strip('`').strip())}</code></pre>"
    return f"<p>{inline(block)}</p>"
