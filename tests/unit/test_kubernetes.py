"""The manifests for Kubernetes hold together. No cluster is asked: the README beside them says what that leaves."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml
from typer.testing import CliRunner

from cli.app import app
from common.rpc.server import ALIVE
from common.settings.names import misspelt
from common.settings.settings import Settings
from gateway.settings import GatewaySettings
from shortener_service.settings import ShortenerSettings
from tests.support.kubernetes import (
    BASE,
    COMPONENT,
    EXAMPLE,
    FOLDER,
    NAME,
    ROOT,
    VERSION,
    Installation,
    Object,
    Workload,
    built,
    may_arrive,
    may_leave,
    selects,
    values,
)
from tracking_service.settings import MigrationSettings, TrackingSettings

# The first with the action `sleep` before a pod is stopped, and the newest that the validator knows.
VERSIONS = ("1.30", kubernetes_validate.latest_version())
SETTINGS: dict[str, type[Settings]] = {
    "gateway": GatewaySettings,
    "shortener": ShortenerSettings,
    "tracking": TrackingSettings,
    "migrations": MigrationSettings,
    "backup": MigrationSettings,
}
SERVICES = ("gateway", "shortener", "tracking")
PASSWORDS = {
    "clicktrail-postgres": "POSTGRES_OWNER_PASSWORD_FILE",
    "clicktrail-postgres-app": "POSTGRES_PASSWORD_FILE",
    "clicktrail-redis": "REDIS_PASSWORD_FILE",
}
KEYS = {f"clicktrail-{name}-keys" for name in SERVICES}
# Of a pod that somebody starts for commands; no manifest makes one.
CLI = "cli"
README = (FOLDER / "README.md").read_text()


@pytest.fixture(params=[BASE, EXAMPLE], ids=["base", "example"])
def installation(request: pytest.FixtureRequest) -> Installation:
    """Return the base alone, and the example that builds on it."""
    return built(request.param)


def service(installation: Installation, name: str) -> Workload:
    """Return the service of this name."""
    (found,) = [each for each in installation.services if each.component == name]
    return found


def seconds(workload: Workload, installation: Installation) -> float:
    """Return how long a pod takes to stop at most: the pause before it is told, and the drain."""
    settings = SETTINGS[workload.component]
    drain = installation.environment(workload).get(
        "CLICKTRAIL_DRAIN_SECONDS", settings.model_fields["drain_seconds"].default
    )
    return float(workload.container["lifecycle"]["preStop"]["sleep"]["seconds"]) + float(drain)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_as_the_cluster_wants_it(installation: Installation, version: str) -> None:
    """By the schemas of the oldest and the newest Kubernetes that it is for, with no field that these do not have."""
    for each in installation.objects:
        kubernetes_validate.validate(each, version, strict=True)


def test_kustomize_has_nothing_to_complain_of(installation: Installation) -> None:
    """No field of a kustomization is one that is going to be removed."""
    assert installation.complaints == ""


def test_everything_is_there(installation: Installation) -> None:
    """Gateway and shortener keep nothing, tracking has a disk, and each service is more than one pod."""
    kinds = {each.component: each.made_by["kind"] for each in installation.services}
    assert kinds == {"gateway": "Deployment", "shortener": "Deployment", "tracking": "StatefulSet"}
    scaled = {each["spec"]["scaleTargetRef"]["name"] for each in installation.all("HorizontalPodAutoscaler")}
    for each in installation.services:
        if each.component not in scaled:
            assert each.made_by["spec"]["replicas"] >= 2, each.component


def test_everything_belongs_to_a_component(installation: Installation) -> None:
    """An upgrade goes by these labels, one component after the other."""
    components = {each.component for each in installation.workloads} | {"common"}
    for each in installation.objects:
        if each["kind"] != "Namespace":
            assert each["metadata"]["labels"][NAME] == "clicktrail"
            assert each["metadata"]["labels"][COMPONENT] in components, each["metadata"]["name"]


def test_the_image_has_the_version_of_the_labels(installation: Installation) -> None:
    """One version, never `latest`: who goes back has to know where to."""
    versions = {each["metadata"]["labels"][VERSION] for each in installation.objects}
    tags = {each.container["image"].rpartition("/")[2] for each in installation.workloads}
    assert len(versions) == 1
    assert tags == {f"clicktrail:{versions.pop()}"}


def test_the_base_has_the_version_of_this_checkout() -> None:
    """A release is written into the base, too."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert {each.container["image"] for each in built(BASE).workloads} == {f"clicktrail:{version}"}


def test_selectors_select_their_own_pods(installation: Installation) -> None:
    """Of a workload, a Service, a budget and a spread over nodes: the pods of their component, and no others."""
    for each in installation.services:
        assert installation.selected(each.made_by["spec"]["selector"]["matchLabels"]) == [each]
        for spread in each.pod["topologySpreadConstraints"]:
            assert installation.selected(spread["labelSelector"]["matchLabels"]) == [each]
        for kind in ("Service", "PodDisruptionBudget"):
            selector = installation.one(kind, each.component)["spec"]["selector"]
            assert installation.selected(selector.get("matchLabels", selector)) == [each]


def test_services_lead_to_ports_that_are_listened_on(installation: Installation) -> None:
    """By their names; and the process listens there, on all addresses of its pod."""
    listens = {"gateway": "HTTP_LISTEN", "shortener": "SHORTENER_LISTEN", "tracking": "TRACKING_LISTEN"}
    for each in installation.all("Service"):
        workload = service(installation, each["metadata"]["name"])
        (port,) = each["spec"]["ports"]
        listen = installation.environment(workload)[f"CLICKTRAIL_{listens[workload.component]}"]
        assert listen == f"0.0.0.0:{workload.ports[port['targetPort']]}"


def test_targets_are_headless_services(installation: Installation) -> None:
    """The name of a headless Service is the list of its pods, at the port that each of them listens on."""
    for each in installation.services:
        for name, target in installation.environment(each).items():
            if name.endswith("_TARGET"):
                host, _, port = target.removeprefix("dns:///").partition(":")
                spec = installation.one("Service", host)["spec"]
                assert target.startswith("dns:///")
                assert spec["clusterIP"] == "None"
                assert [int(port)] == list(service(installation, host).ports.values()) == [spec["ports"][0]["port"]]
    assert installation.one("StatefulSet", "tracking")["spec"]["serviceName"] == "tracking"


def test_who_calls_a_service_gets_through(installation: Installation) -> None:
    """Those that have its target, a pod for commands, and nobody else."""
    callers = {each.component: each.labels for each in installation.workloads}
    callers[CLI] = {NAME: "clicktrail", COMPONENT: CLI}
    callers["stranger"] = {}
    for name in ("shortener", "tracking"):
        target = service(installation, name)
        wanted = {CLI} | {
            each.component
            for each in installation.services
            if f"CLICKTRAIL_{name.upper()}_TARGET" in installation.environment(each)
        }
        assert {each for each, labels in callers.items() if may_arrive(installation, labels, target, "grpc")} == wanted
        assert wanted <= {each for each, labels in callers.items() if may_leave(installation, labels, target, "grpc")}


def test_only_an_ingress_controller_gets_to_the_gateway(installation: Installation) -> None:
    """From its namespace: who came another way could say that he has any address."""
    gateway = service(installation, "gateway")
    assert not any(may_arrive(installation, each.labels, gateway, "http") for each in installation.workloads)
    (rule,) = installation.one("NetworkPolicy", "gateway")["spec"]["ingress"]
    assert [list(peer) for peer in rule["from"]] == [["namespaceSelector"]]
    assert rule["from"][0]["namespaceSelector"]["matchLabels"]
    assert [each["port"] for each in rule["ports"]] == list(gateway.ports)


@pytest.mark.parametrize(("store", "setting"), [("postgres", "POSTGRES_URL"), ("redis", "REDIS_URL")])
def test_stores_are_reached_by_those_that_know_them(installation: Installation, store: str, setting: str) -> None:
    """At the port of their address: whoever has it, and nobody else."""
    spec = installation.one("NetworkPolicy", store)["spec"]
    (rule,) = spec["egress"]
    for each in installation.workloads:
        url = installation.environment(each).get(f"CLICKTRAIL_{setting}")
        assert selects(spec["podSelector"], each.labels) == (url is not None), each.component
        if url is not None:
            assert rule["ports"] == [{"port": urlsplit(url).port, "protocol": "TCP"}]


def test_nothing_is_open_by_default(installation: Installation) -> None:
    """Every pod is closed both ways, but for what is said; each may ask for names."""
    closed = installation.one("NetworkPolicy", "default-deny")["spec"]
    names = installation.one("NetworkPolicy", "dns")["spec"]
    assert set(closed) == {"podSelector", "policyTypes"}
    assert set(closed["policyTypes"]) == {"Ingress", "Egress"}
    for each in installation.workloads:
        assert selects(closed["podSelector"], each.labels)
        assert selects(names["podSelector"], each.labels)


def test_policies_name_components_that_there_are(installation: Installation) -> None:
    """No rule is for pods that nothing makes, but for one for commands, and backups, which the base leaves out."""
    known = {each.component for each in built(EXAMPLE).workloads} | {CLI}
    for policy in installation.all("NetworkPolicy"):
        assert policy["metadata"]["labels"][COMPONENT] == "common"
        assert set(named_components(policy["spec"])) <= known


def named_components(part: object) -> Iterator[str]:
    """Return every component that selectors name in part of an object."""
    if isinstance(part, dict):
        if COMPONENT in part:
            yield part[COMPONENT]
        if part.get("key") == COMPONENT:
            yield from part["values"]
        for each in part.values():
            yield from named_components(each)
    elif isinstance(part, list):
        for each in part:
            yield from named_components(each)


def test_settings_are_taken(installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each variable is a setting, each process can be started with its own, and the passwords come from files."""
    password = tmp_path / "password"
    password.write_text("a/secret#\n")
    for each in installation.workloads:
        environment = installation.environment(each)
        assert misspelt(environment) == []
        mounts = tuple(mount["mountPath"] for mount in each.container["volumeMounts"])
        with monkeypatch.context() as patched:
            for name, value in environment.items():
                if name.endswith("_FILE"):
                    assert value.startswith(mounts), name
                    assert value.endswith("/password"), name
                if name.endswith("_KEYS_DIR"):
                    assert value in mounts
                    patched.setenv(name, str(tmp_path))
                else:
                    patched.setenv(name, str(password) if name.endswith("_FILE") else value)
            settings = SETTINGS[each.component]()
        told = {field for field in settings.model_fields_set if f"CLICKTRAIL_{field.upper()}" in environment}
        unread = {name for name in environment if not name.endswith("_FILE")} - {
            f"CLICKTRAIL_{field.upper()}" for field in told
        }
        # What is there for commands alone.
        assert unread <= ({"CLICKTRAIL_PUBLIC_URL"} if each.component == "tracking" else set()), each.component


def test_every_password_comes_from_a_secret_that_is_there_already(installation: Installation) -> None:
    """None stands here; a pod sees the one that it needs, in a file that others cannot read."""
    assert installation.all("Secret") == []
    for each in installation.workloads:
        wanted = {name.removeprefix("CLICKTRAIL_") for name in installation.environment(each) if name.endswith("_FILE")}
        secrets = [volume["secret"] for volume in each.pod["volumes"] if "secret" in volume]
        secrets = [secret for secret in secrets if secret["secretName"] not in KEYS]
        assert {PASSWORDS[secret["secretName"]] for secret in secrets} == wanted
        for secret in secrets:
            assert secret["items"] == [{"key": "password", "path": "password"}]
            assert secret["defaultMode"] == 0o440
    for value in values(installation.objects):
        if isinstance(value, str) and "://" in value:
            assert urlsplit(value).password is None, "an address with a password"


def test_each_service_sees_its_own_keys(installation: Installation) -> None:
    """In a folder that others cannot read, and calls without a key are refused."""
    for each in installation.workloads:
        secrets = [volume["secret"] for volume in each.pod["volumes"] if "secret" in volume]
        keys = [secret for secret in secrets if secret["secretName"] in KEYS]
        assert [secret["secretName"] for secret in keys] == (
            [f"clicktrail-{each.component}-keys"] if each.component in SERVICES else []
        )
        assert all(secret["defaultMode"] == 0o440 for secret in keys)
        if each.component in ("shortener", "tracking"):
            assert installation.environment(each)["CLICKTRAIL_SERVICE_KEYS"] == "require"


def test_mounts_and_volumes_are_the_same(installation: Installation) -> None:
    """None is missing and none is left over; what is temporary has an end."""
    for each in installation.workloads:
        claims = {claim["metadata"]["name"] for claim in each.made_by["spec"].get("volumeClaimTemplates", [])}
        volumes = {volume["name"]: volume for volume in each.pod["volumes"]}
        assert {mount["name"] for mount in each.container["volumeMounts"]} == set(volumes) | claims
        assert volumes["tmp"]["emptyDir"]["sizeLimit"]
        for volume in volumes.values():
            if claim := volume.get("persistentVolumeClaim"):
                assert installation.one("PersistentVolumeClaim", claim["claimName"])


def test_the_spool_lies_on_a_disk_of_its_own(installation: Installation) -> None:
    """Each pod has one, with room for twice what it may hold, and it outlives the pod."""
    tracking = service(installation, "tracking")
    spec = tracking.made_by["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    environment = installation.environment(tracking)
    paths = {mount["name"]: mount["mountPath"] for mount in tracking.container["volumeMounts"]}
    assert paths[claim["metadata"]["name"]] == environment["CLICKTRAIL_SPOOL_DIR"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    room = int(claim["spec"]["resources"]["requests"]["storage"].removesuffix("Gi")) * 2**30
    assert 2 * int(environment["CLICKTRAIL_SPOOL_LIMIT_BYTES"]) <= room
    assert set(spec["persistentVolumeClaimRetentionPolicy"].values()) == {"Retain"}
    # A claim's template cannot be changed: with a version in it, the next release would be refused.
    assert VERSION not in claim["metadata"]["labels"]


@pytest.mark.parametrize("name", SERVICES)
def test_no_store_that_is_away_ends_a_process(installation: Installation, name: str) -> None:
    """Whether it is started again depends on the process alone; whether it gets calls, on what it can serve."""
    container = service(installation, name).container
    alive, ready = (
        ({"httpGet": {"path": "/healthz", "port": "http"}}, {"httpGet": {"path": "/readyz", "port": "http"}})
        if name == "gateway"
        else ({"grpc": {"port": only_port(container), "service": ALIVE}}, {"grpc": {"port": only_port(container)}})
    )
    for probe, asked in (("startupProbe", alive), ("livenessProbe", alive), ("readinessProbe", ready)):
        assert asked.items() <= container[probe].items()


def only_port(container: Object) -> int:
    """Return the port of a container that has one."""
    (port,) = container["ports"]
    return int(port["containerPort"])


@pytest.mark.parametrize("name", SERVICES)
def test_a_stop_leaves_time_to_drain(installation: Installation, name: str) -> None:
    """Pods are killed later than calls under way are given up, with 10 seconds to let go of stores."""
    workload = service(installation, name)
    assert workload.pod["terminationGracePeriodSeconds"] >= seconds(workload, installation) + 10


def test_pods_ask_for_nothing_that_they_do_not_need(installation: Installation) -> None:
    """No root, no capabilities, no writable image, no token of the cluster: what the standard `restricted` wants."""
    for each in installation.workloads:
        pod, container = each.pod, each.container
        security = pod["securityContext"]
        assert security["runAsNonRoot"]
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert security["runAsUser"] == security["runAsGroup"] == security["fsGroup"] == 10001
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        account = installation.one("ServiceAccount", pod["serviceAccountName"])
        assert account["metadata"]["labels"][COMPONENT] == each.component
        assert not account["automountServiceAccountToken"]
        assert not pod["automountServiceAccountToken"]
        assert not pod["enableServiceLinks"]
        assert not any(pod.get(name) for name in ("hostNetwork", "hostPID", "hostIPC", "initContainers"))


def test_pods_say_what_they_need(installation: Installation) -> None:
    """Room in memory and on disk has an end; processor time has none, so that no deadline is missed for it."""
    for each in installation.workloads:
        resources = each.container["resources"]
        assert set(resources["requests"]) == {"cpu", "memory", "ephemeral-storage"}
        assert set(resources["limits"]) == {"memory", "ephemeral-storage"}


def test_the_image_runs_as_the_user_of_the_pods() -> None:
    """Else a pod could not read what it is to run, or the image would be another one in compose."""
    assert re.search(r"--uid 10001\b", (ROOT / "Dockerfile").read_text())


@pytest.mark.parametrize("phase", ["pre", "post"])
def test_migrations_run_when_they_may(installation: Installation, phase: str) -> None:
    """Those before a release by themselves; those after it once somebody has seen that no older code runs."""
    (job,) = [each for each in installation.all("Job") if each["metadata"]["name"].startswith(f"migrate-{phase}")]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["clicktrail", "migrate", "--phase", phase]
    assert job["spec"].get("suspend", False) == (phase == "post")


def test_each_release_has_migrations_of_its_own() -> None:
    """A Job cannot be changed: its name has the version."""
    for job in built(EXAMPLE).all("Job"):
        assert job["metadata"]["name"].endswith(f"-{job['metadata']['labels'][VERSION]}")


def test_commands_are_ones_that_there_are() -> None:
    """Whatever the Jobs and the README tell `clicktrail` to do, it knows."""
    told = [" ".join(each.container["command"]) for each in built(EXAMPLE).workloads] + README.splitlines()
    commands = {match[1] for line in told if (match := re.search(r"(?:-- |^|exec )clicktrail ([a-z-]+)", line))}
    assert commands >= {"migrate", "backup", "business", "restore"}
    for command in commands:
        assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0, command


def test_an_autoscaler_alone_says_how_many_there_are() -> None:
    """A number in the manifest would be put back with each change of another thing."""
    example = built(EXAMPLE)
    scaled = example.all("HorizontalPodAutoscaler")
    assert {each["spec"]["scaleTargetRef"]["name"] for each in scaled} == {"gateway", "shortener"}
    for each in scaled:
        target = each["spec"]["scaleTargetRef"]
        assert "replicas" not in example.one(target["kind"], target["name"])["spec"]
        assert each["spec"]["minReplicas"] >= 2


def test_the_example_is_reached_by_tls_at_its_public_address() -> None:
    """The Ingress has a certificate for the host of the short links, and leads to the gateway."""
    example = built(EXAMPLE)
    (ingress,) = example.all("Ingress")
    (rule,) = ingress["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    backend = path["backend"]["service"]
    public = urlsplit(example.environment(service(example, "shortener"))["CLICKTRAIL_PUBLIC_URL"])
    assert (public.scheme, [public.hostname]) == ("https", [rule["host"]])
    assert [[rule["host"]]] == [each["hosts"] for each in ingress["spec"]["tls"]]
    assert backend["port"]["name"] in [
        each["name"] for each in example.one("Service", backend["name"])["spec"]["ports"]
    ]


def test_the_example_lives_in_a_namespace_that_refuses_more() -> None:
    """All of it, and the namespace holds pods to the standard `restricted`."""
    example = built(EXAMPLE)
    (namespace,) = example.all("Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    inside = {each["metadata"].get("namespace") for each in example.objects if each is not namespace}
    assert inside == {namespace["metadata"]["name"]}


def test_the_readme_names_what_is_there() -> None:
    """Each object but those that its own commands make, and each component that these select."""
    example = built(EXAMPLE)
    there = {f"{each['kind'].lower()}/{each['metadata']['name']}" for each in example.objects}
    there |= {f"job/{name}" for name in re.findall(r"kubectl create job (\S+)", README)}
    named = set(re.findall(r"\b(?:deployment|statefulset|job|cronjob)/[a-z][a-z0-9.-]*", README))
    assert {without_version(each) for each in named} <= {without_version(each) for each in there}
    components = {each["metadata"]["labels"].get(COMPONENT) for each in example.objects}
    selected = ",".join(re.findall(rf"{COMPONENT}(?:=| in \()([a-z, ]+)", README))
    assert {component.strip() for component in selected.split(",")} == components - {None, "backup"}
    for secret in PASSWORDS.keys() | KEYS:
        assert f"create secret generic {secret}" in README


def without_version(name: str) -> str:
    """Return a name as it is in the base."""
    return re.sub(r"-\d+\.\d+\.\d+$", "", name)


def test_every_file_is_part_of_the_example() -> None:
    """What no kustomization names would be applied by nobody."""
    for kustomization in FOLDER.rglob("kustomization.yaml"):
        files = {path.name for path in kustomization.parent.glob("*.yaml")} - {kustomization.name}
        assert files <= set(yaml.safe_load(kustomization.read_text())["resources"])
