/**
 * What a request for streaming asks for, by its URL.
 *
 * @module
 */

import type { CommandStreams } from "../protocol.ts";

/** Which of the three a request is for. */
export type StreamingKind = "exec" | "attach" | "portforward";

/** A request for streaming. */
export interface StreamingCall extends CommandStreams {
  /** Which of the three. */
  readonly kind: StreamingKind;
  /** URL, method and headers of the upgrade; it has no body. */
  readonly request: Request;
  /** Namespace of the pod; `""` on a container runtime's URL. */
  readonly namespace: string;
  /** Name of the pod; on a container runtime's URL the token in it. */
  readonly pod: string;
  /** The container; `""` when the request names none. */
  readonly container: string;
  /** The command and its arguments. */
  readonly command: readonly string[];
}

/** An API server's path. */
const API_PATH =
  /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/(exec|attach|portforward)$/;
/** A kubelet's path, which names the container last. */
const KUBELET_PATH =
  /^\/(exec|attach|portForward)\/([^/]+)\/([^/]+)(?:\/([^/]+))?$/;
/** A container runtime's path: the token of a request made by CRI. */
const RUNTIME_PATH = /^\/(exec|attach|portforward)\/([^/]+)$/;

/** Reads a request; `undefined` when its path is none of the three kinds of server's. */
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
    // An API server's names, then a kubelet's.
    stdin: flag("stdin", "input"),
    stdout: flag("stdout", "output"),
    stderr: flag("stderr", "error"),
    tty: flag("tty"),
  };
}

/**
 * Whether a parameter stands for true. Rule: all but no parameter, `0` and
 * `false` does, `stdin=` as well (apimachinery, `Convert_Slice_string_To_bool`);
 * of several the first counts.
 */
function isTrue(value: string | null): boolean {
  return value !== null && !/^(0|false)$/i.test(value);
}

type Place = Pick<StreamingCall, "kind" | "namespace" | "pod" | "container">;

function parsePath(path: string): Place | undefined {
  const api = API_PATH.exec(path);
  if (api !== null) return place(api[3], api[1], api[2], "");
  const kubelet = KUBELET_PATH.exec(path);
  if (kubelet !== null) {
    return place(kubelet[1], kubelet[2], kubelet[3], kubelet[4] ?? "");
  }
  const runtime = RUNTIME_PATH.exec(path);
  return runtime === null ? undefined : place(runtime[1], "", runtime[2], "");
}

function place(
  kind: string,
  namespace: string,
  pod: string,
  container: string,
): Place | undefined {
  try {
    return {
      kind: kind === "exec" || kind === "attach" ? kind : "portforward",
      namespace: decodeURIComponent(namespace),
      pod: decodeURIComponent(pod),
      container: decodeURIComponent(container),
    };
  } catch {
    // A percent sign with no two digits behind it.
    return undefined;
  }
}
