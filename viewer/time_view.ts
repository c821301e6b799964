/**
 * The charts over time: activity of the connection, its streams, its windows.
 *
 * @module
 */

/// <reference lib="dom" />

import { scale, type Shape, sizeText, stepPoints, timeAxis } from "./chart.ts";
import { activity, type WindowCurve, windowCurves } from "./curves.ts";
import { chartElement, element, find } from "./dom.ts";
import { List } from "./list.ts";
import { type Connection, hasEnded, type StreamSpan } from "./model.ts";
import { type Range, resultOf, streamBar } from "./waterfall.ts";

/** Height of the activity strip, px. */
const OVERVIEW = 36;
/** Height of a window's curve, px. */
const CURVE = 64;
/** Width of a part of the activity strip, px. */
const PART = 3;
/** Shorter movements of the pointer, px, are clicks and do not select a range. */
const CLICK = 4;

/** What the charts change in the page. */
export interface TimeViewActions {
  /** Called when a stream is selected; `undefined` if none is selected any more. */
  onStream(streamId: number | undefined): void;
  /** Called when another range is shown; `undefined` for the whole time. */
  onRange(range: Range | undefined): void;
}

/** The charts of a connection. */
export class TimeView {
  readonly #actions: TimeViewActions;
  readonly #streams: List<StreamSpan>;
  #connection: Connection | undefined;
  #stream: number | undefined;
  #range: Range | undefined;
  /** Range that the pointer is selecting. */
  #marked: Range | undefined;
  #activity: {
    readonly width: number;
    readonly parts: ReturnType<typeof activity>;
  } | undefined;
  #curves:
    | { readonly key: string; readonly curves: WindowCurve[] | undefined }
    | undefined;

  /** Draws into the elements of the page. */
  constructor(actions: TimeViewActions) {
    this.#actions = actions;
    this.#streams = new List<StreamSpan>(find("waterfall"), {
      role: "option",
      height: () => 22,
      fill: (line, stream) => this.#fillStream(line, stream),
      // A click on the selected stream, or Enter, shows all streams again.
      onChoose: ({ id }, _index, how) => {
        if (id !== this.#stream) actions.onStream(id);
        else if (how !== "key") actions.onStream(undefined);
      },
    });
    this.#listenToOverview(find("overview"));
    find("sender").addEventListener("change", () => this.#drawCurves());
    find("all-time").addEventListener(
      "click",
      () => actions.onRange(undefined),
    );
  }

  /** Shows a connection. */
  show(connection: Connection): void {
    this.#connection = connection;
    this.#activity = this.#curves = undefined;
    find("view").classList.toggle("no-times", connection.end === 0);
    // Shows the side that sends more, because its windows are more interesting.
    const { summary } = connection;
    find<HTMLSelectElement>("sender").value = summary !== undefined &&
        summary.fromClient.payload > summary.fromServer.payload
      ? "client"
      : "server";
  }

  /** Selects a stream, and shows a range. */
  update(stream: number | undefined, range: Range | undefined): void {
    this.#stream = stream;
    this.#range = range;
    this.draw();
  }

  /** The range that is shown. */
  get range(): Range {
    const connection = this.#connection;
    if (connection === undefined) return [0, 1];
    return this.#range ??
      [connection.begin, Math.max(connection.end, connection.begin + 0.001)];
  }

  /** Draws everything again, for example after a change of width. */
  draw(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const [from, to] = this.range;
    const streams = [...connection.streams.values()].filter(({ begin, end }) =>
      this.#range === undefined || begin <= to && end >= from
    );
    find("all-time").hidden = this.#range === undefined;
    find("streams-count").textContent =
      streams.length === connection.streams.size
        ? String(streams.length)
        : `${streams.length} of ${connection.streams.size}`;
    this.#drawOverview();
    this.#drawAxis();
    this.#streams.show(
      streams,
      streams.findIndex(({ id }) => id === this.#stream),
    );
    this.#drawCurves();
  }

  /** Moves or scales the range according to a key. */
  zoom(key: string): boolean {
    const connection = this.#connection;
    if (connection === undefined) return false;
    const [begin, end] = this.range;
    const step = (end - begin) / 4;
    const changes: Readonly<Record<string, readonly [number, number]>> = {
      "+": [step, -step],
      "=": [step, -step],
      "-": [-2 * step, 2 * step],
      ArrowLeft: [-step, -step],
      ArrowRight: [step, step],
      "0": [-Infinity, Infinity],
    };
    const change = changes[key];
    if (change === undefined) return false;
    this.#setRange(begin + change[0], end + change[1]);
    return true;
  }

  #setRange(begin: number, end: number): void {
    const { begin: first, end: last } = this.#connection!;
    const range: Range = [Math.max(first, begin), Math.min(last, end)];
    if (range[0] <= first && range[1] >= last) this.#actions.onRange(undefined);
    else if (range[1] - range[0] > 1e-4) this.#actions.onRange(range);
  }

  #drawOverview(): void {
    const connection = this.#connection!;
    const box = find("overview");
    const width = box.clientWidth;
    const count = Math.max(1, Math.floor(width / PART));
    if (this.#activity?.width !== width) {
      this.#activity = { width, parts: activity(connection, count) };
    }
    const { client, server } = this.#activity.parts;
    const most = Math.max(1, ...client, ...server);
    const middle = OVERVIEW / 2;
    // Not linear, because small parts would be invisible beside the largest one.
    const tall = (bytes: number): number =>
      bytes === 0 ? 0 : Math.max(1, Math.sqrt(bytes / most) * (middle - 1));
    const shapes: Shape[] = [
      {
        kind: "line",
        meaning: "grid",
        x1: 0,
        y1: middle,
        x2: width,
        y2: middle,
      },
    ];
    for (let part = 0; part < count; part++) {
      const x = part * width / count;
      for (
        const [bytes, meaning] of [[client[part], "upload"], [
          server[part],
          "data",
        ]] as const
      ) {
        const height = tall(bytes);
        if (height === 0) continue;
        const y = meaning === "upload" ? middle - height : middle;
        shapes.push({ kind: "rect", meaning, x, y, width: PART - 1, height });
      }
    }
    const chart = chartElement(shapes, width, OVERVIEW);
    const x = scale(
      connection.begin,
      Math.max(connection.end, connection.begin + 0.001),
      0,
      width,
    );
    const marks: HTMLElement[] = [];
    const marked = this.#marked ?? this.#range;
    if (marked !== undefined) {
      for (const [left, right] of [[0, x(marked[0])], [x(marked[1]), width]]) {
        const mark = element("i", "outside");
        mark.style.left = `${left}px`;
        mark.style.width = `${Math.max(0, right - left)}px`;
        marks.push(mark);
      }
    }
    box.replaceChildren(chart, ...marks);
  }

  #drawAxis(): void {
    const { begin } = this.#connection!;
    const box = find("axis");
    const width = box.clientWidth;
    const [from, to] = this.range;
    const x = scale(from - begin, to - begin, 0, width);
    const shapes = timeAxis({
      range: [from - begin, to - begin],
      x,
      labels: 13,
      grid: [16, 20],
      most: Math.max(2, Math.floor(width / 70)),
    });
    box.replaceChildren(chartElement(shapes, width, 20));
  }

  #fillStream(line: HTMLElement, stream: StreamSpan): void {
    const result = resultOf(stream);
    const status = element("span", "status", result);
    const isBad = stream.reset !== undefined || /^[45]/.test(result);
    status.classList.toggle("bad", isBad);
    status.title = status.textContent ?? "";
    const width = find("axis").clientWidth;
    const bars = element(
      "span",
      "bars",
      chartElement(streamBar(stream, this.range, width, 22), width, 22),
    );
    const label = element("span", "label", stream.label);
    label.title = label.textContent ?? "";
    line.append(element("span", "id", String(stream.id)), label, status, bars);
    line.classList.toggle("open", !hasEnded(stream));
    line.ariaLabel = `stream ${stream.id} ${label.textContent} ${result}`;
  }

  #drawCurves(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const isClient = find<HTMLSelectElement>("sender").value === "client";
    // Stream 0 is the session.
    const ids = this.#stream ? [0, this.#stream] : [0];
    const key = `${isClient} ${ids.join()}`;
    if (this.#curves?.key !== key) {
      this.#curves = { key, curves: windowCurves(connection, isClient, ids) };
    }
    const { curves } = this.#curves;
    const box = find("curves");
    if (curves === undefined) {
      box.replaceChildren(
        element(
          "p",
          "faint",
          "The capture lacks the beginning of the connection: its windows are unknown.",
        ),
      );
      return;
    }
    box.replaceChildren(
      ...curves.map((curve) => this.#curve(curve, box.clientWidth)),
    );
    if (this.#stream === undefined) {
      box.append(
        element("p", "faint", "Choose a stream to see its window as well."),
      );
    }
  }

  #curve(curve: WindowCurve, boxWidth: number): HTMLElement {
    const { streamId, values, stalls, isObeyed } = curve;
    const name = streamId === 0 ? "session" : `stream ${streamId}`;
    const label = element("div", "label", element("b", "", name));
    const made = element("div", "curve-row", label);
    if (!isObeyed || values.length === 0) {
      label.append(
        element("span", "faint", isObeyed ? "nothing was sent" : "no window"),
      );
      made.append(
        element(
          "p",
          "faint",
          isObeyed
            ? "This side sent no data."
            : "More was sent than this window allows: SPDY/2 has no windows, SPDY/3 none for the session, spdystream ignores them, or the capture lacks frames.",
        ),
      );
      return made;
    }
    // A loop, because there may be a hundred thousand values.
    let [least, most] = [0, 1];
    for (const value of values) {
      least = Math.min(least, value);
      most = Math.max(most, value);
    }
    const width = find("axis").clientWidth || boxWidth;
    const [from, to] = this.range;
    const x = scale(from, to, 0, width);
    const y = scale(least, most, CURVE - 6, 6);
    const shapes: Shape[] = [
      { kind: "line", meaning: "grid", x1: 0, y1: y(0), x2: width, y2: y(0) },
      {
        kind: "line",
        meaning: "grid",
        x1: 0,
        y1: y(most),
        x2: width,
        y2: y(most),
      },
    ];
    for (const [begin, end] of stalls) {
      if (end < from || begin > to) continue;
      const left = Math.max(0, x(begin));
      shapes.push({
        kind: "rect",
        meaning: "stall",
        x: left,
        y: 0,
        width: Math.max(2, Math.min(width, x(end)) - left),
        height: CURVE,
        title: `used up for ${(end - begin).toFixed(2)} ms`,
      });
    }
    shapes.push({
      kind: "curve",
      meaning: streamId === 0 ? "data" : "push",
      points: stepPoints(curve, x, y, from, to),
      downTo: y(0),
    });
    const last = values[values.length - 1];
    label.append(
      element("span", "faint", `at most ${sizeText(most)}`),
      element("span", "faint last", `at the end ${sizeText(last)}`),
    );
    if (stalls.length > 0) {
      label.append(element("span", "bad", `used up ${stalls.length}\u00d7`));
    }
    made.append(chartElement(shapes, width, CURVE));
    return made;
  }

  /** Selects a range with the pointer; a double click shows the whole time. */
  #listenToOverview(box: HTMLElement): void {
    let from: number | undefined;
    const timeAt = (event: PointerEvent): number => {
      const { left, width } = box.getBoundingClientRect();
      const { begin, end } = this.#connection!;
      const part = Math.min(1, Math.max(0, (event.clientX - left) / width));
      return begin + part * (end - begin);
    };
    box.addEventListener("pointerdown", (event) => {
      if (this.#connection === undefined || event.button !== 0) return;
      from = event.clientX;
      box.setPointerCapture(event.pointerId);
      this.#marked = [timeAt(event), timeAt(event)];
    });
    box.addEventListener("pointermove", (event) => {
      if (from === undefined || this.#marked === undefined) return;
      const { left, width } = box.getBoundingClientRect();
      const { begin, end } = this.#connection!;
      const start = begin +
        Math.min(1, Math.max(0, (from - left) / width)) * (end - begin);
      const time = timeAt(event);
      this.#marked = [Math.min(start, time), Math.max(start, time)];
      this.#drawOverview();
    });
    const stop = (event: PointerEvent, isChosen: boolean): void => {
      const marked = this.#marked;
      const isMove = from !== undefined &&
        Math.abs(event.clientX - from) >= CLICK;
      from = this.#marked = undefined;
      if (marked === undefined) return;
      if (isChosen && isMove) this.#setRange(...marked);
      else this.#drawOverview();
    };
    box.addEventListener("pointerup", (event) => stop(event, true));
    box.addEventListener("pointercancel", (event) => stop(event, false));
    box.addEventListener("dblclick", () => this.#actions.onRange(undefined));
    box.addEventListener("keydown", (event) => {
      if (!event.ctrlKey && !event.metaKey && this.zoom(event.key)) {
        event.preventDefault();
      }
    });
  }
}
