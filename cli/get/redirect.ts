/**
 * The redirects of `get -L`.
 *
 * @module
 */

import {
  becomesGet,
  isRedirect,
  isSentAgain,
} from "../../http/message/redirect_rules.ts";
import { readTarget, type Target, targetBehind } from "../target.ts";

/** The part of a request that a redirect can change. */
export interface Redirectable {
  readonly target: Target;
  readonly method: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Whether the body is sent again. */
  readonly hasBody: boolean;
}

/** The request that follows `response`; `undefined` if that is not a redirect. */
export function redirected(
  request: Redirectable,
  response: Response,
): Redirectable | undefined {
  const location = response.headers.get("location");
  if (!isRedirect(response.status) || !location) return undefined;
  const { method, target } = request;
  const next = /^spdys?(\+upgrade)?:/.test(location)
    ? readTarget(location)
    : targetBehind(target, location);
  const dropsBody = becomesGet(response.status, method);
  const isElsewhere = next.origin !== target.origin;
  return {
    target: next,
    method: dropsBody ? "GET" : method,
    hasBody: request.hasBody && !dropsBody,
    headers: request.headers.filter(([name]) =>
      isSentAgain(name.toLowerCase(), dropsBody, isElsewhere)
    ),
  };
}
