/**
 * The end of a command as the error stream reports it: JSON since
 * `v4.channel.k8s.io`, plain text before.
 *
 * @module
 */

import { checkWhole } from "../numbers.ts";
import { RemoteCommandError } from "./errors.ts";
import { type CommandProtocol, traitsOf } from "./protocol.ts";

/** How a command ended. */
export interface ExitStatus {
  /**
   * Exit code, 0..255. A Windows container has 32-bit codes, from -2147483648 to
   * 4294967295. `undefined` if the sub-protocol does not carry the code: in `v2`
   * and `v3` after a failure, and always in `v1`.
   */
  readonly code: number | undefined;
  /**
   * True if the server reported no failure. A `v1` server never reports one: it
   * resets the error stream before the command has run (since kubelet 1.0).
   */
  readonly success: boolean;
  /** The message of the server; `""` on success. */
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

/** Lowest and highest exit code: Windows has 32-bit codes, which appear with and without a sign. */
const EXIT_CODES = [-0x8000_0000, 0xffff_ffff] as const;

/**
 * The text of the error stream for a command that ended with `code`.
 *
 * Throws `InvalidArgumentError` if `code` is not an exit code.
 */
export function encodeExit(protocol: CommandProtocol, code: number): string {
  checkWhole("the exit code", code, ...EXIT_CODES);
  if (code === 0) {
    return traitsOf(protocol).hasStatus
      ? encode({ metadata: {}, status: "Success" })
      : "";
  }
  const message =
    `command terminated with non-zero exit code: exit status ${code}`;
  if (!traitsOf(protocol).hasStatus) return message;
  return encode({
    metadata: {},
    status: "Failure",
    message,
    reason: NON_ZERO_EXIT_CODE,
    details: { causes: [{ reason: EXIT_CODE_CAUSE, message: `${code}` }] },
  });
}

/**
 * Longest text of a failure, in UTF-16 code units. In JSON each takes at most 6
 * bytes, so the status is shorter than the 64 KiB that the client reads.
 */
const LONGEST_TEXT = 4096;

/**
 * The text of the error stream for a command that could not be run. A long message
 * is shortened and ends with a note, because a client that reads only a part of a
 * status cannot parse it.
 */
export function encodeFailure(
  protocol: CommandProtocol,
  failure: RemoteCommandError,
): string {
  const { httpStatus } = failure;
  const message = cut(failure.message);
  const reason = cut(failure.reason);
  // Before v4, an empty error stream means success.
  if (!traitsOf(protocol).hasStatus) {
    return message || "the command was not run";
  }
  return encode({
    metadata: {},
    status: "Failure",
    message,
    ...(reason === "" ? {} : { reason }),
    ...(httpStatus === 0 ? {} : { code: httpStatus }),
  });
}

function cut(text: string): string {
  const left = text.length - LONGEST_TEXT;
  if (left <= 0) return text;
  const kept = text.slice(0, LONGEST_TEXT).toWellFormed();
  return `${kept}... (${left} more characters were removed)`;
}

function encode(status: WireStatus): string {
  return JSON.stringify(status);
}

/**
 * Parses the text of an error stream that has ended.
 *
 * Throws `RemoteCommandError` if the command was not run, and if a server with `v4`
 * or later sent no status, because the end of a connection does not prove success.
 */
export function decodeExit(
  protocol: CommandProtocol,
  text: string,
): ExitStatus {
  if (!traitsOf(protocol).hasStatus) {
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
    throw new RemoteCommandError(
      `the server sent something that is not a status: ${shorten(text)}`,
    );
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

/** Whether the text of an error stream that ended early is a complete status. */
export function isWholeStatus(
  protocol: CommandProtocol,
  text: string,
): boolean {
  if (!traitsOf(protocol).hasStatus) return false;
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
      `the server's status is not JSON: ${shorten(text)}`,
      { cause },
    );
  }
}

function exitCode(status: unknown, text: string): number {
  const causes = field(field(status, "details"), "causes");
  for (const cause of Array.isArray(causes) ? causes : []) {
    if (field(cause, "reason") !== EXIT_CODE_CAUSE) continue;
    const message = field(cause, "message");
    // Only decimal digits: Kubernetes parses it with Go's strconv.Atoi.
    if (typeof message !== "string" || !/^-?\d{1,10}$/.test(message)) continue;
    const code = Number(message);
    if (code >= EXIT_CODES[0] && code <= EXIT_CODES[1]) return code;
  }
  throw new RemoteCommandError(
    `the server's status has no exit code: ${shorten(text)}`,
  );
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
