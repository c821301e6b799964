/**
 * A list of frames of which only the visible lines are in the document.
 *
 * @module
 */

/// <reference lib="dom" />

import type { Row } from "./model.ts";

const HEIGHT = 22;

/** The table of frames. */
export class Table {
  readonly #box: HTMLElement;
  readonly #list: HTMLElement;
  readonly #onChoose: (row: Row | undefined) => void;
  #rows: readonly Row[] = [];
  #begin = 0;
  #chosen = -1;

  /** Shows lines in `box`, whose child is as high as all lines. */
  constructor(box: HTMLElement, onChoose: (row: Row | undefined) => void) {
    this.#box = box;
    this.#list = box.firstElementChild as HTMLElement;
    this.#onChoose = onChoose;
    box.addEventListener("scroll", () => this.#draw());
    box.addEventListener("keydown", (event) => this.#key(event));
    box.addEventListener("click", (event) => {
      const y = event.clientY - this.#list.getBoundingClientRect().top;
      this.choose(Math.floor(y / HEIGHT));
    });
  }

  /** Shows other lines; times count from `begin`. */
  show(rows: readonly Row[], begin: number): void {
    this.#rows = rows;
    this.#begin = begin;
    this.#chosen = -1;
    this.#list.style.height = `${rows.length * HEIGHT}px`;
    this.#box.scrollTop = 0;
    this.#draw();
  }

  /** Chooses a line by its index and scrolls to it; -1 chooses none. */
  choose(index: number): void {
    this.#chosen = Math.min(index, this.#rows.length - 1);
    const top = this.#chosen * HEIGHT;
    const { scrollTop, clientHeight } = this.#box;
    if (this.#chosen >= 0) {
      if (top < scrollTop) this.#box.scrollTop = top;
      else if (top + HEIGHT > scrollTop + clientHeight) {
        this.#box.scrollTop = top + HEIGHT - clientHeight;
      }
    }
    this.#draw();
    this.#onChoose(this.#rows[this.#chosen]);
  }

  #key(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor(this.#box.clientHeight / HEIGHT) - 1);
    const steps: Record<string, number> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -this.#rows.length,
      End: this.#rows.length,
    };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.choose(Math.max(0, this.#chosen + step));
  }

  #draw(): void {
    const first = Math.max(0, Math.floor(this.#box.scrollTop / HEIGHT) - 5);
    const count = Math.ceil(this.#box.clientHeight / HEIGHT) + 10;
    const lines = this.#rows.slice(first, first + count).map((row, index) =>
      this.#line(row, first + index)
    );
    this.#list.replaceChildren(...lines);
  }

  #line({ record, type, text }: Row, index: number): HTMLElement {
    const line = document.createElement("div");
    const isBad = record.kind === "frame"
      ? record.error !== undefined || record.type === "RST_STREAM"
      : record.kind === "note" && record.isError;
    line.className = isBad ? "row bad" : "row";
    line.role = "option";
    line.style.top = `${index * HEIGHT}px`;
    line.setAttribute("aria-selected", String(index === this.#chosen));
    const stream = record.kind === "frame" ? record.streamId : undefined;
    for (
      const cell of [
        record.fromClient ? "\u2192" : "\u2190",
        (record.time - this.#begin).toFixed(1),
        type,
        stream === undefined ? "" : String(stream),
        record.kind === "note" ? "" : String(record.length),
        text.slice(0, 500),
      ]
    ) {
      const span = document.createElement("span");
      span.textContent = cell;
      line.append(span);
    }
    return line;
  }
}
