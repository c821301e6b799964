/**
 * Upgrades of HTTP/1.1, such as WebSockets, through two proxies with SPDY between
 * them. SPDY has no upgrade: the first proxy sends a POST with the header
 * {@linkcode UPGRADE}; the second one asks its server for the upgrade and answers
 * with the same header. The bodies then carry the bytes of both directions. A
 * server that does not know the header answers without it, and the upgrade is
 * refused.
 *
 * @module
 */

/** Contains the protocol of the upgrade, or `none` in an answer that refuses it. */
export const UPGRADE = "spdy-proxy-upgrade";

/** The value of {@linkcode UPGRADE} in the answer of a server that refuses. */
export const REFUSED = "none";
