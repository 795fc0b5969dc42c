"""The wiring of telemetry-svc: built top to bottom, closed bottom to top."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from pymongo.errors import PyMongoError

from fieldstock.telemetry.v1 import (
    alert_service_pb2_grpc,
    device_health_service_pb2_grpc,
    ingest_service_pb2_grpc,
    reading_service_pb2_grpc,
    rule_service_pb2_grpc,
    stats_service_pb2_grpc,
)
from servicekit.access import Verifier
from servicekit.broker import Broker
from servicekit.keys import verifying
from servicekit.observability import expose
from servicekit.server import Server, serve
from telemetry_svc import clock as clocks
from telemetry_svc import partitions
from telemetry_svc import store as stores
from telemetry_svc.clock import Clock
from telemetry_svc.columns.fleet import Fleet
from telemetry_svc.company import Company
from telemetry_svc.consumers import KEYS, QUEUE, Consumers
from telemetry_svc.device_types import DAY_MS, DeviceTypes
from telemetry_svc.errors import IngestUnavailable
from telemetry_svc.events import alert_changed, presence_changed, rule_changed
from telemetry_svc.history.fold import Fold
from telemetry_svc.history.folding import Folding
from telemetry_svc.history.heads import Heads
from telemetry_svc.history.listing import Listing
from telemetry_svc.history.queries import Readings
from telemetry_svc.history.segments import Segments
from telemetry_svc.history.statistics import Statistics
from telemetry_svc.ingest import queue
from telemetry_svc.ingest.admission import Limits
from telemetry_svc.ingest.claims import Claims
from telemetry_svc.ingest.groups import Groups
from telemetry_svc.ingest.journal import Journal
from telemetry_svc.ingest.queue import ReadingQueue
from telemetry_svc.ingest.room import Room
from telemetry_svc.ingest.senders import Senders
from telemetry_svc.ingest.single import Singles
from telemetry_svc.ingest.sources import Sources
from telemetry_svc.ingest.vocabulary import Vocabulary
from telemetry_svc.registry import Registry
from telemetry_svc.servicers.alerts import AlertServicer
from telemetry_svc.servicers.health import DeviceHealthServicer
from telemetry_svc.servicers.ingest import IngestServicer
from telemetry_svc.servicers.readings import ReadingServicer
from telemetry_svc.servicers.rules import RuleServicer
from telemetry_svc.servicers.stats import StatsServicer
from telemetry_svc.settings import Settings
from telemetry_svc.store import Store
from telemetry_svc.tasks import in_background
from telemetry_svc.watch.alerts import Alerts
from telemetry_svc.watch.announcer import Announcer
from telemetry_svc.watch.backlog import Backlog
from telemetry_svc.watch.backlog import Limits as FoldLimits
from telemetry_svc.watch.directory import Directory
from telemetry_svc.watch.drift import Drift
from telemetry_svc.watch.handover import Handover
from telemetry_svc.watch.hearsay import Hearsay
from telemetry_svc.watch.owner import Owner
from telemetry_svc.watch.presence import Patience
from telemetry_svc.watch.rulebook import Rulebook
from telemetry_svc.watch.state import State
from telemetry_svc.watch.telling import Teller
from telemetry_svc.watch.watcher import Watcher

NAME = "telemetry-svc"


async def migrate(settings: Settings, clock: Clock = clocks.system) -> None:
    """Makes the collections, their indexes, the first rule, and the queues of events and of readings."""
    async with stores.connect(settings.mongodb_uri, NAME) as client:
        store = Store(client.get_default_database(settings.mongodb_database))
        await stores.migrate(store)
        await partitions.make(store.leases)
        await Rulebook(store.rules, store.marks, clock).write_first()
    async with Broker(settings.amqp_url, NAME) as broker:
        await broker.declare(QUEUE, KEYS)
        await broker.declare(queue.QUEUE, [], queue.MOST_BYTES)


@asynccontextmanager
async def running(
    settings: Settings, verifier: Verifier | None = None, clock: Clock = clocks.system
) -> AsyncIterator[Server]:
    """The service, until the block ends. `verifier`: another than the one that asks auth-svc for its keys."""
    async with AsyncExitStack() as stack:
        stack.enter_context(expose(settings.metrics_listen))
        connecting = stores.connect(settings.mongodb_uri, NAME, answer_seconds=stores.ANSWER_SECONDS)
        client = await stack.enter_async_context(connecting)
        store = Store(client.get_default_database(settings.mongodb_database))
        passing = (PyMongoError, IngestUnavailable)
        broker = await stack.enter_async_context(Broker(settings.amqp_url, NAME, transient=passing))
        verifier = verifier or await stack.enter_async_context(verifying(settings.auth_target, broker))

        fleet = Fleet()
        registry = Registry(store.devices, fleet)
        types = DeviceTypes(store.types, fleet)
        journal = Journal(store.journal, patience_seconds=settings.commit_patience_seconds)
        company = Company(store.writers, patience_seconds=settings.commit_patience_seconds)
        room = Room(journal, clock, most_bytes=settings.journal_megabytes * 1024 * 1024)
        vocabulary = Vocabulary(store.metrics)
        handover = Handover()
        segments, heads, statistics = Segments(store.segments), Heads(store.heads), Statistics(client, store.statistics)
        backlog = Backlog(fleet)
        limits = Limits(age_ms=round(settings.retention_days * DAY_MS))
        linger_seconds = settings.group_linger_ms / 1000
        groups = Groups(
            journal,
            fleet,
            vocabulary,
            room,
            company,
            follow=handover.put,
            limits=limits,
            linger_seconds=linger_seconds,
            clock=clock,
        )
        sources = Sources(
            groups,
            fleet,
            rotate_seconds=settings.rotate_after_seconds,
            opens_per_second=settings.stream_opens_per_second,
            clock=clock,
        )
        claims = Claims(broker, sources)
        senders = Senders(store.revoked)
        verifier.on_revocation(sources.revoke)
        verifier.on_revocation(senders.revoke)

        alerts = Alerts(store.alerts, store.devices, clock)
        drift = Drift(store.alerts, store.devices, alerts, clock)
        rulebook = Rulebook(store.rules, store.marks, clock)
        teller = Teller(broker, [(store.alerts, alert_changed), (store.rules, rule_changed)])
        alerts.tell = teller.nudge
        announcer = Announcer(broker, fleet, presence_changed)
        watcher = Watcher(
            fleet=fleet,
            journal=journal,
            backlog=backlog,
            state=State(store.states),
            rulebook=rulebook,
            alerts=alerts,
            teller=teller,
            announcer=announcer,
            patience=Patience(round(settings.silence_seconds * 1000), round(settings.grace_seconds * 1000)),
            clock=clock,
        )
        watcher.on_loss = heads.forget
        folding = Folding(
            watcher=watcher,
            fold=Fold(journal, segments, heads, statistics, fleet),
            backlog=backlog,
            segments=segments,
            statistics=statistics,
            fleet=fleet,
            limits=FoldLimits(settings.fold_rows, round(settings.fold_seconds * 1000)),
            crowded=lambda: room.crowded,
            retention_ms=limits.age_ms,
            clock=clock,
        )
        owner = Owner(
            leases=store.leases,
            fences=store.fences,
            members=store.members,
            company=company,
            watcher=watcher,
            fleet=fleet,
            journal=journal,
            handover=handover,
            drift=drift,
            teller=teller,
            announcer=announcer,
            hearsay=Hearsay(store.heard, fleet, clock),
            standby=settings.receiver,
            clock=clock,
        )

        await vocabulary.load()
        await registry.load()
        await types.load()
        await senders.load()
        watching = (watcher.devices_changed, watcher.rules_changed)
        consumers = Consumers(registry, types, alerts, drift, sources, senders, *watching)
        rulebook.listener = consumers.rules_changed
        watcher.on_strangers = consumers.look_now
        consumers.start(broker)
        await stack.enter_async_context(in_background(consumers.look()))
        await stack.enter_async_context(in_background(consumers.tell()))
        claims.start()
        await stack.enter_async_context(in_background(claims.tell()))
        await stack.enter_async_context(in_background(room.watch()))
        await stack.enter_async_context(in_background(company.run()))
        await stack.enter_async_context(groups.committing())
        ReadingQueue(groups, senders).start(broker)
        await stack.enter_async_context(in_background(owner.run(groups, folding.work)))
        readings = Readings(journal, segments)
        registrations = [
            (
                ingest_service_pb2_grpc.add_IngestServiceServicer_to_server,
                IngestServicer(sources, Singles(groups, fleet, clock)),
            ),
            (
                reading_service_pb2_grpc.add_ReadingServiceServicer_to_server,
                ReadingServicer(readings, Listing(readings), fleet, clock),
            ),
            (
                device_health_service_pb2_grpc.add_DeviceHealthServiceServicer_to_server,
                DeviceHealthServicer(fleet, registry, alerts, Directory(fleet, store.devices, alerts)),
            ),
            (
                stats_service_pb2_grpc.add_StatsServiceServicer_to_server,
                StatsServicer(fleet, alerts, statistics, clock),
            ),
            (rule_service_pb2_grpc.add_RuleServiceServicer_to_server, RuleServicer(rulebook)),
            (alert_service_pb2_grpc.add_AlertServiceServicer_to_server, AlertServicer(alerts)),
        ]
        server = await stack.enter_async_context(serve(settings.listen, registrations, verifier, stores.is_away))
        stack.callback(sources.end_all)
        yield server
