import {
  readSizes,
  SizeParser,
  type TerminalSize,
} from "../../kubernetes/call/sizes.ts";
import { assertEquals, assertLess } from "../deps.ts";
import { memoryPair } from "../helpers/connections.ts";
import { nextStream } from "../helpers/http.ts";
import { turn, virtualTime } from "../helpers/virtual_time.ts";

type Row = [columns: number, rows: number];

function parse(...pieces: string[]): Row[] {
  const parser = new SizeParser();
  return pieces.flatMap((piece) => parser.push(piece))
    .map(({ columns, rows }) => [columns, rows]);
}

const CASES: [text: string, sizes: Row[]][] = [
  ['{"Width":100,"Height":30}', [[100, 30]]],
  ['{"Height":30,"Width":100}\r\n', [[100, 30]]],
  ['{"Width":1,"Height":2}{"Width":3,"Height":4}', [[1, 2], [3, 4]]],
  // Go's encoding/json accepts names in any case, and uses the last of several.
  ['{"width":80,"HEIGHT":24}', [[80, 24]]],
  ['{"Width":70000,"Width":7,"Height":2}', [[7, 2]]],
  // Braces in strings and in values do not belong to the object.
  ['{"Width":80,"Height":24,"x":"}"}{"Width":81,"Height":24}', [
    [80, 24],
    [81, 24],
  ]],
  ['{"x":"\\"}","Width":5,"Height":6}', [[5, 6]]],
  ['{"Width":5,"Height":6,"x":{"Width":7}}', [[5, 6]]],
  // Anything that is not a size is skipped.
  ['nonsense\n{"Width":100,"Height":30}\n', [[100, 30]]],
  ['}}]"{"Width":100,"Height":30}', [[100, 30]]],
  ['{"Width":{"a":1},"Height":2}{"Width":80,"Height":24}', [[80, 24]]],
  [
    '{"Width":0,"Height":0}{"Width":65536,"Height":1}{"Width":-1,"Height":1}',
    [],
  ],
  [
    '{"Width":"80","Height":"24"}{"Width":1e999,"Height":2}{"Width":1.5,"Height":2}',
    [],
  ],
  ['{"__proto__":{"Width":5,"Height":5}}{}{"Width":5}', []],
];

Deno.test("sizes: they are read whole, byte by byte, and cut anywhere", () => {
  for (const [text, sizes] of CASES) {
    assertEquals(parse(text), sizes, text);
    assertEquals(parse(...text), sizes, text);
    for (let at = 0; at < text.length; at++) {
      assertEquals(parse(text.slice(0, at), text.slice(at)), sizes, text);
    }
  }
});

Deno.test("sizes: an object that does not end is dropped, and the next one is read", () => {
  for (const long of [`{"x":"${"y".repeat(9000)}`, "{".repeat(9000)]) {
    // What began in the middle of it removes some sizes as well.
    const sizes = '{"Width":80,"Height":24}'.repeat(100);
    assertEquals(parse(long + sizes).at(-1), [80, 24]);
    assertEquals(parse(long, ...sizes).at(-1), [80, 24]);
  }
});

Deno.test("sizes: each byte is read once, whatever it is", () => {
  for (const text of ["}", "{", '"', "{}", '{"', '{"a":1}', " ", '{"Width":']) {
    const piece = text.repeat(65536 / text.length);
    const parser = new SizeParser();
    const begin = performance.now();
    // 2 MiB: if the time grew with the square, this would take a minute.
    for (let count = 0; count < 32; count++) parser.push(piece);
    assertLess(performance.now() - begin, 20_000, text);
  }
});

Deno.test("sizes: other tasks run while many bytes wait", async () => {
  using time = virtualTime();
  await using pair = memoryPair({ both: { flowControl: false } });
  const { client, server } = pair;
  const own = await client.openStream([["streamtype", "resize"]]);
  const stream = await nextStream(server);
  await own.write(new TextEncoder().encode("}".repeat(1 << 20)));
  await own.write(new TextEncoder().encode('{"Width":80,"Height":24}'));
  for (let count = 0; count < 20; count++) await turn();
  let size: TerminalSize | undefined;
  const read = readSizes(stream.readable).getReader().read()
    .then(({ value }) => size = value);
  for (let count = 0; count < 20; count++) await turn();
  assertEquals(size, undefined);
  await time.advance(1);
  await read;
  assertEquals(size, { columns: 80, rows: 24 });
});
