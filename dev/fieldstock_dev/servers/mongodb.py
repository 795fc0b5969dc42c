"""MongoDB: a one-member replica set in the home, or one that was given.

A replica set also on one machine, because a standalone mongod has been seen to lose acknowledged writes under kill -9.
"""

import time

import pymongo
from pymongo.errors import OperationFailure, PyMongoError

from fieldstock_dev.layout import REPLICA_SET, SERVERS_CACHE, Layout
from fieldstock_dev.part import Ending, Launch, Layer, Part, base_environment
from fieldstock_dev.ports import LOOPBACK
from fieldstock_dev.servers.mongod import mongod

_NOT_YET_INITIALIZED = 94
_NEW_PRIMARY_SECONDS = 30


def mongodb(layout: Layout) -> Part:
    return GivenMongoDB(layout) if layout.settings.mongodb_uri else LocalMongoDB(layout)


class GivenMongoDB(Part):
    """FIELDSTOCK_MONGODB_URI: ours to use, not to run."""

    name = "mongodb"
    layer = Layer.SERVERS
    supervised = False
    patience = 10

    def trouble(self) -> str | None:
        try:
            with pymongo.MongoClient(self.layout.mongodb_uri, serverSelectionTimeoutMS=2_000) as client:
                hello = client.admin.command("hello")
        except PyMongoError as error:
            return f"FIELDSTOCK_MONGODB_URI: {error}"
        # Sharded clusters (`isdbgrid`) consist of replica sets.
        replicated = hello.get("setName") or hello.get("msg") == "isdbgrid"
        return None if replicated else "FIELDSTOCK_MONGODB_URI: that is not a replica set"


class LocalMongoDB(Part):
    """One mongod that votes for itself."""

    name = "mongodb"
    ports = ("mongodb",)
    layer = Layer.SERVERS
    ending = Ending(seconds=30)

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self._data = layout.home.data("mongodb")

    @property
    def _member(self) -> str:
        return f"{LOOPBACK}:{self.layout.ports['mongodb']}"

    def prepare(self) -> None:
        self._data.mkdir(mode=0o700, exist_ok=True)
        mongod(SERVERS_CACHE)

    def launch(self) -> Launch:
        command = (
            *mongod(SERVERS_CACHE),
            *("--dbpath", str(self._data), "--bind_ip", LOOPBACK, "--port", str(self.layout.ports["mongodb"])),
            *("--replSet", REPLICA_SET),
            # Else it takes half of the machine's memory.
            *("--wiredTigerCacheSizeGB", "0.5" if self.layout.small else "1"),
            *("--oplogSize", "256" if self.layout.small else "1024"),
            "--nounixsocket",
            "--quiet",
            # It would stay for 15 s after TERM, so that clients can find another member. There is none.
            *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        )
        # MongoDB's allocator wants restartable sequences for itself (its production notes say so since 8.0).
        return Launch(command=command, environment=base_environment(GLIBC_TUNABLES="glibc.pthread.rseq=0"))

    def trouble(self) -> str | None:
        """Before the replica set is formed, a server that answers is all one can ask for."""
        try:
            with self._client() as client:
                hello = client.admin.command("hello")
        except PyMongoError as error:
            return str(error)
        if "setName" in hello and not hello["isWritablePrimary"]:
            return "it has not elected a primary yet"
        return None

    def settle(self) -> None:
        with self._client() as client:
            if self._form(client):
                self._await_primary(client)

    def _form(self, client: pymongo.MongoClient) -> bool:
        """Make this server the set's one member, at its present port. False when it is that already."""
        wanted = {"_id": 0, "host": self._member}
        try:
            config = client.admin.command("replSetGetConfig")["config"]
        except OperationFailure as failure:
            if failure.code != _NOT_YET_INITIALIZED:
                raise
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [wanted]})
            return True
        if config["members"][0]["host"] == self._member:
            return False
        # Its port was taken while it was down: a member that does not find itself in the set serves nobody.
        config["members"] = [config["members"][0] | wanted]
        config["version"] += 1
        client.admin.command("replSetReconfig", config, force=True)
        return True

    def _await_primary(self, client: pymongo.MongoClient) -> None:
        deadline = time.monotonic() + _NEW_PRIMARY_SECONDS
        while not client.admin.command("hello")["isWritablePrimary"]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"MongoDB at {self._member} elected no primary within {_NEW_PRIMARY_SECONDS} s")
            time.sleep(0.05)

    def _client(self) -> pymongo.MongoClient:
        return pymongo.MongoClient(self._member, directConnection=True, serverSelectionTimeoutMS=2_000)
