/** Where `spdy serve` and `spdy proxy` listen, and certificates that change. */

import { CertificateFiles } from "../../cli/certificate.ts";
import { connect } from "../../mod.ts";
import { assertEquals, assertMatch, assertRejects } from "../deps.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { Lines } from "../helpers/lines.ts";
import { run, spawn } from "./process.ts";
import { PORT_IN_USE } from "../helpers/system_texts.ts";
import { unixOnly } from "../helpers/unix_only.ts";

/** Runs a server command; `test` reads its output. */
async function withServer(
  args: readonly string[],
  test: (
    lines: Lines,
    errors: Lines,
    process: Deno.ChildProcess,
  ) => Promise<void>,
): Promise<number> {
  const process = spawn(args);
  const lines = new Lines(process.stdout);
  const errors = new Lines(process.stderr);
  try {
    await test(lines, errors, process);
  } finally {
    process.kill("SIGINT");
  }
  await Promise.all([lines.rest(), errors.rest()]);
  return (await process.status).code;
}

unixOnly.test("serve listens on each address of --listen", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/a`, "text");
  const code = await withServer(
    ["serve", folder, "-l", "0", "--listen", "127.0.0.1:0", "-l[127.0.0.1]:0"],
    async (lines) => {
      const ports = new Set<number>();
      for (let line = 0; line < 3; line++) {
        const [, port] = await lines.find(
          /^Serving .* at spdy:\/\/127\.0\.0\.1:(\d+)\/$/m,
        );
        ports.add(Number(port));
      }
      assertEquals(ports.size, 3);
      for (const port of ports) {
        await using connection = await connect({ hostname: "127.0.0.1", port });
        const response = await connection.fetch("/a");
        assertEquals(await response.text(), "text");
      }
    },
  );
  assertEquals(code, 0);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a port that is in use ends the command", async () => {
  using busy = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = busy.addr as Deno.NetAddr;
  for (const command of [["serve"], ["proxy", "spdy://127.0.0.1:1"]]) {
    const { code, stderr } = await run([
      ...command,
      "-l",
      "0",
      "-l",
      `${port}`,
    ]);
    assertEquals(code, 1, stderr);
    assertMatch(
      stderr,
      new RegExp(`listen on 127.0.0.1:${port}: .*${PORT_IN_USE.source}`),
    );
  }
});

Deno.test("--listen accepts a port with or without an address", async () => {
  const cases: [args: string[], message: RegExp][] = [
    [
      ["-l", "host"],
      /--listen host: write it as 8000, 0\.0\.0\.0:8000 or \[::1\]:8000/,
    ],
    [["-l", "::1:80"], /write it as/],
    [["-l", ":80"], /write it as/],
    [["-l", "[]:80"], /write it as/],
    [["-l", ""], /write it as/],
    [
      ["-l", "127.0.0.1:70000"],
      /--listen 127\.0\.0\.1:70000: the port must be a number from 0 to 65535/,
    ],
    [
      ["-l", "80", "-p", "81"],
      /--listen cannot be combined with --host and --port/,
    ],
    [
      ["-l", "80", "--host", "::1"],
      /--listen cannot be combined with --host and --port/,
    ],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await run(["serve", ...args]);
    assertEquals(code, 2, args.join(" "));
    assertMatch(stderr, message, args.join(" "));
  }
});

unixOnly.test({
  name:
    "a changed certificate is used by new connections, and an invalid one is not",
  // SIGUSR1 triggers it.
  async fn() {
    const folder = await Deno.makeTempDir();
    const files = { cert: `${folder}/cert.pem`, key: `${folder}/key.pem` };
    const write = async (pair: { cert: string; key: string }) => {
      await Deno.writeTextFile(files.cert, pair.cert);
      await Deno.writeTextFile(files.key, pair.key);
    };
    const [first, second] = [await makeCertificate(), await makeCertificate()];
    const tls = [
      "-l",
      "0",
      "-l",
      "0",
      "--cert",
      files.cert,
      "--key",
      files.key,
    ];
    const servers = [
      ["serve", folder, ...tls],
      ["proxy", "http://127.0.0.1:1", ...tls],
      ["proxy", "spdy://127.0.0.1:1", ...tls],
    ];
    for (const args of servers) {
      await write(first);
      const code = await withServer(
        args,
        async (lines, errors, process) => {
          const ports: number[] = [];
          for (let index = 0; index < 2; index++) {
            const [, port] = await lines.find(
              /(?:at|HTTP at) \w+:\/\/127\.0\.0\.1:(\d+)\//,
            );
            ports.push(Number(port));
          }
          const shakeHands = async (caCert: string): Promise<void> => {
            for (const port of ports) {
              using conn = await Deno.connectTls({
                hostname: "localhost",
                port,
                caCerts: [caCert],
              });
              await conn.handshake();
            }
          };
          await shakeHands(first.caCert);
          // The key does not match the certificate, so the old pair stays in
          // use.
          await write({ cert: second.cert, key: first.key });
          process.kill("SIGUSR1");
          await errors.find(
            /the server keeps its current certificate: .*cert\.pem/,
          );
          await shakeHands(first.caCert);
          await write(second);
          process.kill("SIGUSR1");
          await lines.find(/Using the new certificate/);
          await shakeHands(second.caCert);
          await assertRejects(() => shakeHands(first.caCert));
        },
      );
      assertEquals(code, 0);
    }
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test("invalid certificate files are reported once, and used when they are valid", async () => {
  const folder = await Deno.makeTempDir();
  const [cert, key] = [`${folder}/cert.pem`, `${folder}/key.pem`];
  const [first, second] = [await makeCertificate(), await makeCertificate()];
  await Deno.writeTextFile(cert, first.cert);
  await Deno.writeTextFile(key, first.key);
  const used: string[] = [];
  let refuses = false;
  const user = {
    setCertificate(certificate: { cert: string }): void {
      if (refuses) throw new Error("not now");
      used.push(certificate.cert);
    },
  };
  const files = await CertificateFiles.open(cert, key);
  assertEquals(files.current, { cert: first.cert, key: first.key });
  await files.reload([user]);
  assertEquals(used, []);
  await Deno.writeTextFile(cert, "half of it");
  await files.reload([user]);
  // Its key is still the old one.
  await Deno.writeTextFile(cert, second.cert);
  await files.reload([user]);
  await Deno.writeTextFile(key, second.key);
  refuses = true;
  await files.reload([user]);
  assertEquals(files.current.cert, first.cert);
  refuses = false;
  await files.reload([user, user]);
  assertEquals(used, [second.cert, second.cert]);
  assertEquals(files.current.cert, second.cert);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a certificate that was read late does not replace a newer one", async () => {
  const folder = await Deno.makeTempDir();
  const [cert, key] = [`${folder}/cert.pem`, `${folder}/key.pem`];
  const pairs = await Promise.all([1, 2, 3].map(() => makeCertificate()));
  const write = async (index: number) => {
    await Deno.writeTextFile(cert, pairs[index].cert);
    await Deno.writeTextFile(key, pairs[index].key);
  };
  await write(0);
  const files = await CertificateFiles.open(cert, key);
  const used: string[] = [];
  const user = {
    setCertificate(certificate: { cert: string }): void {
      used.push(certificate.cert);
    },
  };
  await write(1);
  const hasRead = Promise.withResolvers<void>();
  const mayEnd = Promise.withResolvers<void>();
  const { readTextFile } = Deno;
  Deno.readTextFile = async (path) => {
    const text = await readTextFile(path);
    if (path === key) {
      hasRead.resolve();
      await mayEnd.promise;
    }
    return text;
  };
  let late: Promise<void>;
  try {
    late = files.reload([user]);
    await hasRead.promise;
  } finally {
    Deno.readTextFile = readTextFile;
  }
  await write(2);
  await files.reload([user]);
  mayEnd.resolve();
  await late;
  assertEquals(used, [pairs[2].cert]);
  assertEquals(files.current.cert, pairs[2].cert);
  await Deno.remove(folder, { recursive: true });
});
