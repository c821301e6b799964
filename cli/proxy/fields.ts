/**
 * The header fields that a proxy passes on, drops and adds (RFC 9110, 7.6).
 *
 * @module
 */

/** Header fields in their order; a name may be there several times. */
export type Fields = [name: string, value: string][];

/**
 * Fields that belong to one connection and end with it (RFC 9110, 7.6.1).
 * `content-length` is not among them: it belongs to the message.
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

/** The fields without those of the connection they were received on. */
export function passedOn(fields: Fields): Fields {
  const dropped = new Set(OF_CONNECTION);
  for (const [name, value] of fields) {
    if (name.toLowerCase() !== "connection") continue;
    for (const named of value.split(",")) {
      dropped.add(named.trim().toLowerCase());
    }
  }
  // What ends with a message is never named by `connection`.
  dropped.delete("content-length");
  return fields.filter(([name]) => !dropped.has(name.toLowerCase()));
}

/** The value of the first field of that name, in lower case. */
export function valueOf(fields: Fields, name: string): string | undefined {
  return fields.find(([other]) => other.toLowerCase() === name)?.[1];
}

/** The fields but those of that name, in lower case. */
export function without(fields: Fields, name: string): Fields {
  return fields.filter(([other]) => other.toLowerCase() !== name);
}

/** `node:http`'s list of names and values in turn. */
export function fromRaw(raw: readonly string[]): Fields {
  return Array.from(
    { length: raw.length / 2 },
    (_, index) => [raw[2 * index], raw[2 * index + 1]],
  );
}

/** The fields of `headers`, each `set-cookie` by itself. */
export function fromHeaders(headers: Headers): Fields {
  const fields: Fields = [];
  // Not by its iterator, which copies the list at each step.
  headers.forEach((value, name) => fields.push([name, value]));
  return fields;
}

/** Who asked, and how, for the server behind the proxy. */
export interface Asked {
  /** The client's address, without port. */
  readonly from: string;
  /** The host that it asked for, as typed: `host[:port]`. */
  readonly host: string;
  /** How it connected. */
  readonly proto: "http" | "https";
}

/**
 * The fields with those added that name the client: `x-forwarded-for`,
 * `x-forwarded-host`, `x-forwarded-proto`, and `forwarded` (RFC 7239). The
 * address is added behind those of earlier proxies; host and protocol are those of
 * the first proxy.
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

/** An address as RFC 7239, section 6 writes it. */
function quoted(address: string): string {
  if (address.includes(":")) return `"[${address}]"`;
  return /^[\w.-]+$/.test(address) ? address : JSON.stringify(address);
}

/**
 * The fields with a `location` that leads to the server behind the proxy leading
 * to the proxy instead.
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
