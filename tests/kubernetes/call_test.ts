import { assertEquals } from "../deps.ts";
import { parseCall } from "../../kubernetes/server/call.ts";

function parse(path: string): unknown {
  const call = parseCall(new Request(`http://127.0.0.1${path}`));
  if (call === undefined) return undefined;
  const { request: _request, ...rest } = call;
  return rest;
}

Deno.test("an API server's exec", () => {
  assertEquals(
    parse(
      "/api/v1/namespaces/shop/pods/web%2F1/exec?command=ls&command=-l&container=main&stdin=true&stdout=true&tty=true",
    ),
    {
      kind: "exec",
      namespace: "shop",
      pod: "web/1",
      container: "main",
      command: ["ls", "-l"],
      stdin: true,
      stdout: true,
      stderr: false,
      tty: true,
    },
  );
});

Deno.test("a kubelet's exec names its streams otherwise", () => {
  assertEquals(
    parse("/exec/shop/web/main?command=ls&input=1&output=1&error=1"),
    {
      kind: "exec",
      namespace: "shop",
      pod: "web",
      container: "main",
      command: ["ls"],
      stdin: true,
      stdout: true,
      stderr: true,
      tty: false,
    },
  );
});

Deno.test("a flag is true unless it is absent, 0 or false, as an API server reads it", () => {
  const flags: [query: string, expected: boolean][] = [
    ["", false],
    ["stdin=0", false],
    ["stdin=false", false],
    ["stdin=FALSE", false],
    ["stdin=0&stdin=1", false],
    ["stdin", true],
    ["stdin=", true],
    ["stdin=1", true],
    ["stdin=yes", true],
    ["stdin=T", true],
    ["stdin=no", true],
    ["stdin=00", true],
    ["stdin=1&stdin=0", true],
    ["input=1", true],
    ["stdin=0&input=1", true],
  ];
  for (const [query, expected] of flags) {
    const call = parse(`/exec/token?command=x&${query}`);
    assertEquals((call as { stdin: boolean }).stdin, expected, query);
  }
});

Deno.test("port-forward on the paths of all three", () => {
  const paths = [
    "/api/v1/namespaces/shop/pods/web/portforward",
    "/portForward/shop/web",
    "/portforward/web",
  ];
  for (const path of paths) {
    const call = parse(path) as { kind: string; pod: string };
    assertEquals([call.kind, call.pod], ["portforward", "web"]);
  }
});

Deno.test("other paths are no calls", () => {
  const paths = [
    "/",
    "/exec",
    "/exec/a/b/c/d",
    "/api/v1/namespaces/shop/pods/web",
    "/api/v1/namespaces/shop/pods/web/log",
    "/api/v1/namespaces/shop/pods/%zz/exec",
  ];
  for (const path of paths) assertEquals(parse(path), undefined);
});
