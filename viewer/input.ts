/**
 * Reads capture files and TLS key logs into a model, in pieces, so that the page
 * stays responsive.
 *
 * @module
 */

import { CaptureReader, KeyLog } from "../capture/mod.ts";
import { Model } from "./model.ts";

/** Size of one read, bytes. */
const PIECE = 1 << 20;
/** Time after which the page is updated, ms. */
const TURN = 30;
/** Bytes that are used to recognise a key log. */
const HEAD = 4096;
/** Most bytes of a key log. */
const MOST_KEYS = 1 << 24;

/** A file to read. */
export interface Input {
  /** Its name. */
  readonly name: string;
  /** Its size, bytes. */
  readonly size: number;
  /** Reads a part of it. */
  read(begin: number, end: number): Promise<Uint8Array>;
}

/** A file that is in memory. */
export function inputOf(name: string, bytes: Uint8Array): Input {
  return {
    name,
    size: bytes.length,
    read: (begin, end) => Promise.resolve(bytes.subarray(begin, end)),
  };
}

/** Whether a file is a key log and not a capture. */
export async function isKeyLog(input: Input): Promise<boolean> {
  const head = await input.read(0, Math.min(HEAD, input.size));
  const text = new TextDecoder("latin1").decode(head);
  return /^[A-Z][A-Z0-9_]+ [0-9a-f]{64} [0-9a-f]+\s*$/mi.test(text);
}

/** The result of reading captures. */
export interface Contents {
  /** The content of the captures. */
  readonly model: Model;
  /** Connections without SPDY: their number for each protocol. */
  readonly others: ReadonlyMap<string, number>;
}

/**
 * Reads several captures as one. Errors become warnings of the model. `onProgress`
 * gets the part that was read, 0 to 1. Rejects with the reason of `signal` if that
 * aborts.
 */
export async function readCaptures(
  captures: readonly Input[],
  keyLogs: readonly Input[],
  onProgress: (part: number) => void,
  signal: AbortSignal,
): Promise<Contents> {
  const model = new Model();
  const keyLog = new KeyLog();
  for (const input of keyLogs) {
    await attempt(model, input, async () => {
      const bytes = await input.read(0, Math.min(MOST_KEYS, input.size));
      keyLog.add(new TextDecoder("latin1").decode(bytes));
      if (input.size <= MOST_KEYS) return;
      model.warn(
        `${input.name}: only the first 16 MiB of this key log are used`,
      );
    });
  }
  const reader = new CaptureReader({
    onRecord: (record) => model.add(record),
    onPayload: (payload) => model.addPayload(payload),
  }, { keyLog });
  const total = captures.reduce((sum, { size }) => sum + size, 0);
  let read = 0;
  let turn = performance.now();
  for (const input of captures) {
    reader.begin(input.name);
    let pushed = 0;
    const isRead = await attempt(model, input, async () => {
      for (let at = 0; at < input.size; at += PIECE) {
        const end = Math.min(input.size, at + PIECE);
        await reader.push(await input.read(at, end));
        pushed = end;
        if (performance.now() - turn < TURN) continue;
        onProgress((read + end) / total);
        await new Promise((resolve) => setTimeout(resolve));
        signal.throwIfAborted();
        turn = performance.now();
      }
    });
    signal.throwIfAborted();
    // Errors at the end are only reported for a file of which something was read.
    if (isRead || pushed > 0) {
      await attempt(model, input, () => reader.endFile());
    }
    read += input.size;
  }
  await reader.end();
  model.finish();
  return { model, others: reader.others };
}

/** Runs a part of the work on a file; an error becomes a warning. */
async function attempt(
  model: Model,
  { name }: Input,
  work: () => Promise<void>,
): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    model.warn(reason.startsWith(name) ? reason : `${name}: ${reason}`);
    return false;
  }
}
