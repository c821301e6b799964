/**
 * The certificate of a server, which is read again when its files change.
 *
 * @module
 */

import { createPrivateKey, X509Certificate } from "node:crypto";
import { reasonOf, UsageError } from "./command.ts";
import { readCertificates, readKey } from "./pem.ts";
import { print, printError, show } from "./terminal.ts";

/** How often the files are read again, ms. */
const INTERVAL = 10_000;

/** A certificate chain and its private key (PEM). */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** A server that can change its certificate. */
export interface CertificateUser {
  setCertificate(certificate: Certificate): void;
}

/** A certificate file and a key file. */
export class CertificateFiles {
  readonly #certFile: string;
  readonly #keyFile: string;
  #current: Certificate;
  /** The last reported failure; each failure is reported once. */
  #reported = "";
  /** Number of times the files were read, and the one whose result is used. */
  #readings = 0;
  #used = 0;

  private constructor(
    certFile: string,
    keyFile: string,
    current: Certificate,
  ) {
    this.#certFile = certFile;
    this.#keyFile = keyFile;
    this.#current = current;
  }

  /** Reads both files. Throws `UsageError` if one of them contains no PEM. */
  static async open(
    certFile: string,
    keyFile: string,
  ): Promise<CertificateFiles> {
    const current = await readBoth(certFile, keyFile);
    return new CertificateFiles(certFile, keyFile, current);
  }

  /** The last valid content of the files. */
  get current(): Certificate {
    return this.#current;
  }

  /**
   * Reads the files again, and passes a changed certificate to all `users`. If the
   * files are invalid or do not match, it prints the reason, and the servers keep
   * the previous certificate, because another program may be replacing the files.
   */
  async reload(users: readonly CertificateUser[]): Promise<void> {
    const reading = ++this.#readings;
    try {
      const read = await readBoth(this.#certFile, this.#keyFile);
      // A later reading was faster, and its result is newer.
      if (reading < this.#used) return;
      this.#used = reading;
      const { cert, key } = this.#current;
      if (read.cert !== cert || read.key !== key) {
        for (const user of users) user.setCertificate(read);
        this.#current = read;
        print(show`Using the new certificate of ${this.#certFile}`);
      }
      this.#reported = "";
    } catch (error) {
      const reason = reasonOf(error);
      if (reason === this.#reported) return;
      this.#reported = reason;
      printError(
        show`spdy: the server keeps its current certificate: ${reason}`,
      );
    }
  }

  /**
   * Reads the files again every ten seconds, and at once on SIGUSR1; returns a
   * function that stops this.
   */
  watch(users: readonly CertificateUser[]): () => void {
    const reload = (): void => void this.reload(users);
    const timer = setInterval(reload, INTERVAL);
    Deno.unrefTimer(timer);
    const hasSignals = Deno.build.os !== "windows";
    if (hasSignals) Deno.addSignalListener("SIGUSR1", reload);
    return () => {
      clearInterval(timer);
      if (hasSignals) Deno.removeSignalListener("SIGUSR1", reload);
    };
  }
}

async function readBoth(
  certFile: string,
  keyFile: string,
): Promise<Certificate> {
  const cert = await readCertificates(certFile);
  const key = await readKey(keyFile);
  if (!isPair(cert, key)) {
    throw new UsageError(
      `${keyFile} is not the private key of the first certificate in ${certFile}`,
    );
  }
  return { cert, key };
}

/** Whether certificate and key match; true if this cannot be checked, and handshakes then fail. */
function isPair(cert: string, key: string): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    return true;
  }
}
