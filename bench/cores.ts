/**
 * More than one core: servers in workers share a port, and as many workers are
 * clients.
 *
 * @module
 */

import type { Row, Subject } from "./harness.ts";
import type { Answer, Order } from "./cores_worker.ts";

/** The rows of this family. */
export const rows: readonly Row[] = [{
  name: "serve in two workers, reusePort",
  unit: "req/s",
  ours: () => inWorkers(2),
  peers: [{ name: "in one worker", open: () => inWorkers(1) }],
}];

/** `count` workers serve, and as many send requests. */
async function inWorkers(count: number): Promise<Subject> {
  const servers = makeWorkers(count);
  const clients = makeWorkers(count);
  let port = 0;
  for (const server of servers) {
    ({ figure: port } = await ask(server, { role: "server", port }));
  }
  const addresses = clients.map((client) =>
    ask(client, { role: "client", port })
  );
  await Promise.all(addresses);
  return {
    name: `${count} serving, ${count} asking`,
    // Measured by wall time, because several cores work.
    measuresItself: true,
    async run(milliseconds: number): Promise<number> {
      const answers = await Promise.all(
        clients.map((client) => ask(client, { role: "load", milliseconds })),
      );
      return answers.reduce((sum, { figure }) => sum + figure, 0);
    },
    close(): void {
      for (const worker of [...clients, ...servers]) worker.terminate();
    },
  };
}

function makeWorkers(count: number): Worker[] {
  const url = new URL("cores_worker.ts", import.meta.url);
  return Array.from(
    { length: count },
    () => new Worker(url, { type: "module" }),
  );
}

function ask(worker: Worker, order: Order): Promise<Answer> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<Answer>) => resolve(data);
    worker.onerror = (event) => reject(new Error(event.message));
    worker.postMessage(order);
  });
}
