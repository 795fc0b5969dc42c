"""Makes the stubs and the OpenAPI document from the protos, or tells whether they are still in step.

    generate.py                       write proto/gen and the OpenAPI document
    generate.py --check               lint, look for breaking changes, and compare both with the protos
    generate.py --descriptors FILE    write the descriptor set that Envoy transcodes with

All of it works offline: Google's protos come out of the installed googleapis-common-protos.
"""

import argparse
import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from importlib.metadata import files
from pathlib import Path

import openapi

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
GENERATED = PROTO / "gen"
GOOGLEAPIS = ROOT / "build" / "googleapis"
# The same document twice: where people look for it, and in the package that serves it.
API = ROOT / "docs" / "api.md"
OPENAPI = (ROOT / "docs" / "openapi.json", ROOT / "gateway" / "gateway" / "docs" / "openapi.json")
BIN = Path(sys.executable).parent


def run(*command: str | Path) -> None:
    """Runs a tool of the virtual environment in the project's root; its output is the message when it fails."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "BUF_CACHE_DIR": str(ROOT / "build" / "buf")}
    result = subprocess.run([str(part) for part in command], cwd=ROOT, env=environment, text=True, capture_output=True)
    if result.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{result.stdout}{result.stderr}")


def copy_googleapis() -> None:
    """buf wants the imported protos as a module of their own; the schema registry may be out of reach."""
    if GOOGLEAPIS.exists():
        return
    staging = Path(tempfile.mkdtemp(dir=_made(GOOGLEAPIS.parent)))
    for file in files("googleapis-common-protos") or []:
        if file.suffix == ".proto" and file.parts[1] in {"api", "rpc", "type"}:
            _made((staging / file).parent)
            shutil.copyfile(str(file.locate()), staging / file)
    try:
        staging.rename(GOOGLEAPIS)  # in one step, so that another run never sees half of it
    except OSError:
        shutil.rmtree(staging)  # another run was first
        if not GOOGLEAPIS.exists():
            raise


def generate(out: Path) -> None:
    """Writes the messages (.py, .pyi) and the gRPC stubs (.py, .pyi) below `out`."""
    protos = sorted(PROTO.glob("fieldstock/**/*.proto"))
    run("buf", "generate", "--output", out)
    run(
        sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTO}", f"-I{GOOGLEAPIS}", f"--grpc_python_out={out}",
        *(proto for proto in protos if "\nservice " in proto.read_text()),
    )  # fmt: skip
    for proto in protos:
        if "\nservice " not in proto.read_text():  # the plugin writes an empty file for a proto without a service
            (out / proto.relative_to(PROTO)).with_name(f"{proto.stem}_pb2_grpc.pyi").unlink(missing_ok=True)


def write_stubs() -> None:
    """Replaces proto/gen."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        shutil.rmtree(GENERATED, ignore_errors=True)
        shutil.copytree(folder, GENERATED)


def drift() -> list[str]:
    """Files of proto/gen that the protos would not make, or make otherwise."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        made, kept = (_tree(Path(folder)), _tree(GENERATED))
        different = filecmp.cmpfiles(folder, GENERATED, made & kept, shallow=False)
        return sorted({*(made ^ kept), *different[1], *different[2]})


def openapi_document() -> str:
    """The OpenAPI document of the protos, at the version of their package, with the examples of docs/api.md."""
    with tempfile.TemporaryDirectory() as folder:
        descriptors = Path(folder) / "descriptors.binpb"
        write_descriptors(descriptors)
        project = tomllib.loads((PROTO / "pyproject.toml").read_text())["project"]
        return openapi.rendered(descriptors.read_bytes(), project["version"], API.read_text("utf-8"))


def write_openapi() -> None:
    text = openapi_document()
    for path in OPENAPI:
        path.write_text(text, encoding="utf-8")


def openapi_drift() -> list[str]:
    """Copies of the document that are not what the protos make."""
    text = openapi_document()
    return [str(path.relative_to(ROOT)) for path in OPENAPI if not path.exists() or path.read_text("utf-8") != text]


def check() -> None:
    """Fails with what is wrong: style, a change that would break a client, or stubs that were forgotten or edited."""
    run("buf", "format", "--diff", "--exit-code", "proto")
    run("buf", "lint")
    base = breaking_base()
    if base:
        run("buf", "breaking", "proto", "--against", f".git#ref={base},subdir=proto")
    if stale := [*drift(), *openapi_drift()]:
        raise SystemExit("\n  ".join(["Not what the protos, and docs/api.md, make; run `make proto`:", *stale]))


def breaking_base() -> str | None:
    """The commit whose contract must not be broken: the last release, if there is one."""
    tag = subprocess.run(["git", "describe", "--tags", "--abbrev=0"], cwd=ROOT, text=True, capture_output=True)
    return tag.stdout.strip() or None


def write_descriptors(path: Path) -> None:
    """Everything imported is in it, and google/rpc/error_details besides: without that, Envoy drops error details."""
    _made(path.parent)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        staged = Path(folder) / "descriptors.binpb"
        run("buf", "build", "--as-file-descriptor-set", "-o", staged)
        staged.rename(path)


def _tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*.py*") if path.suffix in {".py", ".pyi"}}


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--descriptors", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    copy_googleapis()
    if arguments.check:
        check()
    elif arguments.descriptors:
        write_descriptors(arguments.descriptors.resolve())
    else:
        write_stubs()
        write_openapi()


if __name__ == "__main__":
    main()
