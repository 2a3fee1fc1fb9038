/**
 * Headless Chromium from Debian's packages, spoken to by its DevTools protocol: opens pages, with JavaScript or without, reads what is
 * there and takes pictures. Knows nothing of the gateway.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { type Packages, provideDebianPackages } from '../support/debian-packages.ts';
import { Daemon } from '../support/processes.ts';

/** Fetches Chromium and a font, or finds them from an earlier run; the reason as a string where this machine cannot have them. */
export function provideChromium(): Promise<Packages | string> {
  return provideDebianPackages({
    folder: join(import.meta.dirname, '.packages', 'chromium'),
    // The last two: libraries whose packages are not called like them.
    wanted: ['chromium-headless-shell', 'chromium-common', 'fonts-dejavu-core', 'libvorbis0a', 'libmp3lame0'],
    mustLoad: ['usr/lib/chromium/chromium-headless-shell'],
    privateLibraries: ['pulseaudio'],
  });
}

/** How a page is shown. */
export interface PageOptions {
  readonly scripts: 'on' | 'off';
  readonly colours?: 'light' | 'dark';
  readonly width?: number;
  readonly height?: number;
  /** Header `Authorization`. */
  readonly authorization?: string;
}

type Json = Readonly<Record<string, unknown>>;

/** A running browser. */
export class Browser {
  readonly #daemon: Daemon;
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, { resolve(result: Json): void; reject(error: Error): void }>();
  readonly #listeners = new Set<(session: string, method: string, parameters: Json) => void>();
  #last = 0;

  private constructor(daemon: Daemon, socket: WebSocket) {
    this.#daemon = daemon;
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#take(JSON.parse(String(data))));
  }

  /** Starts it with its profile in this folder. */
  static async start(packages: Packages, folder: string): Promise<Browser> {
    await mkdir(folder, { recursive: true });
    const fonts = join(folder, 'fonts.conf');
    await writeFile(
      fonts,
      `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>${packages.path('usr/share/fonts')}</dir><cachedir>${join(folder, 'fonts')}</cachedir></fontconfig>`,
    );
    const daemon = new Daemon(
      packages.path('usr/lib/chromium/chromium-headless-shell'),
      // The sandbox needs rights that containers seldom give; it opens our own pages only.
      [
        '--no-sandbox',
        '--disable-gpu',
        '--hide-scrollbars',
        '--remote-debugging-port=0',
        `--user-data-dir=${folder}`,
        'about:blank',
      ],
      { env: { ...packages.environment(folder), FONTCONFIG_FILE: fonts }, descriptors: 4096 },
    );
    const listening = /DevTools listening on (ws:\S+)/;
    await vi.waitFor(() => expect(daemon.ended ?? daemon.log).toMatch(listening), { timeout: 10_000, interval: 20 });
    const socket = new WebSocket(listening.exec(daemon.log)?.[1] ?? '');
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', () => reject(new Error('no DevTools')));
    });
    return new Browser(daemon, socket);
  }

  /** Opens a page and waits until it is loaded. */
  async open(url: string, options: PageOptions): Promise<Page> {
    const { targetId } = await this.send(undefined, 'Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send(undefined, 'Target.attachToTarget', { targetId, flatten: true });
    const page = new Page(this, String(sessionId));
    await page.prepare(options);
    await page.go(url);
    return page;
  }

  async stop(): Promise<void> {
    this.#socket.close();
    await this.#daemon.stop();
  }

  /** A command of the protocol, to a page or to the browser. */
  send(sessionId: string | undefined, method: string, params: Json = {}): Promise<Json> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#answers.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ id, method, params, ...(sessionId && { sessionId }) }));
    });
  }

  /** Calls back with each event; returns what ends that. */
  listen(listener: (session: string, method: string, parameters: Json) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #take(message: Json): void {
    const { id, result, error, method, params, sessionId } = message;
    if (typeof id !== 'number') {
      for (const listener of this.#listeners) listener(String(sessionId), String(method), (params ?? {}) as Json);
      return;
    }
    const waiting = this.#answers.get(id);
    this.#answers.delete(id);
    if (error === undefined) waiting?.resolve((result ?? {}) as Json);
    else waiting?.reject(new Error(JSON.stringify(error)));
  }
}

/** One page. */
export class Page {
  readonly #browser: Browser;
  readonly #session: string;
  /** Faults that the browser found: refused by the policy of the page, not loaded, thrown. */
  readonly faults: string[] = [];

  constructor(browser: Browser, session: string) {
    this.#browser = browser;
    this.#session = session;
    browser.listen((of, method, { entry, exceptionDetails }) => {
      if (of !== session) return;
      if (method === 'Log.entryAdded' || method === 'Runtime.exceptionThrown') {
        this.faults.push(JSON.stringify(entry ?? exceptionDetails));
      }
    });
  }

  async prepare({ scripts, colours = 'light', width = 1280, height = 900, authorization }: PageOptions): Promise<void> {
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await this.#send(`${domain}.enable`);
    await this.#send('Emulation.setScriptExecutionDisabled', { value: scripts === 'off' });
    await this.#send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
    const features = [
      { name: 'prefers-color-scheme', value: colours },
      { name: 'prefers-reduced-motion', value: 'reduce' },
    ];
    await this.#send('Emulation.setEmulatedMedia', { features });
    if (authorization !== undefined) {
      await this.#send('Network.setExtraHTTPHeaders', { headers: { Authorization: authorization } });
    }
  }

  async go(url: string): Promise<void> {
    const loaded = this.loaded();
    await this.#send('Page.navigate', { url });
    await loaded;
  }

  /** Resolves when a page was loaded the next time. */
  loaded(): Promise<void> {
    return new Promise((resolve) => {
      const end = this.#browser.listen((session, method) => {
        if (session !== this.#session || method !== 'Page.loadEventFired') return;
        end();
        resolve();
      });
    });
  }

  /** The value of an expression in the page: by the debugger, whatever scripts of the page may do. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.#send('Runtime.evaluate', { expression, returnByValue: true });
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { readonly value: T }).value;
  }

  /** The text that is seen. */
  text(): Promise<string> {
    return this.evaluate('document.body.innerText');
  }

  /** A picture (PNG) of the whole page. */
  async picture(): Promise<Buffer> {
    const { cssContentSize } = await this.#send('Page.getLayoutMetrics');
    const { width, height } = cssContentSize as { readonly width: number; readonly height: number };
    const clip = { x: 0, y: 0, width, height, scale: 1 };
    const { data } = await this.#send('Page.captureScreenshot', { format: 'png', clip, captureBeyondViewport: true });
    return Buffer.from(String(data), 'base64');
  }

  #send(method: string, parameters?: Json): Promise<Json> {
    return this.#browser.send(this.#session, method, parameters);
  }
}
