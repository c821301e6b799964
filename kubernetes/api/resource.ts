/**
 * Finds the pod for a resource: the pod itself, or one behind a deployment, a
 * service and so on.
 *
 * @module
 */

import { InvalidArgumentError } from "../../errors.ts";
import { checkPort } from "../../numbers.ts";
import { StreamingRefusedError } from "../errors.ts";
import { type ApiTarget, getObject } from "./request.ts";
import { at, listAt, textAt } from "./value.ts";

/** A kind of object that owns or selects pods. */
interface Kind {
  /** Its name in error messages. */
  readonly name: string;
  /** Names that kubectl accepts for it. */
  readonly aliases: readonly string[];
  /** The API group in the path. */
  readonly group: string;
  /** Its name in the path. */
  readonly plural: string;
}

const POD: Kind = {
  name: "pod",
  aliases: ["pod", "pods", "po"],
  group: "/api/v1",
  plural: "pods",
};
const SERVICE: Kind = {
  name: "service",
  aliases: ["service", "services", "svc"],
  group: "/api/v1",
  plural: "services",
};
const KINDS: readonly Kind[] = [
  POD,
  SERVICE,
  appsKind("deployment", "deploy"),
  appsKind("replicaset", "rs"),
  appsKind("statefulset", "sts"),
  appsKind("daemonset", "ds"),
  {
    name: "job",
    aliases: ["job", "jobs"],
    group: "/apis/batch/v1",
    plural: "jobs",
  },
  {
    name: "replicationcontroller",
    aliases: ["replicationcontroller", "replicationcontrollers", "rc"],
    group: "/api/v1",
    plural: "replicationcontrollers",
  },
];

function appsKind(name: string, short: string): Kind {
  const plural = `${name}s`;
  return {
    name,
    aliases: [name, plural, short, `${name}.apps`, `${plural}.apps`],
    group: "/apis/apps/v1",
    plural,
  };
}

/** A resource, such as `deploy/web`. */
export interface Resource {
  readonly kind: Kind;
  readonly name: string;
  readonly namespace: string;
}

/**
 * Reads `NAME` or `TYPE/NAME`.
 *
 * Throws `InvalidArgumentError` for an unknown type and for a type without pods.
 */
export function readResource(text: string, namespace: string): Resource {
  const [first, name, ...more] = text.split("/");
  if (name === undefined && first !== "") {
    return { kind: POD, name: first, namespace };
  }
  const kind = KINDS.find(({ aliases }) =>
    aliases.includes(first.toLowerCase())
  );
  if (kind === undefined || !name || more.length > 0) {
    throw new InvalidArgumentError(
      `"${text}" is not NAME or TYPE/NAME with one of the types ${
        KINDS.map(({ name }) => name).join(", ")
      }`,
    );
  }
  return { kind, name, namespace };
}

/** Whether the resource is a pod itself. */
export function isPod({ kind }: Resource): boolean {
  return kind === POD;
}

/** The resource as it is shown in messages. */
export function resourceName({ kind, name }: Resource): string {
  return `${kind.name}/${name}`;
}

/** Path of the list of a kind, or of one object. */
export function pathOf({ kind, namespace }: Resource, name?: string): string {
  const parts = ["namespaces", namespace, kind.plural];
  if (name !== undefined) parts.push(name);
  return `${kind.group}/${parts.map(encodeURIComponent).join("/")}`;
}

/** A pod with the data that is needed to translate ports. */
export interface FoundPod {
  readonly name: string;
  readonly namespace: string;
  /** The pod's own object. */
  readonly pod: Record<string, unknown>;
  /** The service's object, if the pod was found through a service. */
  readonly service?: Record<string, unknown>;
}

/** Number of pods in one request. */
const PORTION = "100";
/** Most requests for the pods of one resource. */
const MOST_PORTIONS = 100;

/**
 * Finds a pod of the resource. If there are several, it chooses the one that is
 * most likely to answer, as kubectl does.
 *
 * Rejects with `StreamingRefusedError` if the API server refuses the request and if
 * there is no pod.
 */
export async function findPod(
  target: ApiTarget,
  resource: Resource,
): Promise<FoundPod> {
  const { kind, name, namespace } = resource;
  const object = await getObject(target, { path: pathOf(resource, name) });
  if (kind === POD) return { name, namespace, pod: object };
  const selector = selectorOf(kind, object);
  if (selector === "") {
    throw new StreamingRefusedError(
      200,
      `${resourceName(resource)} selects no pods`,
    );
  }
  const pod = await bestPod(target, resource, selector);
  if (pod === undefined) {
    throw new StreamingRefusedError(
      200,
      `${resourceName(resource)} has no pods (selector ${selector})`,
    );
  }
  return {
    name: textAt(pod, "metadata", "name"),
    namespace,
    pod,
    service: kind === SERVICE ? object : undefined,
  };
}

/**
 * The most useful of the selected pods. A list can begin with hundreds of pods that
 * have failed, so it is read until a pod is found that answers.
 */
async function bestPod(
  target: ApiTarget,
  resource: Resource,
  selector: string,
): Promise<Record<string, unknown> | undefined> {
  const path = pathOf({ ...resource, kind: POD });
  const query = { labelSelector: selector, limit: PORTION };
  let best: Record<string, unknown> | undefined;
  let next: Readonly<Record<string, string>> = {};
  for (let portions = 0; portions < MOST_PORTIONS; portions++) {
    const list = await getObject(target, {
      path,
      query: { ...query, ...next },
    });
    const pods = listAt(list, "items") as Record<string, unknown>[];
    if (best !== undefined) pods.unshift(best);
    [best] = pods.sort(byUsefulness);
    const token = textAt(list, "metadata", "continue");
    if (token === "" || best !== undefined && isAnswering(best)) break;
    next = { continue: token };
  }
  return best;
}

/** The selector of an object's pods, in the form of a query parameter. */
function selectorOf(kind: Kind, object: unknown): string {
  const selector = at(object, "spec", "selector");
  const isPlain = kind === SERVICE || kind.name === "replicationcontroller";
  const labels = isPlain ? selector : at(selector, "matchLabels");
  const parts = Object.entries(labels ?? {})
    .map(([name, value]) => `${name}=${value}`);
  for (const each of listAt(selector, "matchExpressions")) {
    if (isPlain) break;
    const key = textAt(each, "key");
    const values = listAt(each, "values").join(",");
    parts.push(
      {
        In: `${key} in (${values})`,
        NotIn: `${key} notin (${values})`,
        Exists: key,
        DoesNotExist: `!${key}`,
      }[textAt(each, "operator")] ?? key,
    );
  }
  return parts.join(",");
}

/** Sorts the pods that are most likely to answer first. */
function byUsefulness(a: unknown, b: unknown): number {
  const phases = ["Running", "Pending", "Unknown"];
  const rank = (pod: unknown): number[] => {
    const phase = phases.indexOf(textAt(pod, "status", "phase"));
    return [
      isLeaving(pod) ? 1 : 0,
      phase < 0 ? phases.length : phase,
      isReady(pod) ? 0 : 1,
      Date.parse(textAt(pod, "metadata", "creationTimestamp")) || 0,
    ];
  };
  const other = rank(b);
  for (const [index, value] of rank(a).entries()) {
    if (value !== other[index]) return value - other[index];
  }
  return 0;
}

function isAnswering(pod: unknown): boolean {
  return textAt(pod, "status", "phase") === "Running" && isReady(pod) &&
    !isLeaving(pod);
}

function isReady(pod: unknown): boolean {
  return listAt(pod, "status", "conditions").some((condition) =>
    textAt(condition, "type") === "Ready" &&
    textAt(condition, "status") === "True"
  );
}

/** Whether a pod is ending or has ended. */
export function isLeaving(pod: unknown): boolean {
  return textAt(pod, "metadata", "deletionTimestamp") !== "" ||
    /^(Succeeded|Failed)$/.test(textAt(pod, "status", "phase"));
}

/** A port of a pod, and the requested port. */
export interface FoundPort {
  /** Port of the pod. */
  readonly remote: number;
  /** Port of the service; without a service, that of the pod. */
  readonly asked: number;
}

/**
 * Translates the number or name of a port. A port of a service becomes a port of
 * the pod, as in kubectl.
 *
 * Throws `InvalidArgumentError` if there is no such port.
 */
export function findPort({ pod, service }: FoundPod, port: string): FoundPort {
  const number = portNumber(port);
  if (service === undefined) {
    const remote = number ?? containerPort(pod, port);
    return { remote, asked: remote };
  }
  const ports = listAt(service, "spec", "ports").filter(isTcp);
  const found = ports.find((each) =>
    number === undefined
      ? textAt(each, "name") === port
      : at(each, "port") === number
  );
  const headless = textAt(service, "spec", "clusterIP") === "None";
  if (found === undefined) {
    if (headless && number !== undefined) {
      return { remote: number, asked: number };
    }
    const known = ports.map((each) =>
      [textAt(each, "name"), at(each, "port")].filter((part) => part !== "")
        .join(" ")
    );
    throw new InvalidArgumentError(
      `the service ${
        textAt(service, "metadata", "name")
      } has no port ${port}; it has ${known.join(", ") || "none"}`,
    );
  }
  const asked = Number(at(found, "port"));
  const targetPort = at(found, "targetPort") ?? asked;
  if (headless) return { remote: asked, asked };
  const remote = typeof targetPort === "number" && targetPort !== 0
    ? targetPort
    : typeof targetPort === "string"
    ? portNumber(targetPort) ?? containerPort(pod, targetPort)
    : asked;
  return { remote, asked };
}

function containerPort(pod: unknown, name: string): number {
  const containers = [
    ...listAt(pod, "spec", "containers"),
    // Init containers that keep running (sidecars).
    ...listAt(pod, "spec", "initContainers"),
  ];
  for (const container of containers) {
    for (const port of listAt(container, "ports").filter(isTcp)) {
      const number = at(port, "containerPort");
      if (textAt(port, "name") === name && typeof number === "number") {
        return number;
      }
    }
  }
  throw new InvalidArgumentError(
    `the pod ${textAt(pod, "metadata", "name")} has no port named "${name}"`,
  );
}

function isTcp(port: unknown): boolean {
  return /^(|TCP)$/.test(textAt(port, "protocol"));
}

/**
 * The container that kubectl uses if none is named, the names of all containers, and
 * whether an annotation of the pod names the container.
 */
export function defaultContainer(
  pod: unknown,
): {
  readonly name: string | undefined;
  readonly all: string[];
  readonly isNamed: boolean;
} {
  const all = listAt(pod, "spec", "containers")
    .map((container) => textAt(container, "name"));
  const wanted = textAt(
    at(pod, "metadata", "annotations"),
    "kubectl.kubernetes.io/default-container",
  );
  const isNamed = all.includes(wanted);
  return { name: isNamed ? wanted : all[0], all, isNamed };
}

/** The number in `text`; `undefined` for a name. */
function portNumber(text: string): number | undefined {
  return /^[0-9]+$/.test(text) ? checkPort("port", Number(text), 1) : undefined;
}
