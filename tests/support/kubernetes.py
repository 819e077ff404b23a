"""What `kubectl kustomize` makes of a folder of manifests, and what the cluster would make of that."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
BASE = FOLDER / "base"
EXAMPLE = FOLDER / "overlays" / "example"

NAME, COMPONENT, VERSION = (f"app.kubernetes.io/{label}" for label in ("name", "component", "version"))
LONG_RUNNING = ("Deployment", "StatefulSet")

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Workload:
    """An object that makes pods, and the pods that it makes."""

    made_by: Object
    template: Object

    @property
    def component(self) -> str:
        """Which part of the system it is."""
        return str(self.labels[COMPONENT])

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of its pods."""
        labels: Mapping[str, str] = self.template["metadata"]["labels"]
        return labels

    @property
    def pod(self) -> Object:
        """The specification of its pods."""
        pod: Object = self.template["spec"]
        return pod

    @property
    def container(self) -> Object:
        """The container; each pod has one."""
        (container,) = self.pod["containers"]
        return dict(container)

    @property
    def is_long_running(self) -> bool:
        """Whether it is a service, and not a job."""
        return self.made_by["kind"] in LONG_RUNNING

    @property
    def ports(self) -> Mapping[str, int]:
        """Its ports, by their names."""
        return {port["name"]: port["containerPort"] for port in self.container.get("ports", [])}


class Installation:
    """All objects of a folder, as they would be sent to a cluster."""

    def __init__(self, objects: list[Object], complaints: str) -> None:
        self.objects = objects
        self.complaints = complaints

    def all(self, *kinds: str) -> list[Object]:
        """Return the objects of these kinds."""
        return [each for each in self.objects if each["kind"] in kinds]

    def one(self, kind: str, name: str) -> Object:
        """Return the object of this kind and name."""
        (found,) = [each for each in self.all(kind) if each["metadata"]["name"] == name]
        return found

    @property
    def workloads(self) -> list[Workload]:
        """All that makes pods."""
        makers = self.all(*LONG_RUNNING, "Job", "CronJob")
        return [Workload(each, _spec_of_runs(each)["template"]) for each in makers]

    @property
    def services(self) -> list[Workload]:
        """What runs for as long as the installation does."""
        return [each for each in self.workloads if each.is_long_running]

    def selected(self, labels: Mapping[str, str]) -> list[Workload]:
        """Return whose pods have these labels."""
        return [each for each in self.workloads if labels.items() <= each.labels.items()]

    def environment(self, workload: Workload) -> dict[str, str]:
        """Return what the container of a workload finds in its environment, that of the image aside."""
        whole = (self._config(source["configMapRef"]) for source in workload.container.get("envFrom", []))
        found = dict(chain.from_iterable(config.items() for config in whole))
        for variable in workload.container.get("env", []):
            source = variable.get("valueFrom", {})
            if source.get("secretKeyRef", {}).get("optional"):
                continue
            reference = source.get("configMapKeyRef")
            found[variable["name"]] = self._config(reference)[reference["key"]] if reference else variable["value"]
        return found

    def _config(self, reference: Object) -> Mapping[str, str]:
        data: Mapping[str, str] = self.one("ConfigMap", reference["name"])["data"]
        return data


@cache
def built(folder: Path) -> Installation:
    """Build a folder with the kustomize that is in kubectl; no cluster is asked."""
    kubectl = Path(sys.executable).with_name("kubectl")
    done = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, check=False)  # noqa: S603  (our own folder)
    assert done.returncode == 0, done.stderr
    return Installation([each for each in yaml.safe_load_all(done.stdout) if each], done.stderr)


def values(part: object) -> Iterator[object]:
    """Return every value in an object, however deep, but for mappings and lists themselves."""
    if isinstance(part, Mapping):
        for each in part.values():
            yield from values(each)
    elif isinstance(part, list):
        for each in part:
            yield from values(each)
    else:
        yield part


def _spec_of_runs(maker: Object) -> Object:
    spec: Object = maker["spec"]["jobTemplate"]["spec"] if maker["kind"] == "CronJob" else maker["spec"]
    return spec


def selects(selector: Object, labels: Mapping[str, str]) -> bool:
    """Tell whether a label selector selects these labels; of its expressions it knows `In` alone."""
    if not selector.get("matchLabels", {}).items() <= labels.items():
        return False
    for expression in selector.get("matchExpressions", []):
        assert expression["operator"] == "In"
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return True


def may_leave(installation: Installation, source: Mapping[str, str], target: Workload, port: str) -> bool:
    """Tell whether the policies let pods with these labels call a port of pods of the same namespace."""
    specs = _policies(installation, "Egress", source)
    return not specs or any(
        _allows(rule, "to", target.labels, port) for spec in specs for rule in spec.get("egress", [])
    )


def may_arrive(installation: Installation, source: Mapping[str, str], target: Workload, port: str) -> bool:
    """Tell whether the policies let a port of pods be called from pods of the same namespace with these labels."""
    specs = _policies(installation, "Ingress", target.labels)
    return not specs or any(_allows(rule, "from", source, port) for spec in specs for rule in spec.get("ingress", []))


def _policies(installation: Installation, way: str, labels: Mapping[str, str]) -> list[Object]:
    specs = [policy["spec"] for policy in installation.all("NetworkPolicy")]
    return [spec for spec in specs if way in spec["policyTypes"] and selects(spec["podSelector"], labels)]


def _allows(rule: Object, peers: str, labels: Mapping[str, str], port: str) -> bool:
    return port in [each["port"] for each in rule["ports"]] and any(
        "namespaceSelector" not in peer and "podSelector" in peer and selects(peer["podSelector"], labels)
        for peer in rule.get(peers, [])
    )
