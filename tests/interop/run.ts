/**
 * Tries this module against the real programs and prints a table: peer,
 * version, scenario, result. An argument is a pattern that chooses among them:
 *
 *     deno task interop kubectl
 *
 * A tool that is missing is a skip, said in the table; with CI set it is a
 * failure.
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
import { webSocketClientSuites } from "./web_socket_clients.ts";

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
  new RegExp(Deno.args[0] ?? "", "i"),
);
Deno.exit(passed ? 0 : 1);
