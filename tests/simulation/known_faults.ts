/**
 * Faults that this project once had, as changes of its source.
 *
 * @module
 */

import type { Family } from "./families.ts";

/** A change of one file of the source. */
export interface Change {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** The changes that put one fault back. */
export interface Fault {
  readonly name: string;
  /** The runs that show the fault. */
  readonly family: Family;
  readonly changes: readonly Change[];
}

/** All known faults. */
export const FAULTS: readonly Fault[] = [
  {
    name: "the session's window waits for the reader of a stream",
    family: "readingOrder",
    changes: [{
      file: "connection/session_events.ts",
      from: "[CREDIT_ON_ARRIVAL]: true,",
      to: "[CREDIT_ON_ARRIVAL]: false,",
    }],
  },
  {
    name: "reading is held back while the application waits for more",
    family: "readingOrder",
    changes: [{
      file: "connection/flow/receive_flow.ts",
      from: 'this.#hold(wait === "none" || this.#buffered > this.#most);',
      to: "this.#hold(true);",
    }, {
      file: "connection/flow/receive_flow.ts",
      from: 'if (wait !== "need" || this.#mayHold) return;',
      to: "if (Date.now() > 0) return;",
    }],
  },
  {
    name: "a reset in the middle of a frame uses up window for ever",
    family: "cancel",
    changes: [{
      file: "session/inbound_data.ts",
      from: "return this.#skip(size);",
      to: "return core.receiveWindow?.deliver(size);",
    }],
  },
  {
    name: "an error on one stream ends the connection",
    family: "overrun",
    changes: [{
      file: "connection/flow/send_scheduler.ts",
      from: "for (const core of ready) this.#submit(core);",
      to: "for (const core of ready) {\n" +
        "      core.isScheduled = false;\n" +
        "      core.sender.submit(this.#session);\n" +
        "    }",
    }],
  },
  {
    name: "an upload ends without an error once the response has been sent",
    family: "http",
    changes: [{
      file: "http/server/linger.ts",
      from: "if (receiveBuffer.ended) drop(0);\n  else keep();",
      to: "drop(0);",
    }, {
      file: "connection/buffers/receive_buffer.ts",
      from: 'if (this.#closed || this.#end?.kind === "failed") return;\n' +
        "    this.#dropping ??= reason;",
      to: "if (this.#closed || reason === undefined) return;\n" +
        "    this.#closed = true;\n" +
        "    this.#readable?.close();\n" +
        "    this.#pending?.result.resolve(null);\n" +
        "    this.#pending = undefined;",
    }],
  },
  {
    name:
      "a connection whose transport breaks while reading is stopped never ends",
    family: "heldReading",
    changes: [{
      file: "connection/connection_end.ts",
      from: "if (this.#inputEnded || io.readingPaused) {",
      to: "if (this.#inputEnded) {",
    }, {
      file: "connection/connection_end.ts",
      from: "this.#watch(() => this.#cutOff(reason));",
      to: "this.#watch(() => io.readingPaused || this.#cutOff(reason));",
    }],
  },
  {
    name: "pushes that nobody asked for are kept",
    family: "push",
    changes: [{
      file: "connection/stream/peer_streams.ts",
      from: "(parent?.mostWaiting === undefined || queue.asked) &&",
      to: "",
    }],
  },
  {
    name: "an orderly end cuts off bytes that still move",
    family: "clocks",
    changes: [{
      file: "connection/time/stall_detector.ts",
      from: "for (const timer of this.#timers) timer.touch();",
      to: "",
    }],
  },
  {
    name:
      "a lower initial window resets streams for bytes that were sent before",
    family: "lowWindow",
    changes: [{
      file: "session/session_settings.ts",
      from: "const lowered = window < this.#granted;",
      to: "const lowered = false;",
    }],
  },
  {
    name: "WINDOW_UPDATEs wait for DATA that is more urgent",
    family: "path",
    changes: [{
      file: "connection/session_events.ts",
      from: "[URGENT_UPDATES]: true,",
      to: "[URGENT_UPDATES]: false,",
    }],
  },
  {
    name: "the shortest round trip is forgotten",
    family: "path",
    changes: [{
      file: "connection/flow/path_estimate.ts",
      from: "this.#shortest = Math.min(this.#shortest, roundTrip);",
      to: "this.#shortest = roundTrip;",
    }],
  },
  {
    name: "a wrong first round trip is never detected",
    family: "path",
    changes: [{
      file: "connection/flow/window_tuner.ts",
      from: "if (path.isUnsure && path.isSteady) {",
      to: "if (now < 0) {",
    }, {
      file: "connection/flow/window_tuner.ts",
      from: "if (this.#trial === undefined) this.#tryLess(both, now);",
      to: "if (now < 0) this.#tryLess(both, now);",
    }],
  },
  {
    name: "a window that was reduced by mistake stays small",
    family: "path",
    changes: [{
      file: "connection/flow/window_tuner.ts",
      from: "if (trial.carriesLess(sample)) {",
      to: "if (now < 0) {",
    }],
  },
  {
    name: "the session's window never grows",
    family: "path",
    changes: [{
      file: "connection/flow/receive_windows.ts",
      from: "const target = Math.min(window, MAX_FLOW_WINDOW);",
      to: "const target = Math.min(window, INITIAL_WINDOW_SIZE);",
    }],
  },
  {
    name: "a window in use is doubled again and again",
    family: "path",
    changes: [{
      file: "connection/flow/window_tuner.ts",
      from: "} else if (last !== undefined && !path.isNear(last.roundTrip)) {",
      to: "} else if (now > 0) {\n" +
        "      this.#window.set(2 * this.#window.size);\n" +
        "    } else {",
    }],
  },
  {
    name: "a write carries all waiting bytes, on a slow link as well",
    family: "path",
    changes: [{
      file: "connection/buffers/write_pace.ts",
      from: "while (bound * 2 <= wanted && bound < this.#most) bound *= 2;",
      to: "bound = this.#most + 0 * wanted;",
    }],
  },
  {
    name: "a write stays as small as on a slow link",
    family: "path",
    changes: [{
      file: "connection/buffers/write_pace.ts",
      from: "while (bound * 2 <= wanted && bound < this.#most) bound *= 2;",
      to: "bound = 64 + 0 * wanted;",
    }],
  },
];

/** Returns the text with the change made; throws if the text does not contain what it replaces. */
export function changed(text: string, { file, from, to }: Change): string {
  if (text.split(from).length !== 2) {
    throw new Error(
      `a fault that tests/simulation/known_faults.ts puts back into ${file} replaces code that is not there once; write it anew for the code as it is: ${from}`,
    );
  }
  return text.replace(from, () => to);
}
