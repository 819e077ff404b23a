"""Write the Python stubs of all protos to `gen/`, and nothing else there."""

import shutil
import sys
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

HERE = Path(__file__).parent


def main() -> int:
    """Generate messages, services and their types; return the compiler's exit code."""
    target = HERE / "gen"
    shutil.rmtree(target / "clicktrail", ignore_errors=True)
    target.mkdir(exist_ok=True)
    sources = sorted(str(path.relative_to(HERE)) for path in HERE.glob("clicktrail/**/*.proto"))
    wellknown = files("grpc_tools") / "_proto"
    google_api = Path(str(files("google.api") / "annotations.proto")).parents[2]
    code: int = protoc.main(
        [
            "protoc",
            f"--proto_path={HERE}",
            f"--proto_path={wellknown}",
            f"--proto_path={google_api}",
            f"--python_out={target}",
            f"--grpc_python_out={target}",
            f"--mypy_out=quiet:{target}",
            f"--mypy_grpc_out=quiet,only_async:{target}",
            *sources,
        ]
    )
    (target / "clicktrail" / "py.typed").touch()
    return code


if __name__ == "__main__":
    sys.exit(main())
