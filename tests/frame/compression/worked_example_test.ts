/**
 * The worked example in `frame/compression/README.md` is real output.
 */

import { assertEquals } from "../../deps.ts";
import { ByteWriter } from "../../../frame/byte_writer.ts";
import { HeaderEncoder } from "../../../frame/header_encoder.ts";
import { type NameValue, PROTO_SPDY3 } from "../../../frame/mod.ts";
import { Inflate, SPDY3_DICTIONARY } from "../../../zlib/mod.ts";
import { DeflateReader, type Token } from "./deflate_reader.ts";

const README = await Deno.readTextFile(
  new URL("../../../frame/compression/README.md", import.meta.url),
);

/** The text block of the page that follows the line which starts with `title`. */
function textAfter(title: string): string {
  const page = README.slice(README.indexOf(`\n${title}`) + 1);
  return page.split("```text\n")[1].split("```")[0];
}

/** The rows of the table of headers, column by column. */
function headersOfBlock(column: 1 | 2): NameValue[] {
  const rows = README.split("\n").filter((line) => /^\| `/.test(line));
  return rows.map((row) => {
    const [, name, value] = /`(:?[^:]+): (.*)`/.exec(row.split("|")[column])!;
    return [name, value];
  });
}

function show(token: Token, output: readonly number[]): string {
  const first = token.start - SPDY3_DICTIONARY.length;
  const range = token.kind === "literal"
    ? `${first}`
    : `${first}..${first + token.length}`;
  const source = token.kind === "match" ? `from ${first - token.distance}` : "";
  const text = output.slice(token.start, token.start + token.length).map((
    byte,
  ) =>
    byte >= 0x20 && byte < 0x7f
      ? String.fromCharCode(byte)
      : byte === 0
      ? "\\0"
      : `\\x${byte.toString(16).padStart(2, "0")}`
  ).join("");
  return [token.kind, range, source, text].filter((part) => part !== "")
    .join(" ");
}

function words(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}

Deno.test("the worked example of header compression is real output", () => {
  const encoder = new HeaderEncoder(PROTO_SPDY3);
  const reader = new DeflateReader(SPDY3_DICTIONARY);
  const inflate = new Inflate({ dictionary: SPDY3_DICTIONARY });
  for (const block of [1, 2] as const) {
    const nv = headersOfBlock(block);
    assertEquals(nv.map(([name]) => name), [":method", ":path", "cookie"]);
    const out = new ByteWriter();
    encoder.encode(nv, out);
    const bytes = out.copy();
    const tokens = reader.read(bytes);
    const shown = tokens.map((token) => show(token, reader.output));
    assertEquals(
      shown.join(" "),
      words(textAfter(`Tokens of block ${block}`)),
    );
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0"));
    assertEquals(hex.join(" "), words(textAfter(`Bytes of block ${block}`)));
    assertEquals(
      [...inflate.push(bytes)],
      reader.output.slice(tokens[0].start),
    );
  }
});
