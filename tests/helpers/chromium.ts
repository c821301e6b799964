/**
 * Controls Chromium through the DevTools protocol.
 *
 * @module
 */

import { MissingToolError, requireTool } from "../interop/peers.ts";

/** Names of the program; the first one that exists is used. */
const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** What the evaluation of an expression resolves to. */
// deno-lint-ignore no-explicit-any
type Value = any;

interface Waiting {
  readonly resolve: (value: Value) => void;
  readonly reject: (error: Error) => void;
}

/** How a page is shown. */
export interface PageOptions {
  /** Width of the window, px; default 1600. */
  readonly width?: number;
  /** Height of the window, px; default 1000. */
  readonly height?: number;
  /** Whether the user prefers dark colours. */
  readonly dark?: boolean;
}

/** A Chromium without a window. */
export class Chromium implements AsyncDisposable {
  /** Its version. */
  readonly version: string;
  readonly #process: Deno.ChildProcess;
  readonly #folder: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Set<(message: Value) => void>();
  #last = 0;

  private constructor(
    version: string,
    process: Deno.ChildProcess,
    folder: string,
    socket: WebSocket,
  ) {
    this.version = version;
    this.#process = process;
    this.#folder = folder;
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const message = JSON.parse(data);
      const waiting = this.#waiting.get(message.id);
      if (waiting === undefined) {
        for (const listener of this.#listeners) listener(message);
        return;
      }
      this.#waiting.delete(message.id);
      if (message.error === undefined) waiting.resolve(message.result);
      else waiting.reject(new Error(message.error.message));
    });
    socket.addEventListener("close", () => {
      for (const { reject } of this.#waiting.values()) {
        reject(new Error("Chromium has closed the connection"));
      }
      this.#waiting.clear();
    });
  }

  /** Starts it. Rejects with `MissingToolError` if it is not installed. */
  static async start(): Promise<Chromium> {
    const [name, line] = await findProgram();
    const folder = await Deno.makeTempDir({ prefix: "chromium-" });
    const process = new Deno.Command(name, {
      args: [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--no-default-browser-check",
        "--disable-extensions",
        "--disable-background-networking",
        "--disable-component-update",
        "--remote-debugging-port=0",
        `--user-data-dir=${folder}`,
        "about:blank",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    try {
      const socket = new WebSocket(await debuggerUrl(folder));
      await new Promise<void>((resolve, reject) => {
        socket.onopen = () => resolve();
        socket.onerror = () => reject(new Error("Chromium does not answer"));
      });
      const version = /[\d.]+/.exec(line)?.[0] ?? line;
      return new Chromium(version, process, folder, socket);
    } catch (error) {
      await end(process, folder);
      throw error;
    }
  }

  /** Opens a page and waits until it is loaded. */
  async open(url: string, options: PageOptions = {}): Promise<Page> {
    const { targetId } = await this.send("Target.createTarget", {
      url: "about:blank",
    });
    const { sessionId } = await this.send("Target.attachToTarget", {
      targetId,
      flatten: true,
    });
    const page = new Page(this, sessionId, targetId);
    await page.prepare(url, options);
    return page;
  }

  /** Sends a command of the protocol. */
  send(
    method: string,
    params: Record<string, unknown> = {},
    sessionId?: string,
  ): Promise<Value> {
    const id = ++this.#last;
    const { promise, resolve, reject } = Promise.withResolvers<Value>();
    this.#waiting.set(id, { resolve, reject });
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    return promise;
  }

  /** Listens to events. */
  listen(listener: (message: Value) => void): void {
    this.#listeners.add(listener);
  }

  /** Ends it and removes its profile. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.send("Browser.close").catch(() => {});
    this.#socket.close();
    await end(this.#process, this.#folder);
  }
}

/** A page in a tab. */
export class Page implements AsyncDisposable {
  /** Exceptions, and messages of its log and its console. */
  readonly complaints: string[] = [];
  /** URLs that it has requested. */
  readonly requests: string[] = [];
  readonly #browser: Chromium;
  readonly #session: string;
  readonly #target: string;

  /** Created by {@linkcode Chromium.open} only. */
  constructor(browser: Chromium, session: string, target: string) {
    this.#browser = browser;
    this.#session = session;
    this.#target = target;
  }

  /** Sets the size and the colours, and loads the page. */
  async prepare(url: string, options: PageOptions): Promise<void> {
    const loaded = Promise.withResolvers<void>();
    this.#browser.listen(({ method, params, sessionId }) => {
      if (sessionId !== this.#session) return;
      if (method === "Page.loadEventFired") loaded.resolve();
      if (method === "Runtime.exceptionThrown") {
        const { text, exception } = params.exceptionDetails;
        this.complaints.push(`${text} ${exception?.description ?? ""}`);
      }
      if (method === "Log.entryAdded") this.complaints.push(params.entry.text);
      if (method === "Runtime.consoleAPICalled") {
        this.complaints.push(JSON.stringify(params.args));
      }
      if (method === "Network.requestWillBeSent") {
        this.requests.push(params.request.url);
      }
    });
    for (const domain of ["Page", "Runtime", "Log", "Network"]) {
      await this.#send(`${domain}.enable`);
    }
    const { width = 1600, height = 1000, dark = false } = options;
    await this.resize(width, height);
    await this.#send("Emulation.setEmulatedMedia", {
      features: [{
        name: "prefers-color-scheme",
        value: dark ? "dark" : "light",
      }],
    });
    await this.#send("Page.navigate", { url });
    await loaded.promise;
  }

  /** Sets the size of the window, px. */
  async resize(width: number, height: number): Promise<void> {
    await this.#send("Emulation.setDeviceMetricsOverride", {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: false,
    });
  }

  /** The value of an expression; if the value is a promise, what that resolves to. */
  async evaluate(expression: string): Promise<Value> {
    const { result, exceptionDetails } = await this.#send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
      // The page's policy also applies to the code of tests.
      allowUnsafeEvalBlockedByCSP: false,
    });
    if (exceptionDetails !== undefined) {
      const { text, exception } = exceptionDetails;
      throw new Error(`${text} ${exception?.description ?? ""}`);
    }
    return result.value;
  }

  /** Waits until an expression is true; evaluates it for each frame that is drawn. */
  async until(expression: string): Promise<void> {
    const isTrue = await this.evaluate(`new Promise((resolve) => {
      const end = performance.now() + 60_000;
      const look = () => {
        if (${expression}) resolve(true);
        else if (performance.now() > end) resolve(false);
        else requestAnimationFrame(look);
      };
      look();
    })`);
    if (!isTrue) throw new Error(`did not become true: ${expression}`);
  }

  /** Text of the element that a selector finds first; empty without one. */
  async text(selector: string): Promise<string> {
    return await this.evaluate(
      `document.querySelector(${JSON.stringify(selector)})?.innerText ?? ""`,
    );
  }

  /** Presses a key: a letter, or a name such as `ArrowDown`. */
  async press(key: string): Promise<void> {
    const isLetter = key.length === 1;
    const codes: Readonly<Record<string, number>> = {
      Enter: 13,
      Escape: 27,
      PageUp: 33,
      PageDown: 34,
      End: 35,
      Home: 36,
      ArrowLeft: 37,
      ArrowUp: 38,
      ArrowRight: 39,
      ArrowDown: 40,
      Tab: 9,
    };
    const event = {
      key,
      text: isLetter ? key : key === "Enter" ? "\r" : undefined,
      windowsVirtualKeyCode: codes[key],
    };
    await this.#send("Input.dispatchKeyEvent", { type: "keyDown", ...event });
    await this.#send("Input.dispatchKeyEvent", { type: "keyUp", key });
  }

  /** Types text into the element that has the focus. */
  async type(text: string): Promise<void> {
    await this.#send("Input.insertText", { text });
  }

  /**
   * Clicks on the element that a selector finds first; `during` runs while the
   * button is down.
   */
  async click(
    selector: string,
    during?: () => Promise<unknown>,
  ): Promise<void> {
    await this.drag(selector, 0.5, 0.5, during);
  }

  /** Resolves when the page is drawn, with what its last change has caused. */
  async drawn(): Promise<void> {
    await this.evaluate(`new Promise((resolve) =>
      requestAnimationFrame(() => requestAnimationFrame(resolve))
    )`);
  }

  /**
   * Presses the button of the mouse in an element, moves the mouse and releases the
   * button. `from` and `to` are parts of the element's width, 0..1; `during` runs
   * before the button is released.
   */
  async drag(
    selector: string,
    from: number,
    to: number,
    during?: () => Promise<unknown>,
  ): Promise<void> {
    const { left, top, width, height } = await this.evaluate(`(() => {
      const found = document.querySelector(${JSON.stringify(selector)});
      found.scrollIntoView({ block: "nearest" });
      return found.getBoundingClientRect().toJSON();
    })()`);
    const y = top + height / 2;
    const event = async (type: string, part: number): Promise<void> => {
      await this.#send("Input.dispatchMouseEvent", {
        type,
        x: left + width * part,
        y,
        button: "left",
        clickCount: 1,
      });
    };
    await event("mousePressed", from);
    if (from !== to) await event("mouseMoved", to);
    await during?.();
    await event("mouseReleased", to);
  }

  /** Drops files on the middle of the page, as from a file manager. */
  async drop(files: readonly string[]): Promise<void> {
    const [x, y] = await this.evaluate("[innerWidth / 2, innerHeight / 2]");
    const data = { items: [], files, dragOperationsMask: 1 };
    for (const type of ["dragEnter", "dragOver", "drop"]) {
      await this.#send("Input.dispatchDragEvent", { type, x, y, data });
    }
  }

  /** A picture of the page, as a PNG file. */
  async screenshot(): Promise<Uint8Array> {
    const { data } = await this.#send("Page.captureScreenshot", {
      format: "png",
    });
    return Uint8Array.fromBase64(data);
  }

  /** Closes the tab. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.send("Target.closeTarget", { targetId: this.#target });
  }

  #send(method: string, params?: Record<string, unknown>): Promise<Value> {
    return this.#browser.send(method, params, this.#session);
  }
}

async function findProgram(): Promise<[name: string, version: string]> {
  for (const name of NAMES) {
    try {
      return [name, await requireTool(name, ["--version"])];
    } catch (error) {
      if (!(error instanceof MissingToolError)) throw error;
    }
  }
  throw new MissingToolError(`${NAMES[0]} is not on this machine`);
}

/** The address that Chromium writes into its profile when it is ready. */
async function debuggerUrl(folder: string): Promise<string> {
  for (let rest = 600; rest > 0; rest--) {
    const text = await Deno.readTextFile(`${folder}/DevToolsActivePort`)
      .catch(() => "");
    const [port, path] = text.split("\n");
    if (path !== undefined && path !== "") {
      return `ws://127.0.0.1:${port}${path}`;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("Chromium has not begun within a minute");
}

async function end(
  process: Deno.ChildProcess,
  folder: string,
): Promise<void> {
  // It closes by itself when it is asked to. If it does not, it is killed.
  const timer = setTimeout(() => process.kill("SIGKILL"), 10_000);
  await process.status;
  clearTimeout(timer);
  // Its children may still write into the profile.
  for (let rest = 20; rest > 0; rest--) {
    try {
      await Deno.remove(folder, { recursive: true });
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
