/**
 * The head of the PROXY protocol, versions 1 and 2, as defined in HAProxy's
 * `doc/proxy-protocol.txt`. With it, a load balancer that forwards bytes tells the
 * server the address of the client. No I/O.
 *
 * @module
 */

import { ERR_PROTO, InvalidArgumentError, SpdyError } from "../../errors.ts";
import { checkPort, checkWhole } from "../../numbers.ts";
import { checkBytes, checkNames, type Names, show } from "../../values.ts";
import { formatAddress, IPV4_LENGTH, parseAddress } from "./ip_address.ts";

/**
 * A type-length-value field of a PROXY head (version 2, section 2.2).
 *
 * @category Server
 */
export interface ProxyTlv {
  /** Type, 0..255, such as 1 (ALPN), 2 (host name, from SNI), 5 (unique id), 0x20 (TLS). */
  readonly type: number;
  /** Content, at most 65535 bytes. */
  readonly value: Uint8Array;
}

/**
 * The head that a load balancer sends before a connection's bytes (PROXY protocol).
 *
 * @category Server
 */
export interface ProxyHead {
  /** Version of the protocol: 1 is text, 2 is binary. */
  readonly version: 1 | 2;
  /**
   * Whether the connection comes from the balancer itself, for example for a health
   * check; then there are no addresses.
   */
  readonly local: boolean;
  /** The client's address; `undefined` if the balancer does not report it. */
  readonly source: Deno.NetAddr | Deno.UnixAddr | undefined;
  /** The address to which the client connected; `undefined` if the balancer does not report it. */
  readonly destination: Deno.NetAddr | Deno.UnixAddr | undefined;
  /**
   * Further fields, in order; version 1 has none. The checksum is verified and not
   * included, and neither is padding.
   */
  readonly tlvs: readonly ProxyTlv[];
}

/** Longest head that is read, bytes. Real heads take 28 to some hundred. */
export const MAX_PROXY_HEAD: number = 16 * 1024;

const SIGNATURE = new TextEncoder().encode("\r\n\r\n\0\r\nQUIT\n");
/** Bytes before the addresses of version 2. */
const FIXED = 16;
const PREFIX = new TextEncoder().encode("PROXY ");
/** Longest line of version 1 (section 2.1). */
const LONGEST_LINE = 107;
/** `PROXY UNKNOWN` and CR LF. */
const SHORTEST_LINE = 15;
const CR = 0x0d;
const LF = 0x0a;

const VERSION_2 = 0x20;
const COMMAND_LOCAL = 0;
const COMMAND_PROXY = 1;
/** Family and protocol in one byte. */
const TCP4 = 0x11;
const TCP6 = 0x21;
const UNIX_STREAM = 0x31;
/** Length of the addresses, by family, bytes. */
const ADDRESS_LENGTHS = [0, 12, 36, 216];
const UNIX_PATH_LENGTH = 108;

const TLV_CRC32C = 0x03;
const TLV_NOOP = 0x04;
/** Type and length of a TLV. */
const TLV_HEAD = 3;
const CRC_LENGTH = 4;

/** The result of {@linkcode readProxyHead}. */
export type ProxyHeadResult =
  | { readonly head: ProxyHead; readonly length: number }
  /** At least this number of bytes is missing. */
  | { readonly missing: number }
  /** The bytes are not the beginning of a head. */
  | "none";

/**
 * Reads a head at the start of `data`.
 *
 * Throws `SpdyError` (`ERR_PROTO`, `"remote"`) for a malformed head, and for one
 * that is longer than {@linkcode MAX_PROXY_HEAD}.
 */
export function readProxyHead(data: Uint8Array): ProxyHeadResult {
  if (data.length === 0) return { missing: SHORTEST_LINE };
  if (beginsAs(data, SIGNATURE)) return readBinary(data);
  if (beginsAs(data, PREFIX)) return readText(data);
  return "none";
}

/** Whether `data` and `pattern` are equal for the length of the shorter one. */
function beginsAs(data: Uint8Array, pattern: Uint8Array): boolean {
  const length = Math.min(data.length, pattern.length);
  for (let i = 0; i < length; i++) {
    if (data[i] !== pattern[i]) return false;
  }
  return true;
}

function malformed(what: string): SpdyError {
  return new SpdyError(`the PROXY head is malformed: ${what}`, ERR_PROTO, {
    initiator: "remote",
  });
}

function readText(data: Uint8Array): ProxyHeadResult {
  const end = data.subarray(0, LONGEST_LINE).indexOf(LF);
  if (end === -1) {
    if (data.length >= LONGEST_LINE) {
      throw malformed(`its line is longer than ${LONGEST_LINE} bytes`);
    }
    const unended = data[data.length - 1] === CR ? 1 : 2;
    return { missing: Math.max(unended, SHORTEST_LINE - data.length) };
  }
  const line = String.fromCharCode(...data.subarray(PREFIX.length, end + 1));
  if (!line.endsWith("\r\n")) throw malformed("its line does not end in CR LF");
  const [family, ...words] = line.slice(0, -2).split(" ");
  const length = end + 1;
  // Rule: the text after UNKNOWN is ignored (section 2.1).
  if (family === "UNKNOWN") {
    return { head: headOf(1, undefined, undefined), length };
  }
  const size = family === "TCP4" ? 4 : family === "TCP6" ? 16 : 0;
  if (size === 0 || words.length !== 4) {
    throw malformed(
      "it names neither TCP4 nor TCP6 with two addresses and two ports",
    );
  }
  const [from, to, fromPort, toPort] = words;
  return {
    head: headOf(
      1,
      netAddr(textAddress(from, size), textPort(fromPort)),
      netAddr(textAddress(to, size), textPort(toPort)),
    ),
    length,
  };
}

function textAddress(text: string, size: number): Uint8Array {
  const bytes = parseAddress(text);
  if (bytes?.length !== size) {
    throw malformed("an address is not a valid IP address");
  }
  return bytes;
}

/** Rule: decimal, no leading zeros (section 2.1). */
function textPort(text: string): number {
  const port = Number(text);
  if (!/^(?:0|[1-9]\d{0,4})$/.test(text) || port > 0xffff) {
    throw malformed("a port is not a number from 0 to 65535");
  }
  return port;
}

function readBinary(data: Uint8Array): ProxyHeadResult {
  if (data.length < FIXED) return { missing: FIXED - data.length };
  const command = data[12] ^ VERSION_2;
  // Rule: another version or command is refused (section 2.2).
  if (command !== COMMAND_LOCAL && command !== COMMAND_PROXY) {
    throw malformed(`version and command are 0x${data[12].toString(16)}`);
  }
  const [family, protocol] = [data[13] >> 4, data[13] & 0xf];
  if (family > 3 || protocol > 2) {
    throw malformed(`family and protocol are 0x${data[13].toString(16)}`);
  }
  const length = FIXED + (data[14] << 8 | data[15]);
  if (length > MAX_PROXY_HEAD) {
    throw malformed(`${length} bytes are more than ${MAX_PROXY_HEAD}`);
  }
  if (data.length < length) return { missing: length - data.length };
  const isLocal = command === COMMAND_LOCAL;
  const room = ADDRESS_LENGTHS[family];
  if (length - FIXED < room) {
    // Rule: the addresses of LOCAL are ignored (section 2.2).
    if (isLocal) return { head: localHead(), length };
    throw malformed("it is too short for its addresses");
  }
  const head = data.subarray(0, length);
  const tlvs = readTlvs(head, FIXED + room);
  if (isLocal) return { head: { ...localHead(), tlvs }, length };
  const addresses = head.subarray(FIXED, FIXED + room);
  // Rule: the addresses of an unsupported combination are ignored (section 2.2).
  const [source, destination] = data[13] === TCP4 || data[13] === TCP6
    ? readAddresses(addresses)
    : data[13] === UNIX_STREAM
    ? readPaths(addresses)
    : [];
  return { head: { ...headOf(2, source, destination), tlvs }, length };
}

function readAddresses(data: Uint8Array): Deno.NetAddr[] {
  const size = (data.length - 4) / 2;
  const port = (at: number): number => data[at] << 8 | data[at + 1];
  return [
    netAddr(data.subarray(0, size), port(2 * size)),
    netAddr(data.subarray(size, 2 * size), port(2 * size + 2)),
  ];
}

function readPaths(data: Uint8Array): Deno.UnixAddr[] {
  return [0, UNIX_PATH_LENGTH].map((start) => {
    const field = data.subarray(start, start + UNIX_PATH_LENGTH);
    const end = field.indexOf(0);
    const path = new TextDecoder().decode(
      end < 0 ? field : field.subarray(0, end),
    );
    return { transport: "unix", path };
  });
}

function readTlvs(head: Uint8Array, start: number): ProxyTlv[] {
  const tlvs: ProxyTlv[] = [];
  for (let at = start; at < head.length;) {
    const content = at + TLV_HEAD;
    const end = content + (head[at + 1] << 8 | head[at + 2]);
    if (!(end <= head.length)) throw malformed("a TLV is longer than the head");
    const type = head[at];
    if (type === TLV_CRC32C) checkChecksum(head, content, end);
    else if (type !== TLV_NOOP) {
      tlvs.push({ type, value: head.slice(content, end) });
    }
    at = end;
  }
  return tlvs;
}

/** Rule: the checksum covers the whole head, with zeros in its own place (section 2.2.4). */
function checkChecksum(head: Uint8Array, start: number, end: number): void {
  if (end - start !== CRC_LENGTH) {
    throw malformed("its checksum is not 4 bytes");
  }
  const zeroed = head.slice();
  zeroed.fill(0, start, end);
  const view = new DataView(head.buffer, head.byteOffset + start, CRC_LENGTH);
  if (view.getUint32(0) !== crc32c(zeroed)) {
    throw malformed("its checksum is wrong");
  }
}

/** CRC-32C (RFC 9260 appendix A). */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) {
      crc = crc >>> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function headOf(
  version: 1 | 2,
  source: ProxyHead["source"],
  destination: ProxyHead["destination"],
): ProxyHead {
  return { version, local: false, source, destination, tlvs: [] };
}

function localHead(): ProxyHead {
  return { ...headOf(2, undefined, undefined), local: true };
}

function netAddr(address: Uint8Array, port: number): Deno.NetAddr {
  return { transport: "tcp", hostname: formatAddress(address), port };
}

/**
 * The address of one end of a connection, from a PROXY head.
 *
 * @category Connection
 */
export interface ProxyEndpoint {
  /** IP address. */
  readonly hostname: string;
  /** TCP port, 0..65535. */
  readonly port: number;
}

/**
 * The PROXY head that a client sends before anything else.
 *
 * @category Connection
 */
export interface ProxyProtocolOptions {
  /** Version of the protocol, 1 or 2; default 2. */
  readonly version?: 1 | 2;
  /** The client's address for the server; default: that of this side. */
  readonly source?: ProxyEndpoint;
  /** The address to which the client connected; default: that of the peer. */
  readonly destination?: ProxyEndpoint;
  /** Further fields; version 2 only. */
  readonly tlvs?: readonly ProxyTlv[];
  /**
   * Whether this program itself connects, for example for a health check, so that
   * the head has no addresses; default false.
   */
  readonly local?: boolean;
}

const PROXY_PROTOCOL_NAMES: Names<ProxyProtocolOptions> = {
  version: true,
  source: true,
  destination: true,
  tlvs: true,
  local: true,
};

/**
 * Throws `InvalidArgumentError` for options that a head cannot contain.
 */
export function checkProxyProtocol(options: ProxyProtocolOptions): void {
  if (typeof options !== "object" || options === null) {
    throw new InvalidArgumentError(
      `proxyProtocol ${show(options)} is not an object`,
    );
  }
  checkNames("proxyProtocol", options, PROXY_PROTOCOL_NAMES);
  const { version = 2, source, destination, tlvs = [] } = options;
  if (version !== 1 && version !== 2) {
    throw new InvalidArgumentError(
      `proxyProtocol.version ${show(version)} is neither 1 nor 2`,
    );
  }
  if (version === 1 && tlvs.length > 0) {
    throw new InvalidArgumentError(
      "proxyProtocol.tlvs need version 2: version 1 has none",
    );
  }
  for (const { type, value } of tlvs) {
    checkWhole("the type of a TLV", type, 0, 0xff);
    checkBytes("the value of a TLV", value);
  }
  const [from, to] = [
    endpointBytes("source", source),
    endpointBytes("destination", destination),
  ];
  if (from !== undefined && to !== undefined && from.length !== to.length) {
    throw new InvalidArgumentError(
      "proxyProtocol: source and destination are not both IPv4 or both IPv6",
    );
  }
  const size = tlvs.reduce(
    (sum, { value }) => sum + TLV_HEAD + value.length,
    FIXED + ADDRESS_LENGTHS[2],
  );
  if (size > MAX_PROXY_HEAD) {
    throw new InvalidArgumentError(
      `proxyProtocol: a head of ${size} bytes is longer than ${MAX_PROXY_HEAD}`,
    );
  }
}

function endpointBytes(
  name: string,
  endpoint: ProxyEndpoint | undefined,
): Uint8Array | undefined {
  if (endpoint === undefined) return undefined;
  checkPort(`proxyProtocol.${name}.port`, endpoint.port, 0);
  const { hostname } = endpoint;
  const bytes = typeof hostname === "string"
    ? parseAddress(hostname)
    : undefined;
  if (bytes !== undefined) return bytes;
  throw new InvalidArgumentError(
    `proxyProtocol.${name}.hostname ${show(hostname)} is not an IP address`,
  );
}

/**
 * Encodes a head. Addresses that are not in the options are those of the
 * connection. If one is unknown, or they have different families, the head contains
 * none.
 */
export function encodeProxyHead(
  options: ProxyProtocolOptions,
  localAddr?: Deno.Addr,
  remoteAddr?: Deno.Addr,
): Uint8Array {
  const { version = 2, local = false, tlvs = [] } = options;
  const source = options.source ?? endpointOf(localAddr);
  const destination = options.destination ?? endpointOf(remoteAddr);
  const from = endpointBytes("source", source);
  const to = endpointBytes("destination", destination);
  const known = !local && from !== undefined && to !== undefined &&
    from.length === to.length;
  if (version === 1) {
    const text = known
      ? `TCP${from.length === IPV4_LENGTH ? 4 : 6} ${formatAddress(from)} ${
        formatAddress(to)
      } ${source?.port} ${destination?.port}`
      : "UNKNOWN";
    return new TextEncoder().encode(`PROXY ${text}\r\n`);
  }
  const ports = [source?.port ?? 0, destination?.port ?? 0];
  const body = [
    ...(known
      ? [...from, ...to, ...ports.flatMap((port) => [port >> 8, port & 0xff])]
      : []),
    ...tlvs.flatMap(({ type, value }) => [
      type,
      value.length >> 8,
      value.length & 0xff,
      ...value,
    ]),
  ];
  return Uint8Array.from([
    ...SIGNATURE,
    VERSION_2 | (local ? COMMAND_LOCAL : COMMAND_PROXY),
    known ? (from.length === IPV4_LENGTH ? TCP4 : TCP6) : 0,
    body.length >> 8,
    body.length & 0xff,
    ...body,
  ]);
}

function endpointOf(addr: Deno.Addr | undefined): ProxyEndpoint | undefined {
  if (addr === undefined || !("port" in addr) || !("hostname" in addr)) {
    return undefined;
  }
  const hostname = addr.hostname.replace(/%.*$/, "");
  return parseAddress(hostname) === undefined
    ? undefined
    : { hostname, port: addr.port };
}
