"""The process of Envoy's container: fills the template from the environment, and becomes Envoy.

Arguments are passed on to Envoy. A variable that is missing is named at start.
"""

import os
import string
import sys
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent


def configuration(environment: Mapping[str, str]) -> str:
    """The template with its placeholders filled. Raises SystemExit that names each variable which is missing."""
    template = string.Template((HERE / "envoy.yaml").read_text(encoding="utf-8"))
    missing = [name for name in template.get_identifiers() if name not in environment]
    if missing:
        raise SystemExit("\n".join(["The settings are not right:", *(f"  {name}: Field required" for name in missing)]))
    return template.substitute(environment)


def main() -> None:
    filled = configuration({**os.environ, "DESCRIPTORS": str(HERE / "fieldstock.binpb")})
    envoy = str(HERE / "envoy")
    # An argument rather than a file: the container has no file system to write to.
    os.execv(envoy, (envoy, "--config-yaml", filled, "--disable-hot-restart", *sys.argv[1:]))


if __name__ == "__main__":
    main()
