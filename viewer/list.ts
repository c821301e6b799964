/**
 * A list with only its visible lines in the document.
 *
 * @module
 */

/// <reference lib="dom" />

/** Greatest height of an element, px; browsers support about 17 million. */
const MOST_HEIGHT = 8_000_000;
/** Additional lines above and below the visible ones. */
const MORE = 4;

/** How a line was selected: with an arrow key, a click, or with Enter or a double click. */
export type Choice = "key" | "click" | "enter";

/** How a list shows its items. */
export interface ListOptions<T> {
  /** Height of a line, px. */
  height(): number;
  /** The contents of a line. */
  fill(line: HTMLElement, item: T, index: number): void;
  /** Called when a line is selected. */
  onChoose(item: T, index: number, how: Choice): void;
  /** The role of a line. */
  readonly role: "option" | "row";
}

/**
 * A scrolling list. Its box has the focus: arrows, Page Up, Page Down, Home and End
 * move the selection.
 */
export class List<T> {
  readonly #box: HTMLElement;
  readonly #lines: HTMLElement;
  readonly #options: ListOptions<T>;
  #items: readonly T[] = [];
  #chosen = -1;
  /** The lines in the document, by their items. */
  #drawn = new Map<T, HTMLElement>();

  /** Shows lines in `box`, whose only child contains them. */
  constructor(box: HTMLElement, options: ListOptions<T>) {
    this.#box = box;
    this.#lines = box.firstElementChild as HTMLElement;
    this.#options = options;
    box.addEventListener("scroll", () => this.draw());
    box.addEventListener("keydown", (event) => this.#key(event));
    this.#lines.addEventListener(
      "click",
      (event) => this.#click(event, "click"),
    );
    this.#lines.addEventListener(
      "dblclick",
      (event) => this.#click(event, "enter"),
    );
  }

  /** The items. */
  get items(): readonly T[] {
    return this.#items;
  }

  /** Index of the selected item; -1 for none. */
  get chosen(): number {
    return this.#chosen;
  }

  /** Shows other items; `chosen` is selected and scrolled into view. */
  show(items: readonly T[], chosen = -1): void {
    const isOther = items.length !== this.#items.length ||
      items[0] !== this.#items[0];
    this.#items = items;
    this.#chosen = chosen;
    this.#lines.style.height = `${this.#boxedHeight}px`;
    if (this.#options.role === "row") {
      this.#box.setAttribute("aria-rowcount", String(items.length));
    }
    if (chosen >= 0) this.#scrollTo(chosen);
    else if (isOther) this.#box.scrollTop = 0;
    this.draw();
  }

  /** Selects an item, scrolls to it and calls `onChoose`. */
  choose(index: number, how: Choice = "key"): void {
    if (this.#items.length === 0) return;
    this.#chosen = Math.max(0, Math.min(index, this.#items.length - 1));
    this.#scrollTo(this.#chosen);
    this.draw();
    this.#options.onChoose(this.#items[this.#chosen], this.#chosen, how);
  }

  /**
   * Draws the visible lines again, after their content has changed. A line that
   * looks the same stays in the document: if it is replaced while the button of
   * the mouse is down, there is no click.
   */
  draw(): void {
    const height = this.#options.height();
    const { clientHeight } = this.#box;
    const top = this.#top;
    const first = Math.max(0, Math.floor(top / height) - MORE);
    const end = Math.min(
      this.#items.length,
      Math.ceil((top + clientHeight) / height) + MORE,
    );
    const lines = new Map<T, HTMLElement>();
    for (let index = first; index < end; index++) {
      const item = this.#items[index];
      const line = document.createElement("div");
      line.className = "line";
      line.role = this.#options.role;
      line.id = `${this.#box.id}-${index}`;
      line.dataset.index = String(index);
      line.ariaSelected = String(index === this.#chosen);
      if (this.#options.role === "row") {
        line.setAttribute("aria-rowindex", String(index + 1));
      } else {
        line.ariaPosInSet = String(index + 1);
        line.ariaSetSize = String(this.#items.length);
      }
      line.style.height = `${height}px`;
      line.style.top = `${this.#box.scrollTop + index * height - top}px`;
      this.#options.fill(line, item, index);
      const old = this.#drawn.get(item);
      lines.set(item, old?.isEqualNode(line) ? old : line);
    }
    this.#drawn = lines;
    this.#place([...lines.values()]);
    if (this.#chosen >= first && this.#chosen < end) {
      this.#box.setAttribute(
        "aria-activedescendant",
        `${this.#box.id}-${this.#chosen}`,
      );
    } else this.#box.removeAttribute("aria-activedescendant");
  }

  /** Makes lines the only ones in the document, without touching those that are. */
  #place(lines: readonly HTMLElement[]): void {
    const kept = new Set(lines);
    for (const line of [...this.#lines.children]) {
      if (!kept.has(line as HTMLElement)) line.remove();
    }
    for (const [index, line] of lines.entries()) {
      const there = this.#lines.children[index] ?? null;
      if (there !== line) this.#lines.insertBefore(line, there);
    }
  }

  get #height(): number {
    return this.#items.length * this.#options.height();
  }

  /** Height of the element that contains the lines. */
  get #boxedHeight(): number {
    return Math.min(this.#height, MOST_HEIGHT);
  }

  /** Pixels of the list for each scrolled pixel of the box. */
  get #ratio(): number {
    const { clientHeight } = this.#box;
    const room = this.#boxedHeight - clientHeight;
    return room <= 0 ? 1 : (this.#height - clientHeight) / room;
  }

  /** Pixels of the list above the visible part. */
  get #top(): number {
    return this.#box.scrollTop * this.#ratio;
  }

  #scrollTo(index: number): void {
    const height = this.#options.height();
    const { clientHeight } = this.#box;
    const begin = index * height;
    const top = this.#top;
    if (begin < top) this.#box.scrollTop = begin / this.#ratio;
    else if (begin + height > top + clientHeight) {
      this.#box.scrollTop = (begin + height - clientHeight) / this.#ratio;
    }
  }

  #click(event: Event, how: Choice): void {
    const line = (event.target as Element).closest<HTMLElement>(".line");
    if (line !== null) this.choose(Number(line.dataset.index), how);
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const page = Math.max(
      1,
      Math.floor(this.#box.clientHeight / this.#options.height()) - 1,
    );
    const at = this.#chosen;
    const places: Readonly<Record<string, number>> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      j: at + 1,
      k: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: this.#items.length - 1,
      Enter: Math.max(0, at),
    };
    const place = places[event.key];
    if (place === undefined) return;
    event.preventDefault();
    this.choose(place, event.key === "Enter" ? "enter" : "key");
  }
}
