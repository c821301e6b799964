/**
 * Metrics of connections: open connections and streams, bytes, resets, stalls.
 *
 * @module
 */

import { RST_STREAM, SYN_STREAM } from "../../frame/constants.ts";
import { statusName } from "../../frame/names.ts";
import { CLIENT, SERVER } from "../../session/constants.ts";
import type { FrameDirection, ResolvedOptions } from "../options.ts";
import type { ConnectionCounters } from "./counters.ts";
import {
  type Attributes,
  type Counter,
  type Observable,
  type Telemetry,
  telemetry,
} from "./telemetry.ts";

/** The parts of a connection that are measured. */
export interface MeasuredConnection {
  readonly options: { readonly side: 1 | 2 };
  readonly counters: ConnectionCounters;
  readonly closed: { readonly observed: Promise<unknown> };
}

const SIDES: Readonly<Record<1 | 2, string>> = {
  [CLIENT]: "client",
  [SERVER]: "server",
};
/** Length of the head of each frame, bytes. */
const FRAME_HEAD = 8;

/** The instruments, created when the first connection is measured. */
export class ConnectionMetrics {
  readonly #live = new Set<MeasuredConnection>();
  /** Stalls of connections that have ended, by side. */
  readonly #pastStalls = new Map<string, number>();
  readonly #bytes: Counter;
  readonly #streams: Counter;
  readonly #resets: Counter;

  constructor({ meter }: Telemetry) {
    this.#bytes = meter.createCounter("spdy.io", {
      unit: "By",
      description: "Bytes of frames, heads included",
    });
    this.#streams = meter.createCounter("spdy.streams", {
      unit: "{stream}",
      description: "Streams that were opened",
    });
    this.#resets = meter.createCounter("spdy.stream.resets", {
      unit: "{stream}",
      description: "RST_STREAM frames by status",
    });
    const open = { description: "Open now" };
    this.#observe(
      meter.createObservableUpDownCounter("spdy.connections.open", {
        ...open,
        unit: "{connection}",
      }),
      () => 1,
    );
    this.#observe(
      meter.createObservableUpDownCounter("spdy.streams.open", {
        ...open,
        unit: "{stream}",
      }),
      ({ streams }) => streams,
    );
    this.#observe(
      meter.createObservableCounter("spdy.window.stalls", {
        unit: "{stall}",
        description: "Times that a body waited for a flow control window",
      }),
      ({ session }) => session.windowStalls,
      this.#pastStalls,
    );
  }

  /** Counts a connection until it ends. */
  add(connection: MeasuredConnection): void {
    this.#live.add(connection);
    const ended = (): void => {
      const side = SIDES[connection.options.side];
      const before = this.#pastStalls.get(side) ?? 0;
      const { windowStalls } = connection.counters.session;
      this.#live.delete(connection);
      this.#pastStalls.set(side, before + windowStalls);
    };
    connection.closed.observed.then(ended, ended);
  }

  /** The options of a connection, changed so that its frames are counted. */
  observing(options: ResolvedOptions): ResolvedOptions {
    const { onFrame, side } = options;
    const io: Readonly<Record<FrameDirection, Attributes>> = {
      sent: { "spdy.side": SIDES[side], "network.io.direction": "transmit" },
      received: { "spdy.side": SIDES[side], "network.io.direction": "receive" },
    };
    return {
      ...options,
      onFrame: (direction, frame) => {
        const attributes = io[direction];
        this.#bytes.add(FRAME_HEAD + frame.length, attributes);
        if (frame.frameType === SYN_STREAM) this.#streams.add(1, attributes);
        else if (frame.frameType === RST_STREAM) {
          const status = statusName(frame.statusCode);
          this.#resets.add(1, { ...attributes, "spdy.status": status });
        }
        onFrame?.(direction, frame);
      },
    };
  }

  #observe(
    instrument: Observable,
    valueOf: (counters: ConnectionCounters) => number,
    past?: ReadonlyMap<string, number>,
  ): void {
    instrument.addCallback((result) => {
      const sums = new Map([["client", 0], ["server", 0], ...past ?? []]);
      for (const connection of this.#live) {
        const side = SIDES[connection.options.side];
        const value = valueOf(connection.counters);
        sums.set(side, (sums.get(side) ?? 0) + value);
      }
      for (const [side, sum] of sums) {
        result.observe(sum, { "spdy.side": side });
      }
    });
  }
}

let metrics: ConnectionMetrics | undefined;

/** The metrics of all connections; `undefined` if telemetry is off. */
export function connectionMetrics(): ConnectionMetrics | undefined {
  const on = telemetry();
  if (on === undefined) return undefined;
  return metrics ??= new ConnectionMetrics(on);
}
