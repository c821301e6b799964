/**
 * The text of `get -w`, with curl's variables.
 *
 * @module
 */

import { UsageError } from "../command.ts";

/** The values of the variables. */
export interface WriteOutFacts {
  readonly url: string;
  readonly method: string;
  /** `undefined` if there was no response. */
  readonly response: Response | undefined;
  readonly version: string;
  readonly remoteAddr: Deno.Addr | undefined;
  readonly localAddr: Deno.Addr | undefined;
  readonly redirects: number;
  readonly connects: number;
  readonly sizeUpload: number;
  readonly sizeDownload: number;
  /** Time to open the connection, ms; `undefined` if it was not opened. */
  readonly timeConnect: number | undefined;
  /** Times since the request was made, ms; `undefined` if it did not reach this point. */
  readonly timePretransfer: number | undefined;
  readonly timeStarttransfer: number | undefined;
  readonly timeTotal: number;
  readonly error: string | undefined;
}

type Variable = (facts: WriteOutFacts) => string;

function seconds(ms: number | undefined): string {
  return ((ms ?? 0) / 1000).toFixed(6);
}

function part(
  addr: Deno.Addr | undefined,
  name: "hostname" | "port",
): string {
  return addr !== undefined && "hostname" in addr ? String(addr[name]) : "";
}

const VARIABLES: Readonly<Record<string, Variable>> = {
  content_type: ({ response }) => response?.headers.get("content-type") ?? "",
  errormsg: ({ error }) => error ?? "",
  exitcode: ({ error }) => error === undefined ? "0" : "1",
  http_code: ({ response }) => String(response?.status ?? 0).padStart(3, "0"),
  http_version: ({ version }) => version,
  local_ip: ({ localAddr }) => part(localAddr, "hostname"),
  local_port: ({ localAddr }) => part(localAddr, "port"),
  method: ({ method }) => method,
  num_connects: ({ connects }) => String(connects),
  num_headers: ({ response }) => String([...response?.headers ?? []].length),
  num_redirects: ({ redirects }) => String(redirects),
  redirect_url: ({ response, url }) => {
    const location = response?.headers.get("location");
    return location ? URL.parse(location, url)?.href ?? location : "";
  },
  remote_ip: ({ remoteAddr }) => part(remoteAddr, "hostname"),
  remote_port: ({ remoteAddr }) => part(remoteAddr, "port"),
  response_code: (facts) => VARIABLES.http_code(facts),
  scheme: ({ url }) => new URL(url).protocol.slice(0, -1),
  size_download: ({ sizeDownload }) => String(sizeDownload),
  size_upload: ({ sizeUpload }) => String(sizeUpload),
  speed_download: ({ sizeDownload, timeTotal }) =>
    String(timeTotal > 0 ? Math.round(sizeDownload / timeTotal * 1000) : 0),
  time_connect: ({ timeConnect }) => seconds(timeConnect),
  time_pretransfer: ({ timePretransfer }) => seconds(timePretransfer),
  time_starttransfer: ({ timeStarttransfer }) => seconds(timeStarttransfer),
  time_total: ({ timeTotal }) => seconds(timeTotal),
  url_effective: ({ url }) => url,
  json: (facts) =>
    JSON.stringify(
      Object.fromEntries(
        Object.entries(VARIABLES).filter(([name]) => name !== "json")
          .map(([name, variable]) => [name, variable(facts)]),
      ),
    ),
};

const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  "\\": "\\",
};

const TOKEN = /%\{([^}]*)\}|%header\{([^}]*)\}|%%|\\(.)/gs;

/** Creates the text. {@linkcode checkWriteOut} has already refused unknown variables. */
export function writeOut(format: string, facts: WriteOutFacts): string {
  return format.replace(TOKEN, (
    whole,
    variable: string | undefined,
    header: string | undefined,
    escape: string | undefined,
  ) => {
    if (whole === "%%") return "%";
    if (escape !== undefined) return ESCAPES[escape] ?? whole;
    if (header !== undefined) {
      return facts.response?.headers.get(header) ?? "";
    }
    return Object.hasOwn(VARIABLES, variable ?? "")
      ? VARIABLES[variable ?? ""](facts)
      : "";
  });
}

/** Throws {@linkcode UsageError} if the format contains an unknown variable. */
export function checkWriteOut(format: string): void {
  for (const [, variable] of format.matchAll(TOKEN)) {
    if (variable === undefined || Object.hasOwn(VARIABLES, variable)) continue;
    throw new UsageError(
      `--write-out: %{${variable}} is not known; known are ${
        Object.keys(VARIABLES).join(", ")
      }`,
    );
  }
}
