/**
 * Notices through the API that a pod ends.
 *
 * @module
 */

import { abortablePause } from "../../connection/time/abortable_pause.ts";
import { startTimeout, stopTimer } from "../../connection/time/clock.ts";
import { type ApiTarget, watchObjects } from "../api/request.ts";
import { type FoundPod, isLeaving } from "../api/resource.ts";
import { at, textAt } from "../api/value.ts";
import { StreamingRefusedError } from "../errors.ts";

/** Length of a watch that is requested from the API server, seconds. */
const WATCH_SECONDS = 240;
/** Longest duration of a watch, ms; after this time it counts as dead. */
const LONGEST_WATCH = (WATCH_SECONDS + 30) * 1000;
/** Wait before the next watch, ms; doubled if a watch fails at once. */
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30_000;

/**
 * Resolves when the pod is about to end or has ended, and when `signal` aborts.
 *
 * Rejects with `StreamingRefusedError` if the API server does not permit watching
 * the pod.
 */
export async function untilLeaving(
  target: () => Promise<ApiTarget>,
  { name, namespace, pod }: FoundPod,
  signal: AbortSignal,
): Promise<void> {
  let wait = FIRST_PAUSE;
  let wasUnauthorized = false;
  const uid = textAt(pod, "metadata", "uid");
  while (!signal.aborted) {
    const limit = new AbortController();
    const abort = (): void => limit.abort();
    signal.addEventListener("abort", abort, { once: true });
    const timer = startTimeout(abort, LONGEST_WATCH);
    try {
      const events = watchObjects({
        ...await target(),
        signal: limit.signal,
      }, {
        path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`,
        query: {
          watch: "true",
          fieldSelector: `metadata.name=${name}`,
          timeoutSeconds: `${WATCH_SECONDS}`,
        },
      });
      for await (const event of events) {
        wait = FIRST_PAUSE;
        wasUnauthorized = false;
        const object = at(event, "object");
        const type = textAt(event, "type");
        if (type === "ERROR") break;
        const isOther = uid !== "" && textAt(object, "metadata", "uid") !== uid;
        if (type === "DELETED" || isLeaving(object)) return;
        if (isOther && type !== "BOOKMARK") return;
      }
    } catch (error) {
      const status = error instanceof StreamingRefusedError ? error.status : 0;
      // After a 401, `target` can have other credentials.
      const isUnauthorized = status === 401;
      const isFinal = status >= 400 && status < 500 && status !== 429 &&
        (!isUnauthorized || wasUnauthorized);
      wasUnauthorized = isUnauthorized;
      if (isFinal && !signal.aborted) throw error;
      wait = Math.min(LONGEST_PAUSE, wait * 2);
    } finally {
      stopTimer(timer);
      signal.removeEventListener("abort", abort);
    }
    if (!signal.aborted) await abortablePause(wait, signal);
  }
}
