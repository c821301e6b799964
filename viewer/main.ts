/**
 * The page of captures: reads the capture inside the page, or files that are
 * dropped on it.
 *
 * @module
 */

/// <reference lib="dom" />

import { CaptureReader, KeyLog } from "../capture/mod.ts";
import { drawCurves, drawWaterfall, streamAt } from "./drawing.ts";
import {
  type Connection,
  fieldsOf,
  filterRows,
  hexText,
  Model,
  payloadText,
  type Row,
} from "./model.ts";
import { Table } from "./table.ts";

/** A file to read. */
interface Input {
  readonly name: string;
  readonly bytes: Uint8Array;
}

function find<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

const search = find<HTMLInputElement>("search");
const type = find<HTMLSelectElement>("type");
const stream = find<HTMLInputElement>("stream");
const table = new Table(find("table"), showDetail);
let model = new Model();
let connection: Connection | undefined;

/** A new element with text. What peers sent becomes text only. */
function element(name: string, text: string): HTMLElement {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

async function read(inputs: readonly Input[]): Promise<void> {
  const keys: string[] = [];
  const captures: Input[] = [];
  for (const input of inputs) {
    const head = new TextDecoder().decode(input.bytes.subarray(0, 4096));
    if (/^(CLIENT|SERVER)_[A-Z0-9_]+ [0-9a-f]+ /mi.test(head)) {
      keys.push(new TextDecoder().decode(input.bytes));
    } else captures.push(input);
  }
  model = new Model();
  const reader = new CaptureReader({
    onRecord: (record) => model.add(record),
    onPayload: (payload) => model.addPayload(payload),
  }, { keyLog: new KeyLog(keys.join("\n")) });
  let fault = "";
  try {
    for (const { name, bytes } of captures) {
      reader.begin(name);
      await reader.push(bytes);
      await reader.endFile();
    }
    await reader.end();
  } catch (error) {
    fault = error instanceof Error ? error.message : String(error);
  }
  const names = captures.map(({ name }) => name).join(", ");
  find("status").textContent = [
    `${names}: ${model.connections.size} ${
      model.connections.size === 1 ? "connection" : "connections"
    } with SPDY`,
    fault,
    ...model.warnings,
  ].filter((text) => text !== "").join("; ");
  find("connections").replaceChildren(
    ...[...model.connections.values()].map((found) => {
      const button = element("button", `${found.number}  ${found.title}`);
      button.addEventListener("click", () => choose(found));
      button.dataset.number = String(found.number);
      return button;
    }),
  );
  choose(model.connections.values().next().value);
  document.body.dataset.ready = String(connection?.rows.length ?? 0);
}

function choose(found: Connection | undefined): void {
  connection = found;
  for (const button of find("connections").children) {
    button.toggleAttribute(
      "aria-current",
      (button as HTMLElement).dataset.number === String(found?.number),
    );
  }
  const types = new Set(found?.rows.map((row) => row.type));
  type.replaceChildren(
    new Option("all types", ""),
    ...[...types].sort().map((name) => new Option(name)),
  );
  stream.value = "";
  find("summary").textContent = summaryOf(found);
  draw();
  filter();
}

function summaryOf(found: Connection | undefined): string {
  const summary = found?.summary;
  if (summary === undefined) return "";
  const sides = [summary.fromClient, summary.fromServer].map((side, index) => {
    const { compressed, plain } = side.headers;
    const ratio = plain === 0
      ? ""
      : `, headers ${plain} \u2192 ${compressed} bytes (${
        (100 * compressed / plain).toFixed(0)
      } %)`;
    return `${
      index === 0 ? "client" : "server"
    }: ${side.frames} frames, ${side.bytes} bytes${ratio}`;
  });
  return [`${summary.streams} streams`, ...sides, summary.how].join(" \u00b7 ");
}

function chosenStream(): number | undefined {
  return /^\d+$/.test(stream.value) ? Number(stream.value) : undefined;
}

function draw(): void {
  if (connection === undefined) return;
  const chosen = chosenStream();
  drawWaterfall(find("waterfall"), connection, chosen);
  drawCurves(find("curves"), connection, chosen);
  find("windows").textContent = connection.tracker === undefined
    ? "The capture lacks the beginning of the connection: its windows are unknown."
    : `Window of the server: session (blue)${
      chosen === undefined ? "" : `, stream ${chosen} (violet)`
    }; red where it is used up`;
}

function filter(): void {
  const rows = connection?.rows ?? [];
  const shown = filterRows(rows, search.value, type.value, chosenStream());
  find("count").textContent = `${shown.length} of ${rows.length}`;
  table.show(shown, connection?.begin ?? 0);
  showDetail(undefined);
}

function showDetail(row: Row | undefined): void {
  const detail = find("detail");
  detail.replaceChildren();
  if (row === undefined) return;
  const { record, payload } = row;
  detail.append(element(
    "p",
    `${row.type} ${record.from} \u2192 ${record.to}, packet ${record.packet}, offset ${record.offset}`,
  ));
  const list = document.createElement("dl");
  for (const [name, value] of fieldsOf(record)) {
    list.append(element("dt", name), element("dd", value));
  }
  detail.append(list);
  if (record.kind === "frame" && record.error !== undefined) {
    detail.append(element("p", record.error));
  }
  if (payload !== undefined && payload.length > 0) {
    const pre = element("pre", payloadText(payload));
    const button = element("button", "Hex");
    let isHex = false;
    button.addEventListener("click", () => {
      isHex = !isHex;
      button.textContent = isHex ? "Text" : "Hex";
      pre.textContent = isHex ? hexText(payload) : payloadText(payload);
    });
    detail.append(button, pre);
  }
}

async function readFiles(files: Iterable<File>): Promise<void> {
  const inputs: Input[] = [];
  for (const file of files) {
    inputs.push({
      name: file.name,
      bytes: new Uint8Array(await file.arrayBuffer()),
    });
  }
  if (inputs.length > 0) await read(inputs);
}

find<HTMLInputElement>("file").addEventListener("change", (event) => {
  readFiles((event.target as HTMLInputElement).files ?? []);
});
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  readFiles(event.dataTransfer?.files ?? []);
});
find("filter").addEventListener("input", () => {
  filter();
  draw();
});
find("filter").addEventListener("submit", (event) => event.preventDefault());
find("waterfall").addEventListener("click", (event) => {
  if (connection === undefined) return;
  stream.value = String(streamAt(connection, event.offsetY) ?? "");
  filter();
  draw();
});
addEventListener("keydown", (event) => {
  if (event.key === "/" && !(event.target instanceof HTMLInputElement)) {
    event.preventDefault();
    search.focus();
  } else if (event.key === "Escape") {
    search.value = stream.value = type.value = "";
    filter();
    draw();
    find("table").focus();
  }
});
addEventListener("resize", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

const embedded: { name: string; base64: string }[] = JSON.parse(
  find("capture").textContent || "[]",
);
if (embedded.length > 0) {
  read(embedded.map(({ name, base64 }) => ({
    name,
    bytes: Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)),
  })));
}
