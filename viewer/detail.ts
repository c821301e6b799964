/**
 * The panel of one frame: its fields, headers and payload.
 *
 * @module
 */

/// <reference lib="dom" />

import { percent, sizeText } from "./chart.ts";
import { button, type Content, element, find } from "./dom.ts";
import { kindOf, msText } from "./frames.ts";
import type { Connection, Payload, Row } from "./model.ts";
import {
  formsOf,
  joinPayloads,
  type PayloadForm,
  payloadText,
  unpacked,
} from "./payload_text.ts";

const FORM_NAMES: Readonly<Record<PayloadForm, string>> = {
  json: "JSON",
  text: "Text",
  hex: "Hex",
};

/** Narrowest panel with 16 bytes in a line of hex digits, px. */
const WIDE_ENOUGH = 600;

/** What the panel of a frame can change in the page. */
export interface DetailActions {
  /** Shows only the frames of a stream. */
  chooseStream(streamId: number): void;
  /** Selects another frame. */
  chooseRow(row: Row): void;
}

/** Creates the panel of a frame. */
export function detailOf(
  row: Row,
  connection: Connection,
  actions: DetailActions,
): Content[] {
  const { record, type, streamId, payload } = row;
  const head = element("h3", `type ${kindOf(type)}`, type);
  const contents: Content[] = [head];
  if (record.kind === "note") contents.push(element("p", "", record.text));
  if (record.kind === "head") {
    contents.push(element("p", "line-of-head", record.line));
  }
  if (record.kind === "frame" && record.error !== undefined) {
    contents.push(element("p", "problem", record.error));
  }
  if (streamId !== undefined && streamId > 0) {
    head.append(
      button(
        "link",
        `stream ${streamId}`,
        () => actions.chooseStream(streamId),
      ),
    );
  }
  contents.push(list(fieldsOf(row, connection), "fields"));
  contents.push(...partners(row, connection, actions));
  if (record.kind === "frame" && record.unreadable) {
    contents.push(
      element(
        "p",
        "problem",
        "The headers cannot be read.",
      ),
    );
  }
  if (row.fields.length > 0) {
    contents.push(
      element("h4", "", "Headers"),
      list(row.fields, "headers-list"),
    );
  }
  if (payload !== undefined && (payload.bytes.length > 0 || payload.left > 0)) {
    contents.push(payloadPanel(row, payload, connection));
  }
  return contents;
}

/** The fields of a frame with their names. */
function fieldsOf(row: Row, connection: Connection): [string, string][] {
  const { record } = row;
  const fields: [string, string][] = [
    ["from", `${record.from} (${record.fromClient ? "client" : "server"})`],
  ];
  if (record.packet > 0) {
    fields.push(
      ["time", timeOf(record.time, connection.begin)],
      ["packet", String(record.packet)],
    );
  }
  fields.push(["offset", String(record.offset)]);
  if (record.kind === "note") {
    if (record.skipped > 0) fields.push(["skipped", `${record.skipped} bytes`]);
    return fields;
  }
  fields.push(["length", `${record.length} bytes`]);
  if (record.kind === "head") return fields;
  const words = row.words;
  if (words !== undefined && words.flags.length > 0) {
    fields.push(["flags", words.flags.join(", ")]);
  }
  if (words !== undefined && words.detail !== "") {
    fields.push(["content", words.detail]);
  }
  const { headerBytes, missing } = record;
  if (headerBytes !== undefined) {
    const { plain, compressed } = headerBytes;
    fields.push([
      "compression",
      `${plain} \u2192 ${compressed} bytes, ${percent(plain, compressed)}`,
    ]);
  }
  if (missing > 0) {
    fields.push(["missing", `${missing} bytes are not in the capture`]);
  }
  return fields;
}

/** A time relative to the beginning of the connection, and as time of day. */
function timeOf(time: number, begin: number): string {
  const clock = new Date(time);
  const text = Number.isNaN(clock.getTime())
    ? ""
    : `, ${clock.toISOString().replace("T", " ")}`;
  return `${msText(time - begin)} ms${text}`;
}

/** Buttons for the previous and the next frame of the stream. */
function partners(
  row: Row,
  { rows }: Connection,
  actions: DetailActions,
): Content[] {
  const { streamId } = row;
  if (streamId === undefined || streamId === 0) return [];
  const at = rows.indexOf(row);
  const partner = (step: 1 | -1): Row | undefined => {
    let other = at + step;
    while (rows[other] !== undefined && rows[other].streamId !== streamId) {
      other += step;
    }
    return rows[other];
  };
  const before = partner(-1);
  const next = partner(1);
  const way = (text: string, to: Row | undefined): HTMLElement => {
    const made = button("", text, () => to && actions.chooseRow(to));
    made.toggleAttribute("disabled", to === undefined);
    return made;
  };
  return [
    element(
      "p",
      "ways",
      way("\u2190 earlier in stream", before),
      way("later in stream \u2192", next),
    ),
  ];
}

function list(
  fields: readonly (readonly [name: string, value: string])[],
  className: string,
): HTMLElement {
  return element(
    "dl",
    className,
    ...fields.flatMap(([name, value]) => [
      element("dt", "", name),
      element("dd", "", value),
    ]),
  );
}

/** The payload of a frame, or of all frames of the same stream and direction. */
function payloadPanel(
  row: Row,
  payload: Payload,
  connection: Connection,
): HTMLElement {
  const text = element("pre", "");
  text.tabIndex = 0;
  text.ariaLabel = "Payload";
  const forms = element("span", "choice");
  forms.role = "group";
  const size = element("span", "faint");
  let shown = payload;
  let form: PayloadForm;
  const show = (): void => {
    // Not escaped again: `payloadText` has escaped all that does not print, except for
    // line feeds and tabs.
    const perLine = find("detail").clientWidth < WIDE_ENOUGH ? 8 : 16;
    text.textContent = payloadText(shown, form, perLine);
    text.className = form;
    for (const each of forms.children as Iterable<Element> & HTMLCollection) {
      each.setAttribute(
        "aria-pressed",
        String((each as HTMLElement).dataset.form === form),
      );
    }
    size.textContent = sizeText(shown.bytes.length);
  };
  const use = (next: Payload): void => {
    const inside = unpacked(next);
    unpack.hidden = inside === undefined;
    shown = unpack.ariaPressed === "true" && inside !== undefined
      ? inside
      : next;
    const found = formsOf(shown);
    form = found[0];
    forms.replaceChildren(...found.map((each) => {
      const made = button("", FORM_NAMES[each], () => {
        form = each;
        show();
      });
      made.dataset.form = each;
      return made;
    }));
    show();
  };
  const useChosen = (): void =>
    use(
      whole.ariaPressed === "true" ? payloadOfStream(row, connection) : payload,
    );
  const toggle = (className: string, text: string): HTMLElement => {
    const made = button(className, text, () => {
      made.ariaPressed = String(made.ariaPressed !== "true");
      useChosen();
    });
    return made;
  };
  const unpack = toggle("unpack", "Unpacked");
  unpack.ariaPressed = "true";
  unpack.title = "The decompressed payload";
  const whole = toggle("whole", "Whole stream");
  whole.ariaPressed = "false";
  whole.title = "The payload of all frames of this stream from the same side";
  const save = button("save", "Save", () => saveBytes(shown.bytes, row));
  useChosen();
  return element(
    "div",
    "payload",
    element(
      "p",
      "tools",
      element("h4", "", "Payload"),
      size,
      save,
      element("span", "forms", forms, whole, unpack),
    ),
    text,
  );
}

function payloadOfStream(row: Row, { rows }: Connection): Payload {
  const { fromClient } = row.record;
  return joinPayloads(
    rows.flatMap(({ streamId, record, payload }) =>
      payload !== undefined && streamId === row.streamId &&
        record.fromClient === fromClient
        ? [payload]
        : []
    ),
  );
}

/** Offers bytes as a download. */
function saveBytes(bytes: Uint8Array<ArrayBuffer>, row: Row): void {
  const url = URL.createObjectURL(
    new Blob([bytes], { type: "application/octet-stream" }),
  );
  const link = document.createElement("a");
  link.href = url;
  link.download = `stream-${row.streamId ?? 0}-packet-${row.record.packet}.bin`;
  link.click();
  URL.revokeObjectURL(url);
}
