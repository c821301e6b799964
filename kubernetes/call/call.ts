/**
 * Parses the URL of a streaming request.
 *
 * @module
 */

import type { CommandStreams } from "../protocol.ts";

/** The kinds of streaming requests. */
export type StreamingKind = "exec" | "attach" | "portforward";

/** A streaming request. */
export interface StreamingCall extends CommandStreams {
  /** Its kind. */
  readonly kind: StreamingKind;
  /** URL, method and headers of the upgrade; it has no body. */
  readonly request: Request;
  /** Namespace of the pod; `""` on a container runtime's URL. */
  readonly namespace: string;
  /** Name of the pod; on a container runtime's URL, the token in it. */
  readonly pod: string;
  /** UID of the pod, on a kubelet's URL that has one. */
  readonly uid?: string;
  /** The container; `""` if the request names none. */
  readonly container: string;
  /** The command and its arguments. */
  readonly command: readonly string[];
}

/** An API server's path. */
const API_PATH =
  /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/(exec|attach|portforward)$/;
/** A kubelet's paths of exec and attach: the pod, perhaps its UID, and the container. */
const KUBELET_PATH =
  /^\/(exec|attach)\/([^/]+)\/([^/]+)(?:(?:\/([^/]+))?\/([^/]+))?$/;
/** A kubelet's path of port-forward: the pod, and perhaps its UID. */
const KUBELET_FORWARD_PATH =
  /^\/(portForward)\/([^/]+)\/([^/]+)(?:\/([^/]+))?$/;
/** A container runtime's path: the token of a request that was created through CRI. */
const RUNTIME_PATH = /^\/(exec|attach|portforward)\/([^/]+)$/;

/** Parses a request; `undefined` if its path belongs to none of the three kinds of servers. */
export function parseCall(request: Request): StreamingCall | undefined {
  const { pathname, searchParams } = new URL(request.url);
  const place = parsePath(pathname);
  if (place === undefined) return undefined;
  const flag = (...names: string[]): boolean =>
    names.some((name) => isTrue(searchParams.get(name)));
  return {
    ...place,
    container: place.container || (searchParams.get("container") ?? ""),
    request,
    command: searchParams.getAll("command"),
    // The API server's name of the parameter, then the kubelet's.
    stdin: flag("stdin", "input"),
    stdout: flag("stdout", "output"),
    stderr: flag("stderr", "error"),
    tty: flag("tty"),
  };
}

/**
 * Whether a parameter means true. Rule: every value except `0` and `false` does,
 * including an empty one (apimachinery, `Convert_Slice_string_To_bool`); of several
 * values, the first is used.
 */
function isTrue(value: string | null): boolean {
  return value !== null && !/^(0|false)$/i.test(value);
}

/**
 * The ports in the URL, for a port-forward without SPDY: `ports` of an API server,
 * `port` of a kubelet. They can be repeated or separated by commas. A port that is
 * not a decimal number becomes NaN.
 */
export function readPorts(request: Request): number[] {
  const { searchParams } = new URL(request.url);
  return [...searchParams.getAll("ports"), ...searchParams.getAll("port")]
    .flatMap((text) => text.split(","))
    .map((text) => /^\d{1,5}$/.test(text) ? Number(text) : NaN);
}

type Place = Pick<
  StreamingCall,
  "kind" | "namespace" | "pod" | "uid" | "container"
>;

function parsePath(path: string): Place | undefined {
  const api = API_PATH.exec(path);
  if (api !== null) {
    const [, namespace, pod, kind] = api;
    return place({ kind, namespace, pod });
  }
  const kubelet = KUBELET_PATH.exec(path) ?? KUBELET_FORWARD_PATH.exec(path);
  if (kubelet !== null) {
    const [, kind, namespace, pod, uid, container] = kubelet;
    return place({ kind, namespace, pod, uid, container });
  }
  const runtime = RUNTIME_PATH.exec(path);
  return runtime === null
    ? undefined
    : place({ kind: runtime[1], pod: runtime[2] });
}

/** The parts of a path, percent-encoded. */
interface PathParts {
  readonly kind: string;
  readonly namespace?: string;
  readonly pod: string;
  readonly uid?: string;
  readonly container?: string;
}

function place(
  { kind, namespace = "", pod, uid, container = "" }: PathParts,
): Place | undefined {
  try {
    return {
      kind: kind === "exec" || kind === "attach" ? kind : "portforward",
      namespace: decodeURIComponent(namespace),
      pod: decodeURIComponent(pod),
      container: decodeURIComponent(container),
      ...(uid === undefined ? {} : { uid: decodeURIComponent(uid) }),
    };
  } catch {
    // A percent sign without two digits after it.
    return undefined;
  }
}
