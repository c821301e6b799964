/**
 * How a command ended, as the error stream tells it: JSON in
 * `v4.channel.k8s.io`, plain text before that.
 *
 * @module
 */

import { RemoteCommandError } from "./errors.ts";
import { type CommandProtocol, hasStatus } from "./protocol.ts";

/** How a command ended. */
export interface ExitStatus {
  /**
   * Exit code, 0..255. `undefined` where the sub-protocol carries none: `v2` and
   * `v3` of a command that failed, `v1` always.
   */
  readonly code: number | undefined;
  /**
   * Whether the server tells of no failure. A `v1` server never does: it resets
   * the error stream before the command has run (kubelet 1.0, kept to this day).
   */
  readonly success: boolean;
  /** What the server says about it; `""` on success. */
  readonly message: string;
}

const SUCCESS: ExitStatus = { code: 0, success: true, message: "" };
const NON_ZERO_EXIT_CODE = "NonZeroExitCode";
const EXIT_CODE_CAUSE = "ExitCode";

/** The part of `metav1.Status` that exec uses. */
interface WireStatus {
  readonly metadata: Record<string, never>;
  readonly status: "Success" | "Failure";
  readonly message?: string;
  readonly reason?: string;
  readonly details?: {
    readonly causes: { readonly reason: string; readonly message: string }[];
  };
  readonly code?: number;
}

/** What the error stream says of a command that ended with `code`. */
export function encodeExit(protocol: CommandProtocol, code: number): string {
  if (code === 0) {
    return hasStatus(protocol)
      ? encode({ metadata: {}, status: "Success" })
      : "";
  }
  const message =
    `command terminated with non-zero exit code: exit status ${code}`;
  if (!hasStatus(protocol)) return message;
  return encode({
    metadata: {},
    status: "Failure",
    message,
    reason: NON_ZERO_EXIT_CODE,
    details: { causes: [{ reason: EXIT_CODE_CAUSE, message: `${code}` }] },
  });
}

/** What the error stream says when the command could not be run. */
export function encodeFailure(
  protocol: CommandProtocol,
  { message, reason, httpStatus }: RemoteCommandError,
): string {
  if (!hasStatus(protocol)) return message;
  return encode({
    metadata: {},
    status: "Failure",
    message,
    ...(reason === "" ? {} : { reason }),
    ...(httpStatus === 0 ? {} : { code: httpStatus }),
  });
}

function encode(status: WireStatus): string {
  return JSON.stringify(status);
}

/**
 * Reads the text of an error stream that has ended.
 *
 * Throws `RemoteCommandError` when the command was not run, and when a `v4`
 * server left without a word: that a connection ends is no proof of success.
 */
export function decodeExit(
  protocol: CommandProtocol,
  text: string,
): ExitStatus {
  if (!hasStatus(protocol)) {
    if (text !== "") return { code: undefined, success: false, message: text };
    return protocol === "channel.k8s.io"
      ? { ...SUCCESS, code: undefined }
      : SUCCESS;
  }
  if (text === "") {
    throw new RemoteCommandError("the server ended without an exit status");
  }
  const status = parse(text);
  if (field(status, "status") === "Success") return SUCCESS;
  const message = textField(status, "message");
  const reason = textField(status, "reason");
  if (field(status, "status") !== "Failure") {
    throw new RemoteCommandError(`not a status: ${shorten(text)}`);
  }
  if (reason === NON_ZERO_EXIT_CODE) {
    return { code: exitCode(status, text), success: false, message };
  }
  const httpStatus = field(status, "code");
  throw new RemoteCommandError(message === "" ? shorten(text) : message, {
    reason,
    httpStatus: typeof httpStatus === "number" ? httpStatus : 0,
  });
}

/** Whether the text of an error stream that broke off is a status nevertheless. */
export function isWholeStatus(
  protocol: CommandProtocol,
  text: string,
): boolean {
  if (!hasStatus(protocol)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RemoteCommandError(
      `the status is not JSON: ${shorten(text)}`,
      { cause },
    );
  }
}

function exitCode(status: unknown, text: string): number {
  const causes = field(field(status, "details"), "causes");
  for (const cause of Array.isArray(causes) ? causes : []) {
    if (field(cause, "reason") !== EXIT_CODE_CAUSE) continue;
    const code = Number(field(cause, "message"));
    if (Number.isInteger(code) && code >= 0 && code <= 255) return code;
  }
  throw new RemoteCommandError(`no exit code in ${shorten(text)}`);
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return new Map<string, unknown>(Object.entries(value)).get(name);
}

function textField(value: unknown, name: string): string {
  const text = field(value, name);
  return typeof text === "string" ? text : "";
}

function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}
