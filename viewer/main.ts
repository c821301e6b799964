/**
 * The page of captures: reads the captures inside the page, or files that are
 * dropped on it.
 *
 * @module
 */

/// <reference lib="dom" />

import { printable } from "../values.ts";
import { detailOf } from "./detail.ts";
import { button, element, find, setColours } from "./dom.ts";
import { frameList } from "./frames.ts";
import {
  type Contents,
  type Input,
  inputOf,
  isKeyLog,
  readCaptures,
} from "./input.ts";
import { List } from "./list.ts";
import { sizeText } from "./chart.ts";
import { type Connection, filterRows, Model, type Row } from "./model.ts";
import { summaryDetails, summaryTiles } from "./summary.ts";
import { TimeView } from "./time_view.ts";
import type { Range } from "./waterfall.ts";

/** Wait for more letters of a search, ms. */
const TYPING = 120;

const search = find<HTMLInputElement>("search");
const type = find<HTMLSelectElement>("type");
const side = find<HTMLSelectElement>("side");
const stream = find<HTMLInputElement>("stream");
const onlyBad = find<HTMLInputElement>("bad");
const help = find<HTMLDialogElement>("help");
const detail = find("detail");

let captures: readonly Input[] = [];
let keyLogs: Input[] = [];
let reading: AbortController | undefined;
let model = new Model();
let connection: Connection | undefined;
let range: Range | undefined;

const connections = new List<Connection>(find("connections"), {
  role: "option",
  height: () => 66,
  fill: fillConnection,
  onChoose: (found) => {
    if (found !== connection) choose(found);
  },
});
const table = frameList(
  find("table"),
  () => connection?.begin ?? 0,
  (row, how) => {
    if (how === "enter" && row.streamId) chooseStream(row.streamId);
    showDetail(row);
  },
);
const timeView = new TimeView({
  onStream: chooseStream,
  onRange(next): void {
    range = next;
    update();
  },
});

/** Reads the captures again with all known keys. */
async function read(): Promise<void> {
  reading?.abort();
  const stop = reading = new AbortController();
  const names = captures.map(({ name }) => name).join(", ");
  const setStatus = (text: string): void => {
    find("status").replaceChildren(element("span", "", `${names}: ${text}`));
  };
  delete document.body.dataset.ready;
  setStatus("reading\u2026");
  document.body.classList.add("is-reading");
  let contents: Contents;
  try {
    contents = await readCaptures(captures, keyLogs, (part) => {
      setStatus(`reading, ${(100 * part).toFixed(0)} %`);
    }, stop.signal);
  } catch (error) {
    if (stop.signal.aborted) return;
    throw error;
  }
  document.body.classList.remove("is-reading");
  model = contents.model;
  const count = model.connections.size;
  const others = [...contents.others].map(([what, times]) =>
    `${times} with ${what}`
  );
  document.title = `${printable(names)} \u2013 SPDY capture`;
  setStatus(
    `${count} ${count === 1 ? "connection" : "connections"} with SPDY${
      others.length === 0 ? "" : `; others: ${others.join(", ")}`
    }`,
  );
  showWarnings(
    count > 0 ? model.warnings : [
      ...model.warnings,
      `${names}: no SPDY was found${
        contents.others.has("TLS")
          ? "; if it is inside TLS, drop the key log on the page as well"
          : ""
      }`,
    ],
  );
  document.body.classList.toggle("is-empty", count === 0);
  const found = [...model.connections.values()];
  find("connections-count").textContent = String(count);
  const digits = String(found.at(-1)?.number ?? 0).length;
  find("connections").style.setProperty("--digits", String(digits));
  choose(found[0]);
  connections.show(found, found.length === 0 ? -1 : 0);
  document.body.dataset.ready = String(connection?.rows.length ?? 0);
}

function showWarnings(warnings: readonly string[]): void {
  const box = find("warnings");
  box.hidden = warnings.length === 0;
  box.replaceChildren(...warnings.map((text) => element("li", "", text)));
}

function fillConnection(line: HTMLElement, found: Connection): void {
  const { number, client, server, streams, faults, begin, end } = found;
  const { fromClient, fromServer } = found.summary ?? {};
  const bytes = (fromClient?.bytes ?? 0) + (fromServer?.bytes ?? 0);
  line.append(
    element("b", "", String(number)),
    element("span", "ends", client),
    element(
      "span",
      "ends to",
      server === "" ? "one direction" : `\u2192 ${server}`,
    ),
    element(
      "span",
      "faint",
      `${streams.size} ${streams.size === 1 ? "stream" : "streams"} \u00b7 ${
        sizeText(bytes)
      } \u00b7 ${((end - begin) / 1000).toFixed(2)} s`,
    ),
  );
  if (faults > 0) {
    const badge = element("span", "badge", String(faults));
    badge.title = `${faults} problems: resets, and what could not be read`;
    line.append(badge);
  }
}

function choose(found: Connection | undefined): void {
  connection = found;
  range = undefined;
  const types = new Set(found?.rows.map((row) => row.type));
  type.replaceChildren(
    new Option("all types", ""),
    ...[...types].sort().map((name) => new Option(name, name)),
  );
  clearInputs();
  if (found === undefined) return;
  find("title").replaceChildren(
    element("span", "number", String(found.number)),
    element(
      "span",
      "",
      found.server === ""
        ? found.client
        : `${found.client} \u2192 ${found.server}`,
    ),
  );
  if (!found.isComplete) {
    find("title").append(
      element("span", "badge", "its beginning is not in the capture"),
    );
  }
  find("summary").replaceChildren(...summaryTiles(found));
  timeView.show(found);
  update();
}

function clearInputs(): void {
  search.value =
    stream.value =
    type.value =
    side.value =
      "";
  onlyBad.checked = false;
}

function chosenStream(): number | undefined {
  return /^\d+$/.test(stream.value.trim())
    ? Number(stream.value.trim())
    : undefined;
}

function chooseStream(id: number | undefined): void {
  stream.value = id === undefined ? "" : String(id);
  update();
}

/** Shows the frames that pass the filters. */
function update(): void {
  timeView.update(chosenStream(), range);
  filter();
}

function filter(): void {
  const rows = connection?.rows ?? [];
  const before = table.items[table.chosen];
  const shown = filterRows(rows, {
    search: search.value,
    type: type.value,
    side: side.value,
    stream: chosenStream(),
    onlyBad: onlyBad.checked,
    range,
  });
  find("count").textContent = shown.length === rows.length
    ? String(rows.length)
    : `${shown.length} of ${rows.length}`;
  find("clear").hidden = shown.length === rows.length;
  find("frames").classList.toggle("is-empty", shown.length === 0);
  const kept = before === undefined ? -1 : shown.indexOf(before);
  table.show(shown, kept);
  if (kept < 0) showDetail(undefined);
}

function showDetail(row: Row | undefined): void {
  detail.classList.toggle("has-frame", row !== undefined);
  detail.scrollTop = 0;
  if (connection === undefined) return;
  if (row === undefined) {
    detail.replaceChildren(
      element("h3", "", "Connection"),
      element("p", "faint", "Choose a frame to see its headers and payload."),
      ...summaryDetails(connection),
    );
    return;
  }
  const close = button("close", "\u00d7", () => {
    table.show(table.items);
    showDetail(undefined);
    find("table").focus();
  });
  close.ariaLabel = "Close";
  detail.replaceChildren(
    close,
    ...detailOf(row, connection, {
      chooseStream,
      chooseRow(other): void {
        if (!table.items.includes(other)) clearFilters();
        table.choose(table.items.indexOf(other));
      },
    }),
  );
}

function clearFilters(): void {
  clearInputs();
  range = undefined;
  update();
}

/** Selects the next or previous line with a problem. */
function nextProblem(step: 1 | -1): void {
  const rows = table.items;
  const first = step < 0 && table.chosen < 0 ? rows.length : table.chosen;
  for (let at = first + step; at >= 0 && at < rows.length; at += step) {
    if (rows[at].isBad) {
      table.choose(at);
      return;
    }
  }
}

async function open(files: readonly File[]): Promise<void> {
  const opened = files.map((file): Input => ({
    name: file.name,
    size: file.size,
    read: async (begin, end) =>
      new Uint8Array(await file.slice(begin, end).arrayBuffer()),
  }));
  const found: Input[] = [];
  const keys: Input[] = [];
  for (const input of opened) {
    // A folder or a deleted file cannot be read; `readCaptures` reports it later.
    const isKeys = await isKeyLog(input).catch(() => false);
    (isKeys ? keys : found).push(input);
  }
  if (found.length > 0) {
    captures = found;
    keyLogs = keys;
  } else keyLogs = [...keyLogs, ...keys];
  if (captures.length > 0) await read();
  else if (keys.length > 0) {
    find("status").textContent = "The key log was read. Now drop the capture.";
  }
}

function listen(): void {
  const input = find<HTMLInputElement>("file");
  input.addEventListener("change", () => {
    const files = [...input.files ?? []];
    // Allows choosing the same file again.
    input.value = "";
    open(files);
  });
  addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("is-dropping");
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) {
      document.body.classList.remove("is-dropping");
    }
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("is-dropping");
    open([...event.dataTransfer?.files ?? []]);
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(filter, TYPING);
  });
  for (const each of [type, side, onlyBad]) {
    each.addEventListener("change", filter);
  }
  stream.addEventListener("input", update);
  find("filter").addEventListener("submit", (event) => event.preventDefault());
  find("clear").addEventListener("click", clearFilters);
  find("help-button").addEventListener("click", () => help.showModal());
  addEventListener("keydown", onKey);
  // The charts depend on the width, and the number of visible lines on the height.
  new ResizeObserver(() => {
    timeView.draw();
    table.draw();
    connections.draw();
  }).observe(find("view"));
}

function onKey(event: KeyboardEvent): void {
  if (
    event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey
  ) {
    return;
  }
  const target = event.target as HTMLElement;
  const isTyping = target.matches("input:not([type=checkbox]), select");
  if (event.key === "Escape") {
    if (help.open) return;
    if (detail.classList.contains("has-frame") && !isTyping) {
      detail.querySelector<HTMLElement>(".close")?.click();
    } else {
      clearFilters();
      find("table").focus();
    }
    return;
  }
  if (isTyping || help.open) {
    // Moves from the search to its results.
    if (target === search && event.key === "ArrowDown") {
      event.preventDefault();
      find("table").focus();
      table.choose(0);
    }
    return;
  }
  const actions: Readonly<Record<string, () => void>> = {
    "/": () => search.focus(),
    "?": () => help.showModal(),
    n: () => connections.choose(connections.chosen + 1),
    p: () => connections.choose(connections.chosen - 1),
    e: () => nextProblem(1),
    E: () => nextProblem(-1),
    "[": () => timeView.zoom("ArrowLeft"),
    "]": () => timeView.zoom("ArrowRight"),
  };
  const action = actions[event.key];
  if (action !== undefined) action();
  else if (!/^[+=\-0]$/.test(event.key) || !timeView.zoom(event.key)) return;
  event.preventDefault();
}

/** Decodes base64 from the page. */
function fromBase64(text: string): Uint8Array {
  if (Reflect.has(Uint8Array, "fromBase64")) return Uint8Array.fromBase64(text);
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] = characters.charCodeAt(at);
  }
  return bytes;
}

setColours();
listen();
const embedded: { name: string; base64: string }[] = JSON.parse(
  find("capture").textContent || "[]",
);
if (embedded.length > 0) {
  captures = embedded.map(({ name, base64 }) =>
    inputOf(name, fromBase64(base64))
  );
  read();
}
