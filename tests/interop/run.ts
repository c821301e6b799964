/**
 * Runs this module against the real programs and prints a table: peer, version,
 * scenario, result. The first argument is a pattern that selects peers, and the
 * second one selects scenarios:
 *
 *     deno task interop kubectl
 *     deno task interop "Netty|Jetty" push
 *
 * If a tool is missing, the table says that its scenarios were skipped. With CI
 * set, this is a failure.
 *
 * @module
 */

import { autobahnSuite } from "./autobahn.ts";
import { commandLineSuites } from "./command_line.ts";
import { faultSuite } from "./faults.ts";
import { haproxySuite } from "./haproxy.ts";
import { npmSuites } from "./npm.ts";
import { pageSuite } from "./page.ts";
import { javaSuites } from "./java.ts";
import { runSuites } from "./report.ts";
import { kubernetesClientSuite } from "./kubernetes_client.ts";
import { kubernetesServerSuite } from "./kubernetes_server.ts";
import { kubectlReleaseSuites, kubectlSuite } from "./kubectl.ts";
import { spdystreamSuites } from "./spdystream.ts";
import { tsharkSuite } from "./tshark.ts";
import { webSocketClientSuites } from "./websocket_clients.ts";

const passed = await runSuites(
  [
    ...spdystreamSuites,
    kubernetesClientSuite,
    kubernetesServerSuite,
    kubectlSuite,
    ...kubectlReleaseSuites,
    ...webSocketClientSuites,
    autobahnSuite,
    tsharkSuite,
    pageSuite,
    haproxySuite,
    ...javaSuites,
    ...npmSuites,
    ...commandLineSuites,
    faultSuite,
  ],
  { peer: Deno.args[0], scenario: Deno.args[1] },
);
Deno.exit(passed ? 0 : 1);
