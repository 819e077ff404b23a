"""nginx with Lua that does the same work in Redis, with no service in between."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

import redis

from benchmarks.contenders.contender import DESTINATION, Missing
from benchmarks.contenders.processes import Parts
from benchmarks.contenders.web_program import WebProgram
from cli.embedded.privileges import dying_with_us
from cli.embedded.redis_server import redis_server
from cli.embedded.server_process import ServerProcess

PACKAGES = "apt install nginx libnginx-mod-http-lua lua-nginx-redis"
_HERE = Path(__file__).parent


class NginxLua:
    """One nginx of as many workers as our gateway, before a Redis of its own."""

    name = "nginx + Lua"

    def __init__(self, folder: Path, paths: Sequence[str], workers: int) -> None:
        nginx = Nginx(folder / "nginx", workers)
        self._redis = redis_server(folder / "redis")
        self._redis.start()
        self._client = redis.Redis.from_url(self._redis.url)
        nginx.redis_url = self._redis.url
        program = WebProgram("nginx", nginx.command)
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


class Nginx:
    """Debian's nginx with a configuration of ours."""

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
        self._folder.mkdir(parents=True, exist_ok=True)
        configuration = self._folder / "nginx.conf"
        configuration.write_text(text)
        return dying_with_us([self._binary, "-p", str(self._folder), "-c", str(configuration)], "TERM")
