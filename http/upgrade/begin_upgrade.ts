/**
 * Connects, asks for an upgrade, and begins to speak SPDY after a 101. Only imported for
 * an upgrade.
 *
 * @module
 */

import type { ConnectionTuning } from "../../connection/options.ts";
import { TimeLimit } from "../../connection/time/time_limit.ts";
import { closeQuietly } from "../../connection/transport/byte_conn.ts";
import type { DialPlan } from "../../connection/transport/dial.ts";
import type { ByteConn } from "../../connection/transport/transport.ts";
import type { NameValue } from "../../frame/types.ts";
import { CLIENT } from "../../session/constants.ts";
import { Connection } from "../connection.ts";
import { HttpMessageError } from "../message/message_error.ts";
import { isNullBodyStatus } from "../message/null_body.ts";
import { dial } from "./dial.ts";
import { requestUpgrade, type UpgradeAnswer } from "./upgrade_request.ts";
import {
  type UpgradedConnection,
  UpgradeRefusedError,
} from "./upgrade_result.ts";
import { readToken, versionOfToken, wrongUpgrade } from "./upgrade_token.ts";

/** Longest head of an answer, bytes. */
const MAX_HEAD = 16 * 1024;
/** Most bytes of a refusal's body that are kept. */
const MAX_BODY = 64 * 1024;

/** What to ask for; see `UpgradeOptions`. */
export interface Asked {
  readonly protocols: readonly string[];
  readonly headers: readonly NameValue[];
  readonly method: string;
  readonly signal: AbortSignal | undefined;
  readonly timeout: number;
  readonly tuning: ConnectionTuning;
}

/** Does the work of `connectUpgrade` after the checks of its arguments. */
export async function askAndBegin(
  url: URL,
  plan: DialPlan,
  { protocols, headers, method, signal, timeout, tuning }: Asked,
): Promise<UpgradedConnection> {
  const limit = new TimeLimit(timeout, signal);
  let conn: ByteConn | undefined;
  try {
    conn = await dial(url, plan, limit.signal);
    const answer = await requestUpgrade(conn, {
      url,
      method,
      headers: [
        ...headers,
        ["connection", "Upgrade"],
        ["upgrade", protocols.join(", ")],
      ],
      maxHead: MAX_HEAD,
      maxBody: MAX_BODY,
      signal: limit.signal,
    });
    const { origin = url.origin } = tuning;
    return begin(answer, protocols, { ...tuning, origin });
  } catch (error) {
    // node:http throws for a method or a header that cannot be sent.
    closeQuietly(conn);
    throw error;
  } finally {
    limit.end();
  }
}

function begin(
  answer: UpgradeAnswer,
  protocols: readonly string[],
  tuning: ConnectionTuning,
): UpgradedConnection {
  const { conn, headers, statusText } = answer;
  if (conn === undefined) throw new UpgradeRefusedError(toResponse(answer));
  const offered = protocols.map(versionOfToken).filter((each) => each !== 0);
  const answered = {
    connection: headers.get("connection") ?? undefined,
    upgrade: headers.get("upgrade") ?? undefined,
  };
  const token = readToken(answered, offered);
  // Rule: the server names the protocol, which must be one that the client asked for
  // (RFC 9110 7.8). If there are several, two readers could choose different ones.
  if (token === undefined || !isOnlyName(token.name, answered.upgrade)) {
    throw new HttpMessageError(
      `the server switched protocols, but its answer ${
        wrongUpgrade(answered, protocols)
      }`,
    );
  }
  return {
    connection: new Connection(conn, {
      ...tuning,
      side: CLIENT,
      version: token.version,
    }),
    response: switched(new Response(null, { headers, statusText })),
  };
}

/** Whether a list names nothing else; its empty elements do not count (RFC 9110 5.6.1). */
function isOnlyName(name: string, header = ""): boolean {
  return header.split(",").map((part) => part.trim())
    .every((part) => part === "" || part === name);
}

function toResponse(
  { status, statusText, headers, body }: UpgradeAnswer,
): Response {
  // `Response` does not allow informational and unknown statuses.
  if (status < 200 || status > 599) {
    throw new HttpMessageError(
      `the upgrade was answered with status ${status}`,
    );
  }
  const given = isNullBodyStatus(status) ? null : body;
  return new Response(given, { status, statusText, headers });
}

/** Gives a response the status 101, which the platform's constructor does not allow. */
function switched(response: Response): Response {
  return Object.defineProperties(response, {
    status: { value: 101, configurable: true, enumerable: true },
    ok: { value: false, configurable: true, enumerable: true },
  });
}
