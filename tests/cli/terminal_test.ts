import { assertEquals, assertMatch, assertStringIncludes } from "../deps.ts";
import {
  printable,
  printableJson,
  red,
  show,
  showJson,
  showLines,
} from "../../cli/terminal.ts";
import { httpPair } from "../helpers/http.ts";
import { run } from "./process.ts";

/** Every character that could control a terminal, or reverse or hide text. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
/** Text that a terminal would take for a title, a colour, a movement, or a right-to-left name. */
const HOSTILE =
  "\x1b]0;title\x07\x1b[31m\x9b2J\x85\x00\x7f\u061c\u202e\u2066\u200b\u2028\u2029\u2060\u{e0041}\ud800";

Deno.test("all control and format characters are escaped, and nothing else is changed", () => {
  for (let code = 0; code <= 0x10ffff; code++) {
    const char = String.fromCodePoint(code);
    const text = printable(char);
    if (!UNSAFE.test(char)) assertEquals(text, char);
    else assertMatch(text, /^(\\x[0-9a-f]{2}|\\u\{[0-9a-f]{3,6}\})$/);
  }
  assertEquals(
    printable(HOSTILE),
    "\\x1b]0;title\\x07\\x1b[31m\\x9b2J\\x85\\x00\\x7f\\u{61c}\\u{202e}\\u{2066}\\u{200b}\\u{2028}\\u{2029}\\u{2060}\\u{e0041}\\u{d800}",
  );
});

Deno.test("JSON escapes them in its own way, with the same meaning", () => {
  const text = printableJson({ [HOSTILE]: [HOSTILE] });
  assertEquals(UNSAFE.test(text), false);
  assertStringIncludes(text, "\\u009b2J\\u0085");
  assertStringIncludes(text, "\\udb40\\udc41");
  assertEquals(JSON.parse(text), { [HOSTILE]: [HOSTILE] });
  assertEquals(showJson("\x9b").toString(), `"\\u009b"`);
});

Deno.test("a line keeps the colours of this program and escapes those of others", () => {
  const line = show`a ${red("b\x1b[0m")} ${"\x1b[32mc"} ${4}`.toString();
  assertStringIncludes(line, "b\\x1b[0m");
  assertStringIncludes(line, " \\x1b[32mc 4");
  assertEquals(showLines("a\n\tb\x1b").toString(), "a\n\\x09b\\x1b");
});

Deno.test("only one file of the command line prints, and it prints only escaped text", async () => {
  const folder = new URL("../../cli/", import.meta.url);
  const files = [new URL("../../cli.ts", import.meta.url)];
  const search = async (place: URL): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(place)) {
      if (isDirectory) await search(new URL(`${name}/`, place));
      else if (name !== "terminal.ts") files.push(new URL(name, place));
    }
  };
  await search(folder);
  const payload = ["payloadOut", "payloadError"];
  const payloadWriters = [
    "get/run.ts",
    "exec.ts",
    // The page of a capture, for a file or a program.
    "decode.ts",
    "decode/follow.ts",
  ];
  for (const file of files) {
    const text = await Deno.readTextFile(file);
    const name = file.pathname.slice(folder.pathname.length);
    // Other ways of writing, and text that is declared safe without a check.
    for (
      const way of [
        /\bconsole\b/,
        /\bDeno\s*\.\s*std(out|err)\b/,
        /\bnode:(process|tty|console)\b/,
        /\b(alert|prompt|confirm)\(/,
        /\bnew Shown\b/,
        /\/dev\/(tty|std)/,
        /@std\/fmt@1\/colors/,
      ]
    ) assertEquals(way.test(text), false, `${name}: ${way}`);
    if (!payloadWriters.includes(name)) {
      for (const each of payload) {
        assertEquals(text.includes(each), false, `${name}: ${each}`);
      }
    }
  }
  assertEquals(files.length > 10, true);
});

/** Answers every request with these bytes, then closes the connection. */
function answering(answer: string): Deno.TcpListener {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  (async () => {
    for await (const conn of listener) {
      await conn.read(new Uint8Array(16384));
      const bytes = Uint8Array.from(answer, (char) => char.charCodeAt(0));
      await conn.write(bytes);
      await conn.closeWrite();
      while (await conn.read(new Uint8Array(16384)) !== null);
      conn.close();
    }
  })().catch(() => {});
  return listener;
}

Deno.test("a refusal cannot control the terminal through its reason, its headers or its body", async () => {
  const body = "no \x1b]0;title\x07\x9b31m";
  const status = JSON.stringify({ kind: "Status", message: body });
  const head = (length: number): string =>
    `HTTP/1.1 403 Forbidden\r\nContent-Length: ${length}\r\n\r\n`;
  const answers: [answer: string, says: RegExp][] = [
    ["HTTP/1.1 403 \x1b]0;title\x07\r\nContent-Length: 0\r\n\r\n", /403/],
    ["HTTP/1.1 \x1b]0;title\x07\r\n\r\n", /cannot be read|closed/],
    ["HTTP/1.1 101 x\r\nUpgrade: \x9b31m\r\nConnection: Upgrade\r\n\r\n", /./],
    ["HTTP/1.1 403 x\r\n\x1b[31m: y\r\n\r\n", /cannot be read|closed/],
    [head(body.length) + body, /no \\x1b\]0;title\\x07|403/],
    [head(status.length) + status, /no \\x1b\]0;title\\x07|403/],
  ];
  for (const [answer, says] of answers) {
    using listener = answering(answer);
    const { port } = listener.addr;
    const api = `http://127.0.0.1:${port}`;
    for (
      const args of [
        ["get", `spdy+upgrade://127.0.0.1:${port}/`],
        ["exec", "-s", api, "pod", "--", "ls"],
        ["port-forward", "-s", api, "--transport", "spdy", "pod", "0:80"],
      ]
    ) {
      const { code, stdout, stderr } = await run(args);
      assertEquals(code, 1, args[0]);
      assertEquals(UNSAFE.test((stdout + stderr).replaceAll("\n", "")), false);
      assertMatch(stderr, says);
      assertEquals(stderr.includes("TypeError"), false);
    }
  }
});

Deno.test("get -v and --json escape a server's headers", async () => {
  await using pair = await httpPair(() =>
    new Response("body", { headers: { "x-name": "\xc2\x9b31m\xe2\x80\xae" } })
  );
  const url = `spdy://127.0.0.1:${pair.server.addr.port}/`;
  for (const flag of ["-v", "--json"]) {
    const { code, stdout, stderr } = await run(["get", flag, url]);
    assertEquals(code, 0);
    assertEquals(UNSAFE.test((stdout + stderr).replaceAll("\n", "")), false);
    assertStringIncludes(stdout + stderr, flag === "-v" ? "\\x9b31m" : "31m");
  }
});

Deno.test("there are no colours in a pipe, on standard output or standard error", async () => {
  for (const args of [["--help"], ["get"], ["get", "spdy://127.0.0.1:1/"]]) {
    const { stdout, stderr } = await run(args, { env: { NO_COLOR: "" } });
    const text = `${stdout}${stderr}`;
    assertMatch(text, /spdy|refused/);
    assertEquals(text.includes("\x1b"), false, JSON.stringify(text));
  }
});
