/**
 * The figures of a load, and their output.
 *
 * @module
 */

import { formatBytes } from "../../deps.ts";
import {
  legend,
  type Meaning,
  scale,
  type Shape,
  svgFile,
  ticks,
  timeText,
} from "../../viewer/chart.ts";
import { bold, show, type Shown } from "../terminal.ts";

/** A distribution of times, ms. */
export interface Distribution {
  readonly min: number;
  readonly mean: number;
  /** Standard deviation. */
  readonly sd: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly "p99.9": number;
  readonly max: number;
}

/** The figures of a load. */
export interface Figures {
  readonly seconds: number;
  /** Requests answered with a status below 400. */
  readonly succeeded: number;
  /** Requests that failed or were answered with a status of 400 and above. */
  readonly failed: number;
  /** Requests that were not answered when the time was over. */
  readonly unanswered: number;
  readonly requestsPerSecond: number;
  /** Bytes of the bodies received. */
  readonly bytes: number;
  /** Answers by status. */
  readonly statuses: { readonly [status: string]: number };
  /** Time to the last byte, from the request or, with a rate, from the time at which it was due. */
  readonly latency: Distribution;
  /** The same time to the head of the response. */
  readonly firstByte: Distribution;
  /** Time to open a connection; not part of `latency`. */
  readonly connect?: Distribution;
  /** Streams on each connection, if the server allows fewer than requested. */
  readonly streamsAllowed?: number;
  /** The first failure, if there was one. */
  readonly error?: string;
}

/** Counts answers and failures. */
export class Tally {
  readonly #latencies: number[] = [];
  readonly #firstBytes: number[] = [];
  readonly #statuses = new Map<number, number>();
  #succeeded = 0;
  #failed = 0;
  #bytes = 0;
  #error: string | undefined;

  /** Requests that were answered or failed. */
  get count(): number {
    return this.#succeeded + this.#failed;
  }

  /** Counts an answer; times in ms. */
  answered(
    status: number,
    bytes: number,
    latency: number,
    firstByte: number,
  ): void {
    this.#bytes += bytes;
    this.#latencies.push(latency);
    this.#firstBytes.push(firstByte);
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
    if (status < 400) this.#succeeded++;
    else this.failed(`status ${status}`);
  }

  /** Counts a failure. */
  failed(reason: string): void {
    this.#failed++;
    this.#error ??= reason;
  }

  /** The figures after a time in seconds. */
  figures(seconds: number, unanswered: number): Figures {
    return {
      seconds,
      succeeded: this.#succeeded,
      failed: this.#failed,
      unanswered,
      requestsPerSecond: seconds > 0 ? this.count / seconds : 0,
      bytes: this.#bytes,
      statuses: Object.fromEntries(this.#statuses),
      latency: distribution(this.#latencies),
      firstByte: distribution(this.#firstBytes),
      error: this.#error,
    };
  }
}

/** The distribution of times; all values are 0 if there are none. */
export function distribution(times: readonly number[]): Distribution {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (part: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;
  let sum = 0;
  for (const time of sorted) sum += time;
  const mean = sorted.length === 0 ? 0 : sum / sorted.length;
  let squares = 0;
  for (const time of sorted) squares += (time - mean) ** 2;
  const sd = sorted.length === 0 ? 0 : Math.sqrt(squares / sorted.length);
  return {
    min: at(0),
    mean,
    sd,
    p50: at(0.5),
    p90: at(0.9),
    p95: at(0.95),
    p99: at(0.99),
    "p99.9": at(0.999),
    max: at(1),
  };
}

/** The figures for people: lines of at most 60 columns. */
export function figuresText(figures: Figures): Shown[] {
  const { seconds, succeeded, failed, unanswered, bytes, error } = figures;
  const rate = figures.requestsPerSecond.toFixed(0);
  const perSecond = formatBytes(Math.round(bytes / Math.max(seconds, 0.001)));
  const statuses = Object.entries(figures.statuses)
    .map(([status, count]) => `${status}: ${count}`).join(", ");
  const allowed = figures.streamsAllowed;
  return [
    show`${bold(rate)} requests/s, ${perSecond}/s`,
    show`${succeeded} succeeded, ${failed} failed in ${seconds.toFixed(2)} s`,
    show`${formatBytes(bytes)} received; statuses: ${statuses || "none"}`,
    ...(unanswered === 0
      ? []
      : [show`${unanswered} unanswered when the time was over`]),
    ...(allowed === undefined
      ? []
      : [show`the server allows ${allowed} streams on a connection`]),
    ...distributionText("latency", figures.latency),
    ...distributionText("first byte", figures.firstByte),
    ...(figures.connect === undefined
      ? []
      : distributionText("connect", figures.connect)),
    ...(error === undefined ? [] : [show`first failure: ${error}`]),
  ];
}

const NAME_WIDTH = 11;

function distributionText(name: string, times: Distribution): Shown[] {
  const ms = (value: number): string => `${value.toFixed(2)} ms`;
  const begin = " ".repeat(NAME_WIDTH);
  return [
    show`${`${name}:`.padEnd(NAME_WIDTH)} mean ${ms(times.mean)}, sd ${
      ms(times.sd)
    }`,
    show`${begin} min ${ms(times.min)}, max ${ms(times.max)}`,
    show`${begin} p50 ${ms(times.p50)}, p90 ${ms(times.p90)}, p95 ${
      ms(times.p95)
    }`,
    show`${begin} p99 ${ms(times.p99)}, p99.9 ${ms(times["p99.9"])}`,
  ];
}

const WIDTH = 680;
const HEIGHT = 340;
/** Space for the labels: left, top, right, bottom. */
const ROOM = [76, 52, 40, 44] as const;

/** A picture of the latency at each percentile. */
export function figuresSvg({ latency, firstByte }: Figures): string {
  const parts = ["p50", "p90", "p95", "p99", "p99.9"] as const;
  const [left, top, right, bottom] = ROOM;
  const most = Math.max(latency["p99.9"], firstByte["p99.9"], 0.001);
  const x = scale(0, parts.length - 1, left + 48, WIDTH - right);
  const y = scale(0, most, HEIGHT - bottom, top);
  const shapes: Shape[] = ticks(0, most, 5).flatMap((ms): Shape[] => [
    {
      kind: "line",
      meaning: "grid",
      x1: left,
      y1: y(ms),
      x2: WIDTH - right + 16,
      y2: y(ms),
    },
    {
      kind: "text",
      meaning: "faint",
      x: left - 8,
      y: y(ms) + 4,
      text: timeText(ms),
      anchor: "end",
    },
  ]);
  parts.forEach((part, index) => {
    shapes.push({
      kind: "text",
      meaning: "faint",
      x: x(index),
      y: HEIGHT - bottom + 22,
      text: part,
      anchor: "middle",
    });
  });
  const curve = (times: Distribution, meaning: Meaning): Shape => ({
    kind: "curve",
    meaning,
    points: parts.map((part, index) => [x(index), y(times[part])] as const),
  });
  shapes.push(curve(firstByte, "headers"), curve(latency, "data"));
  parts.forEach((part, index) => {
    shapes.push({
      kind: "text",
      meaning: "text",
      // To the left of its point, because the curve rises to the right.
      x: x(index) + 4,
      y: y(latency[part]) - 10,
      text: timeText(latency[part]),
      anchor: "end",
    });
  });
  shapes.push(
    ...legend([["data", "latency"], ["headers", "first byte"]], left, 28),
  );
  return svgFile(shapes, WIDTH, HEIGHT);
}
