/**
 * The names of SPDY in HTTP/1.1's `Upgrade` header: `SPDY/3.1`, `SPDY/3`,
 * `SPDY/2`.
 *
 * @module
 */

import { InvalidArgumentError, UnsupportedVersionError } from "../../errors.ts";
import type { ProtocolVersion } from "../../frame/constants.ts";
import { SERVER } from "../../session/constants.ts";
import { getNpnProtocols, npnGetVersion } from "../../session/npn.ts";
import { checkSideAndVersion } from "../../session/options.ts";
import { show } from "../../values.ts";

/** A protocol name and its version. */
export interface UpgradeToken {
  /** As the client or server wrote it. */
  readonly name: string;
  readonly version: ProtocolVersion;
}

/** The headers of an HTTP/1.1 message that concern an upgrade. */
export interface UpgradeHeaders {
  readonly connection?: string;
  readonly upgrade?: string;
}

/** All versions, best first. */
export const ALL_VERSIONS: readonly ProtocolVersion[] = getNpnProtocols()
  .map(npnGetVersion).filter((version) => version !== 0);

/**
 * Checks the option `versions` of a server.
 *
 * Throws `InvalidArgumentError` for an empty list, with which no client could connect,
 * and `UnsupportedVersionError` for an unknown version.
 */
export function checkVersions(versions: readonly ProtocolVersion[]): void {
  if (!Array.isArray(versions) || versions.length === 0) {
    throw new InvalidArgumentError(
      `versions ${
        show(versions)
      } is not a list with at least one version, such as [PROTO_SPDY3_1]`,
    );
  }
  for (const each of versions) checkSideAndVersion(SERVER, each);
}

/** The version of a protocol name in upper or lower case; 0 for an unknown name. */
export function versionOfToken(name: string): ProtocolVersion | 0 {
  return npnGetVersion(name.trim().toLowerCase());
}

/** The protocol name of a version. */
export function tokenOf(version: ProtocolVersion): string {
  const name = getNpnProtocols().find((each) =>
    npnGetVersion(each) === version
  );
  if (name === undefined) {
    throw new UnsupportedVersionError(`there is no SPDY version ${version}`);
  }
  return name.toUpperCase();
}

/** The protocol in `versions` to which a request wants to upgrade; `undefined` if there is none. */
export function readToken(
  headers: UpgradeHeaders,
  versions: readonly ProtocolVersion[],
): UpgradeToken | undefined {
  return namesUpgrade(headers.connection)
    ? chooseToken(headers.upgrade, versions)
    : undefined;
}

/**
 * The first name in an `Upgrade` header that is in `versions`. The sender lists its
 * preferred protocol first (RFC 9110 7.8).
 */
export function chooseToken(
  header: string | undefined,
  versions: readonly ProtocolVersion[],
): UpgradeToken | undefined {
  for (const part of (header ?? "").split(",")) {
    const version = versionOfToken(part);
    if (version !== 0 && versions.includes(version)) {
      return { name: part.trim(), version };
    }
  }
  return undefined;
}

/** What is wrong with a message that does not upgrade to one of the `wanted` protocols: the end of an error's text. */
export function wrongUpgrade(
  { connection, upgrade }: UpgradeHeaders,
  wanted: readonly string[],
): string {
  if (upgrade === undefined) {
    return "has no header upgrade, which names the protocol";
  }
  return namesUpgrade(connection)
    ? `names the protocol ${upgrade}, not ${wanted.join(" or ")}`
    : `has the header upgrade, but not "connection: Upgrade"`;
}

/** Whether a `Connection` header names `upgrade` (RFC 9110 7.8). */
export function namesUpgrade(header: string | undefined): boolean {
  return (header ?? "").split(",")
    .some((part) => part.trim().toLowerCase() === "upgrade");
}
