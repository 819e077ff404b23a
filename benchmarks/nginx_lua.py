"""nginx with Lua that does the same work in Redis, with no service in between."""

import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from urllib.parse import urlsplit
from urllib.request import urlopen

import redis

from benchmarks.contender import DESTINATION, Missing
from benchmarks.processes import Parts
from cli.embedded.privileges import dying_with_us
from cli.embedded.redis_server import redis_server
from cli.embedded.server_process import ServerProcess

PACKAGES = "apt install nginx libnginx-mod-http-lua lua-nginx-redis"
_HERE = Path(__file__).parent


class NginxLua:
    """One nginx of as many workers as our gateway, before a Redis of its own."""

    name = "nginx + Lua"

    def __init__(self, folder: Path, paths: Sequence[str], workers: int) -> None:
        program = NginxProgram(folder / "nginx", workers)
        self._redis = redis_server(folder / "redis")
        self._redis.start()
        self._client = redis.Redis.from_url(self._redis.url)
        program.redis_url = self._redis.url
        self._nginx = ServerProcess(program, log=folder / "nginx.log", pid_file=folder / "nginx.pid")
        try:
            self._fill(paths)
            self._nginx.start()
        except BaseException:
            self.stop()
            raise
        self.url = self._nginx.url

    @property
    def parts(self) -> Parts:
        """The processes."""
        return {"nginx": [self._nginx.pid], "redis": [self._redis.pid]}

    @property
    def stored(self) -> int:
        """The entries of its outbox."""
        return int(self._client.xlen("outbox"))

    def stop(self) -> None:
        """End both."""
        self._nginx.stop()
        self._client.close()
        self._redis.stop()

    def _fill(self, paths: Sequence[str]) -> None:
        with self._client.pipeline(transaction=False) as pipeline:
            for path in paths:
                pipeline.set(f"l:{path[1:]}", DESTINATION)
            pipeline.execute()


class NginxProgram:
    """Debian's nginx with a configuration of ours."""

    name = "nginx"
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path, workers: int) -> None:
        found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        # Where it was unpacked, if not at the root: its modules are there too.
        self._root = Path(found).parents[2] if found else Path()
        self._binary = found or ""
        modules = self._root / "usr/lib/nginx/modules/ngx_http_lua_module.so"
        if not found or not modules.exists() or not (self._root / "usr/share/lua/5.1/nginx/redis.lua").exists():
            raise Missing(f"nginx with Lua is not on this machine: {PACKAGES}")
        self._folder = folder
        self._workers = workers
        self.redis_url = ""

    def prepare(self) -> None:
        """Make its folder."""
        self._folder.mkdir(parents=True, exist_ok=True)

    def command(self, port: int) -> Sequence[str]:
        """Write the configuration, and return the command line."""
        parts = urlsplit(self.redis_url)
        text = Template((_HERE / "nginx.conf.in").read_text()).substitute(
            root="" if self._root == Path("/") else self._root,
            folder=self._folder,
            port=port,
            workers=self._workers,
            redis_port=parts.port,
            redis_password=parts.password,
            script=_HERE / "redirect.lua",
        )
        configuration = self._folder / "nginx.conf"
        configuration.write_text(text)
        return dying_with_us([self._binary, "-p", str(self._folder), "-c", str(configuration)], "TERM")

    def environment(self, port: int) -> Mapping[str, str] | None:  # noqa: ARG002
        """Keep ours."""
        return None

    def configuration(self, port: int) -> bytes:  # noqa: ARG002
        """Say nothing."""
        return b""

    def url(self, port: int) -> str:
        """Return where it is."""
        return f"http://127.0.0.1:{port}"

    def answers(self, port: int, pid: int) -> bool:  # noqa: ARG002
        """Tell whether it answers."""
        try:
            with urlopen(f"{self.url(port)}/readyz", timeout=1) as answer:  # noqa: S310  (our own address)
                return bool(answer.status == 200)  # noqa: PLR2004  (OK)
        except OSError:
            return False
