import {
  parseCall,
  readPorts,
  type StreamingCall,
} from "../../kubernetes/call/call.ts";
import { assertEquals } from "../deps.ts";

function parse(path: string): unknown {
  const call = parseCall(new Request(`http://127.0.0.1${path}`));
  if (call === undefined) return undefined;
  const { request: _request, ...rest } = call;
  return rest;
}

Deno.test("an API server's exec is parsed", () => {
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

Deno.test("a kubelet's exec has other names for its streams", () => {
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

Deno.test("a kubelet's paths may contain the UID of the pod", () => {
  const parts = (path: string): unknown[] => {
    const { kind, namespace, pod, uid, container } = parse(
      path,
    ) as StreamingCall;
    return [kind, namespace, pod, uid, container];
  };
  for (const kind of ["exec", "attach"]) {
    assertEquals(parts(`/${kind}/shop/web/7b%2F1/main?command=ls`), [
      kind,
      "shop",
      "web",
      "7b/1",
      "main",
    ]);
    assertEquals(
      parts(`/${kind}/shop/web/main`),
      [kind, "shop", "web", undefined, "main"],
    );
  }
  assertEquals(
    parts("/portForward/shop/web/7b"),
    ["portforward", "shop", "web", "7b", ""],
  );
});

Deno.test("the ports of a port-forward without SPDY are parsed", () => {
  const cases: [query: string, ports: number[]][] = [
    ["", []],
    ["ports=80", [80]],
    ["ports=80&ports=443", [80, 443]],
    ["ports=80,443", [80, 443]],
    ["port=8080", [8080]],
    ["ports=", [NaN]],
    ["ports=80,,1e3,-1,0x50", [80, NaN, NaN, NaN, NaN]],
    ["ports=0&ports=99999", [0, 99999]],
  ];
  for (const [query, ports] of cases) {
    const url = `http://127.0.0.1/portforward/x?${query}`;
    assertEquals(readPorts(new Request(url)), ports, query);
  }
});

Deno.test("a flag is true unless it is missing, 0 or false, as in an API server", () => {
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

Deno.test("port-forward works on the paths of all three servers", () => {
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

Deno.test("a path that names no exec, attach or port-forward is not a call", () => {
  const paths = [
    "/",
    "/exec",
    "/exec/a/b/c/d/e",
    "/portForward/a/b/c/d",
    "/api/v1/namespaces/shop/pods/web",
    "/api/v1/namespaces/shop/pods/web/log",
    "/api/v1/namespaces/shop/pods/%zz/exec",
  ];
  for (const path of paths) assertEquals(parse(path), undefined);
});
