import { MOST_RANGES, multipart, requestedRanges } from "../../cli/ranges.ts";
import { assertEquals } from "../deps.ts";

function ranges(text: string, size: number): unknown {
  const found = requestedRanges(new Headers({ range: text }), size);
  return Array.isArray(found)
    ? found.map(({ begin, end }) => [begin, end])
    : found;
}

Deno.test("ranges of an empty file and with huge numbers are handled", () => {
  assertEquals(ranges("bytes=0-", 0), "unsatisfiable");
  assertEquals(ranges("bytes=-5", 0), "unsatisfiable");
  assertEquals(ranges("bytes=-0", 10), "unsatisfiable");
  assertEquals(ranges(`bytes=${"9".repeat(400)}-`, 10), "unsatisfiable");
  assertEquals(ranges(`bytes=-${"9".repeat(400)}`, 10), [[0, 10]]);
  assertEquals(ranges(`bytes=3-${"9".repeat(400)}`, 10), [[3, 10]]);
});

Deno.test("several ranges keep their order, and those after the end are left out", () => {
  assertEquals(ranges("bytes=0-1,4-5", 10), [[0, 2], [4, 6]]);
  assertEquals(ranges("bytes=8-,-1 ,\t0-0", 10), [[8, 10], [9, 10], [0, 1]]);
  assertEquals(ranges("bytes=2-3,10-,20-30", 10), [[2, 4]]);
  assertEquals(ranges("bytes=10-,20-30", 10), "unsatisfiable");
});

Deno.test("an invalid list, too many ranges or ranges longer than the file get the whole file", () => {
  for (
    const text of [
      "bytes=",
      "bytes=-",
      "bytes=0-1,",
      "bytes=0-1,x",
      "bytes=0-1,5-4",
      "bytes=0-1;4-5",
      "bytes=0-9,0-0",
      "bytes=0-,0-,0-",
      "lines=0-1,4-5",
    ]
  ) assertEquals(ranges(text, 10), undefined, text);
  const single = (count: number): string =>
    `bytes=${Array.from({ length: count }, (_, at) => `${at}-${at}`)}`;
  assertEquals(
    (ranges(single(MOST_RANGES), 1000) as unknown[]).length,
    MOST_RANGES,
  );
  assertEquals(ranges(single(MOST_RANGES + 1), 1000), undefined);
});

Deno.test("a multipart body has a head before each range, and its length is right", () => {
  const body = multipart(
    [{ begin: 0, end: 2 }, { begin: 4, end: 9 }],
    { type: "text/plain", size: 10 },
    "b",
  );
  assertEquals(body.contentType, "multipart/byteranges; boundary=b");
  const decoder = new TextDecoder();
  const text = body.parts.map((part) =>
    part instanceof Uint8Array
      ? decoder.decode(part)
      : "0123456789".slice(part.begin, part.end)
  ).join("");
  assertEquals(
    text,
    [
      "--b",
      "content-type: text/plain",
      "content-range: bytes 0-1/10",
      "",
      "01",
      "--b",
      "content-type: text/plain",
      "content-range: bytes 4-8/10",
      "",
      "45678",
      "--b--",
      "",
    ].join("\r\n"),
  );
  assertEquals(body.length, text.length);
});
