/**
 * A chat over raw streams, without HTTP: each person has a stream, which carries lines
 * in both directions.
 *
 *     deno run --allow-net examples/chat.ts           # the room, on port 8000
 *     deno run --allow-net examples/chat.ts Ann       # Ann, at her keyboard
 *
 * @module
 */

import { accept, connect, type Stream } from "../mod.ts";

const PORT = 8000;
/** Longest line, characters; a longer one arrives in pieces. */
const LONGEST_LINE = 1000;
/** Most lines that wait for a person; with more, the person is disconnected. */
const MOST_WAITING = 100;

interface Member {
  readonly name: string;
  readonly stream: Stream;
  waiting: number;
}

const [name] = Deno.args;
if (name === undefined) await room();
else await person(name);

async function room(): Promise<void> {
  const members = new Set<Member>();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: PORT });
  console.log(`Listening on port ${PORT}`);
  for await (const conn of listener) {
    welcome(conn, members).catch((error) => console.error(error.message));
  }
}

async function welcome(conn: Deno.Conn, members: Set<Member>): Promise<void> {
  for await (const stream of await accept(conn)) {
    seat(stream, members).catch((error) => console.error(error.message));
  }
}

async function seat(stream: Stream, members: Set<Member>): Promise<void> {
  const name = stream.headers.find(([key]) => key === "name")?.[1] ?? "someone";
  await stream.reply([["people", `${members.size}`]]);
  const member: Member = { name, stream, waiting: 0 };
  members.add(member);
  tellAll(members, `* ${name} joined`);
  try {
    for await (const line of lines(stream.readable)) {
      tellAll(members, `${name}: ${line}`);
    }
    await stream.closeWrite();
  } finally {
    members.delete(member);
    tellAll(members, `* ${name} left`);
  }
}

/** Sends a line to all. A person who does not read must neither delay the others nor fill the memory. */
function tellAll(members: Set<Member>, line: string): void {
  const bytes = new TextEncoder().encode(`${line}\n`);
  for (const member of members) {
    if (member.waiting >= MOST_WAITING) {
      member.stream.reset();
      continue;
    }
    member.waiting++;
    member.stream.write(bytes)
      .catch(() => {}) // The person has disconnected, and the loop that reads from them ends.
      .finally(() => member.waiting--);
  }
}

async function person(name: string): Promise<void> {
  await using connection = await connect({ port: PORT });
  const stream = await connection.openStream([["name", name]]);
  const [[, people]] = await stream.response;
  console.log(`${people} here besides you`);
  const speaking = Deno.stdin.readable.pipeTo(stream.writable);
  for await (const line of lines(stream.readable)) console.log(line);
  await speaking;
}

/** `TextLineStream` of @std/streams would keep a line of any length in memory. */
async function* lines(
  bytes: ReadableStream<Uint8Array>,
): AsyncGenerator<string> {
  let rest = "";
  for await (const text of bytes.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
    if (rest.length > LONGEST_LINE) {
      yield rest;
      rest = "";
    }
  }
  if (rest !== "") yield rest;
}
