/**
 * The certificate of a server, read again when its files change.
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
  /** The failure that was reported last, so that it is reported once. */
  #reported = "";
  /** How often the files were read, and which of these readings was used last. */
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

  /** Reads both files. Throws `UsageError` for one that holds no PEM. */
  static async open(
    certFile: string,
    keyFile: string,
  ): Promise<CertificateFiles> {
    const current = await readBoth(certFile, keyFile);
    return new CertificateFiles(certFile, keyFile, current);
  }

  /** What the files held when they were last read and were right. */
  get current(): Certificate {
    return this.#current;
  }

  /**
   * Reads the files again; gives a changed certificate to all `users`. If the
   * files are broken, or do not belong together, it prints why, and the servers
   * keep what they have: both files may be in the middle of being replaced.
   */
  async reload(users: readonly CertificateUser[]): Promise<void> {
    const reading = ++this.#readings;
    try {
      const read = await readBoth(this.#certFile, this.#keyFile);
      // A later reading was faster, and what it found is newer.
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
        show`spdy: the certificate in use stays: ${reason}`,
      );
    }
  }

  /**
   * Reads the files again every ten seconds, and at once on SIGUSR1; returns a
   * function that ends this.
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

/** Whether certificate and key belong together. Where this cannot be checked, the handshake will fail. */
function isPair(cert: string, key: string): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    return true;
  }
}
