/**
 * The recordings of spdylay, in the form that the files have. The README.md next
 * to them describes it.
 *
 * @module
 */

/** Text, bytes that are not UTF-8, or a repeated string. */
export type RecordedText =
  | string
  | { readonly hex: string }
  | { readonly repeat: string; readonly length: number };

/** One header. */
export type RecordedHeader = readonly [name: RecordedText, value: RecordedText];

/** One SETTINGS entry. */
export interface RecordedEntry {
  readonly id: number;
  readonly flags: number;
  readonly value: number;
}

/** A callback that was called. */
export interface RecordedEvent {
  readonly callback: string;
  readonly [field: string]: unknown;
}

/** The source of a body. */
export interface RecordedBody {
  readonly hex?: string;
  readonly repeat?: string;
  readonly length?: number;
  readonly chunk?: number;
  readonly eof_with_last?: boolean;
  readonly defer_at?: readonly number[];
  readonly fail_at?: number;
  readonly fail?: number;
}

/** A side of the session. */
export type SideName = "client" | "server";

/** A call made on a session. */
export interface RecordedCall {
  readonly call: string;
  readonly side?: SideName;
  readonly returns: number;
  readonly events?: readonly RecordedEvent[];
  /** Bytes that a `send` wrote. */
  readonly emits?: string;
  readonly emits_range?: readonly [number, number];
  /** Bytes that a `recv` received. */
  readonly hex?: string;
  readonly input_range?: readonly [number, number];
  readonly stream_id?: number;
  readonly assoc_stream_id?: number;
  readonly flags?: number;
  readonly pri?: number;
  readonly nv?: readonly RecordedHeader[];
  readonly data?: RecordedBody | null;
  readonly status_code?: number;
  readonly entries?: readonly RecordedEntry[];
  readonly delta_window_size?: number;
  readonly size?: number;
  readonly option?: string;
  readonly value?: number;
}

/** `want_read` and `want_write`. */
export interface Wants {
  readonly want_read: boolean;
  readonly want_write: boolean;
}

/** The result of invalid or unusual input. */
export interface RecordedResult {
  readonly returns: number;
  readonly events?: readonly RecordedEvent[];
  readonly emits: string;
  readonly send_events?: readonly RecordedEvent[];
  readonly before_send: Wants;
  readonly after: Wants;
  readonly bytewise?: {
    readonly events: readonly (
      | RecordedEvent
      | readonly [
        "chunk",
        streamId: number,
        flags: number,
        length: number,
      ]
    )[];
    readonly emits: string;
    readonly after: Wants;
  };
  readonly crash?: string;
}

/** One recording. */
export interface Recording {
  readonly name: string;
  readonly version: "2" | "3" | "3.1";
  readonly side: SideName | "both";
  readonly description: string;
  readonly calls?: readonly RecordedCall[];
  readonly hex: string | Readonly<Record<SideName, string>>;
  readonly after?: Wants | Readonly<Record<SideName, Wants>>;
  readonly setup?: readonly RecordedCall[];
  readonly before_send_calls?: readonly RecordedCall[];
  readonly result?: RecordedResult;
  readonly followup?: {
    readonly input: string;
    readonly events: readonly RecordedEvent[];
    readonly emits: string;
    readonly after: Wants;
  };
}

/** A recording and the name of its file. */
export interface Vector {
  /** File name without `.json`, version and name. */
  readonly id: string;
  readonly recording: Recording;
}

/** Reads every recording in the JSON files of a folder, in the order of their names. */
export async function readVectors(directory: URL | string): Promise<Vector[]> {
  const base = directory instanceof URL
    ? directory
    : new URL(`file://${await Deno.realPath(directory)}/`);
  const files: string[] = [];
  for await (const entry of Deno.readDir(base)) {
    if (entry.name.endsWith(".json")) files.push(entry.name);
  }
  const vectors: Vector[] = [];
  for (const file of files.sort()) {
    const text = await Deno.readTextFile(new URL(file, base));
    const recordings: Recording[] = JSON.parse(text);
    for (const recording of recordings) {
      const { version, name } = recording;
      const id = `${file.replace(".json", "")} ${version} ${name}`;
      vectors.push({ id, recording });
    }
  }
  return vectors;
}

const UTF8 = new TextDecoder();

/** A recorded name or value, as the text that an application would see. */
export function textOf(recorded: RecordedText): string {
  if (typeof recorded === "string") return recorded;
  if ("hex" in recorded) return UTF8.decode(Uint8Array.fromHex(recorded.hex));
  return recorded.repeat.repeat(
    Math.ceil(recorded.length / recorded.repeat.length),
  ).slice(0, recorded.length);
}

/** The bytes of a recorded body. */
export function bytesOf(body: RecordedBody): Uint8Array {
  const pattern = Uint8Array.fromHex(body.hex ?? body.repeat ?? "");
  const length = body.length ?? pattern.length;
  return Uint8Array.from(
    { length },
    (_, index) => pattern[index % pattern.length],
  );
}
