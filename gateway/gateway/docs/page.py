"""The page: all operations by tag, with a way to find one. It reads well without its script, and without its style."""

from html import escape
from typing import Any

from gateway.docs.operation import Shown, breakable, method
from gateway.docs.prose import blocks, inline


def page(document: dict[str, Any]) -> str:
    """HTML of an OpenAPI document that proto/openapi made."""
    shown = Shown(document)
    found: dict[str, list[tuple[str, str, dict[str, Any]]]] = {tag["name"]: [] for tag in document["tags"]}
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            found[operation["tags"][0]].append((verb, path, operation))
    sections = [
        f"""<section class="tag" id="{_anchor(tag["name"])}"><h2>{escape(tag["name"])}</h2>
{blocks(tag.get("description", ""))}{"".join(shown.operation(*each) for each in found[tag["name"]])}</section>"""
        for tag in document["tags"]
    ]
    index = [
        f"""<li><a href="#{_anchor(name)}">{escape(name)}</a>
<ul>{"".join(_entry(*each) for each in operations)}</ul></li>"""
        for name, operations in found.items()
    ]
    info = document["info"]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(info["title"])} API</title>
<link rel="icon" href="/docs/icon.svg">
<link rel="stylesheet" href="/docs/style.css">
<script src="/docs/script.js" defer></script>
</head>
<body>
<a class="skip" href="#operations">To the operations</a>
<header>
<h1>{escape(info["title"])} <small>API {escape(info["version"])}</small></h1>
<input id="search" type="search" placeholder="Search: path, words, role …  (/)"
 aria-label="Search the operations" hidden>
<a href="/openapi.json">openapi.json</a>
</header>
<div class="columns">
<nav aria-label="Operations"><details open><summary>Contents</summary><ul>{"".join(index)}
<li><a href="#objects">Objects</a></li></ul></details></nav>
<main id="operations">
<div class="about">{blocks(info["description"])}
<p>{_bearer(document)}</p></div>
<p id="count" role="status" hidden></p>
{"".join(sections)}
<section id="objects"><h2>Objects</h2>{"".join(shown.schema(name) for name in shown.schemas)}</section>
</main>
</div>
</body>
</html>
"""


def _entry(verb: str, path: str, operation: dict[str, Any]) -> str:
    anchor = escape(operation["operationId"])
    return f'<li data-of="{anchor}"><a href="#{anchor}">{method(verb)}<span>{breakable(path)}</span></a></li>'


def _bearer(document: dict[str, Any]) -> str:
    said = document["components"]["securitySchemes"]["bearer"]["description"]
    return f"Unless anyone may call it, send <code>authorization: Bearer …</code>. {inline(said)}"


def _anchor(tag: str) -> str:
    return "tag-" + escape(tag.lower().replace(" ", "-"))
