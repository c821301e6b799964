/**
 * The header fields that a proxy forwards, drops and adds (RFC 9110, 7.6).
 *
 * @module
 */

import { withBrackets } from "../../connection/transport/host_name.ts";

/** Header fields in order; names can be repeated. */
export type Fields = [name: string, value: string][];

/**
 * Fields that concern one connection only (RFC 9110, 7.6.1). `content-length` is
 * not one of them, because it concerns the message.
 */
const OF_CONNECTION = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** The fields without those of the connection on which they were received. */
export function passedOn(fields: Fields): Fields {
  const dropped = new Set(OF_CONNECTION);
  for (const [name, value] of fields) {
    if (name.toLowerCase() !== "connection") continue;
    for (const named of value.split(",")) {
      dropped.add(named.trim().toLowerCase());
    }
  }
  // `connection` must not remove a field that the message needs.
  dropped.delete("content-length");
  return fields.filter(([name]) => !dropped.has(name.toLowerCase()));
}

/** The value of the first field of that name, which is in lower case. */
export function valueOf(fields: Fields, name: string): string | undefined {
  return fields.find(([other]) => other.toLowerCase() === name)?.[1];
}

/** The fields without those of that name, which is in lower case. */
export function without(fields: Fields, name: string): Fields {
  return fields.filter(([other]) => other.toLowerCase() !== name);
}

/** Converts `node:http`'s list of alternating names and values. */
export function fromRaw(raw: readonly string[]): Fields {
  return Array.from(
    { length: raw.length / 2 },
    (_, index) => [raw[2 * index], raw[2 * index + 1]],
  );
}

/** The fields of `headers`, with a separate field for each `set-cookie`. */
export function fromHeaders(headers: Headers): Fields {
  const fields: Fields = [];
  // Not by the iterator, which copies the list for each step.
  headers.forEach((value, name) => fields.push([name, value]));
  return fields;
}

/** The client and its connection, for the server behind the proxy. */
export interface Asked {
  /** The client's address, without the port. */
  readonly from: string;
  /** The host that the client requested: `host[:port]`. */
  readonly host: string;
  /** The protocol of the client's connection. */
  readonly proto: "http" | "https";
}

/**
 * Adds the fields that describe the client: `x-forwarded-for`, `x-forwarded-host`,
 * `x-forwarded-proto`, and `forwarded` (RFC 7239). The address is added after those
 * of earlier proxies; host and protocol are those that the first proxy reported.
 */
export function withForwarded(fields: Fields, asked: Asked): Fields {
  const { from, host, proto } = asked;
  const earlier = (name: string): string[] =>
    fields.filter(([other]) => other.toLowerCase() === name)
      .map(([, value]) => value);
  const element = `for=${quoted(from)};host=${
    JSON.stringify(host)
  };proto=${proto}`;
  const added = new Map([
    ["x-forwarded-for", [...earlier("x-forwarded-for"), from].join(", ")],
    ["x-forwarded-host", earlier("x-forwarded-host")[0] ?? host],
    ["x-forwarded-proto", earlier("x-forwarded-proto")[0] ?? proto],
    ["forwarded", [...earlier("forwarded"), element].join(", ")],
  ]);
  return [
    ...fields.filter(([name]) => !added.has(name.toLowerCase())),
    ...added,
  ];
}

/** An address in the form of RFC 7239, section 6. */
function quoted(address: string): string {
  if (address.includes(":")) return `"${withBrackets(address)}"`;
  return /^[\w.-]+$/.test(address) ? address : JSON.stringify(address);
}

/**
 * Replaces a `location` that leads to the server behind the proxy by one that leads
 * to the proxy.
 *
 * @param behind origin of the server behind the proxy
 * @param front origin under which the client reaches the proxy
 */
export function withLocation(
  fields: Fields,
  behind: string,
  front: string,
): Fields {
  return fields.map(([name, value]) => {
    if (name.toLowerCase() !== "location") return [name, value];
    const url = URL.parse(value);
    if (url === null || url.origin !== behind) return [name, value];
    return [name, front + url.pathname + url.search + url.hash];
  });
}
