"""A Redis cluster of three masters, each of them a real server."""

import time
from pathlib import Path
from typing import Any

from redis import Redis

from cli.embedded.ports import LOOPBACK, free_port, take_port
from cli.embedded.redis_server import RedisProgram
from cli.embedded.server_process import ServerProcess

SLOTS = 16_384
MASTERS = 3
# The nodes talk to each other on a port so far above; that one too must be below those of clients.
BUS_DISTANCE = 10_000
HIGHEST_PORT = 21_000
LIMIT_SECONDS = 120.0
CONFIGURATION = (
    "cluster-enabled yes",
    # Who has waited so long for another takes it for failed.
    "cluster-node-timeout 2000",
    "cluster-require-full-coverage no",
)


class RedisCluster:
    """Three masters that share the slots in equal parts, without replicas."""

    def __init__(self, folder: Path) -> None:
        self.servers = [_server(folder / str(number), folder / "password") for number in range(MASTERS)]
        self._clients: list[Redis] = []

    @property
    def url(self) -> str:
        """Where it is reached: all of its nodes."""
        first, *others = self.servers
        hosts = "".join(f",{LOOPBACK}:{server.port}" for server in others)
        return first.url.replace(f":{first.port}", f":{first.port}{hosts}")

    def start(self) -> None:
        """Start the servers and make them one."""
        for server in self.servers:
            server.start()
            self._clients.append(Redis.from_url(server.url))
        for number in range(MASTERS):
            share = range(number * SLOTS // MASTERS, (number + 1) * SLOTS // MASTERS)
            self.tell(number, "CLUSTER ADDSLOTS", *share)
            # Two nodes that begin with the same number settle it between themselves, and take their time.
            self.tell(number, "CLUSTER SET-CONFIG-EPOCH", number + 1)
            self.tell(0, "CLUSTER MEET", LOOPBACK, self.servers[number].port)
        self._until_whole()

    def heal(self) -> None:
        """Start the servers that are gone, and wait until the cluster is whole again."""
        for server in self.servers:
            if not server.is_running:
                server.start()
        self._until_whole()

    def stop(self) -> None:
        """Stop the servers."""
        for client in self._clients:
            client.close()
        for server in self.servers:
            server.stop()

    def empty(self) -> None:
        """Forget all data."""
        for number in range(MASTERS):
            self.tell(number, "FLUSHALL")

    def tell(self, number: int, *words: str | int) -> Any:
        """Return what one node answers to a command."""
        return self._clients[number].execute_command(*words)  # type: ignore[no-untyped-call]  # so it comes

    def owner_of(self, slot: int) -> int:
        """Return which node has a slot."""
        ports = [server.port for server in self.servers]
        shares = self.tell(0, "CLUSTER SLOTS")
        return ports.index(next(master[1] for first, last, master, *_replicas in shares if first <= slot <= last))

    def begin_move(self, slot: int, target: int) -> None:
        """Set a slot on its way to another node: keys that are not there yet are looked for here."""
        source = self.owner_of(slot)
        self.tell(target, "CLUSTER SETSLOT", slot, "IMPORTING", self._id(source))
        self.tell(source, "CLUSTER SETSLOT", slot, "MIGRATING", self._id(target))

    def end_move(self, slot: int, target: int) -> None:
        """Move the keys of a slot that is on its way, and tell all nodes whose it is now."""
        self.move_keys(slot, target)
        source = self.owner_of(slot)
        for number in (target, source, *({*range(MASTERS)} - {target, source})):
            self.tell(number, "CLUSTER SETSLOT", slot, "NODE", self._id(target))

    def move_keys(self, slot: int, target: int) -> None:
        """Move what there is of a slot that is on its way."""
        source, server = self.owner_of(slot), self.servers[target]
        password = server.url.partition("://:")[2].partition("@")[0]
        while keys := self.tell(source, "CLUSTER GETKEYSINSLOT", slot, 100):
            self.tell(source, "MIGRATE", LOOPBACK, server.port, "", 0, 5000, "AUTH", password, "KEYS", *keys)

    def _id(self, number: int) -> str:
        return str(self.tell(number, "CLUSTER MYID"), "ascii")

    def _until_whole(self) -> None:
        """Wait until each node knows all the others and the slots that they have."""
        wanted = {"cluster_state": "ok", "cluster_known_nodes": str(MASTERS), "cluster_slots_ok": str(SLOTS)}
        deadline = time.monotonic() + LIMIT_SECONDS
        for number in range(MASTERS):
            while not wanted.items() <= (seen := dict(self.tell(number, "CLUSTER INFO"))).items():
                assert time.monotonic() < deadline, seen
                time.sleep(0.05)


def _server(folder: Path, password_file: Path) -> ServerProcess:
    folder.mkdir(parents=True)
    program = RedisProgram(folder, "always", password_file=password_file, further=CONFIGURATION)
    return ServerProcess(program, log=folder / "redis.log", pid_file=folder / "redis.pid", port=_port())


def _port() -> int:
    while True:
        port = free_port()
        if port <= HIGHEST_PORT and take_port(port + BUS_DISTANCE):
            return port
