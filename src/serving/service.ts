/** A service under its name: the release it serves, and how another takes its place without a pause. */
import { MillraceError } from "../core/index.ts";
import type { NamedCascade } from "./cascade-config.ts";
import { Release, type ReleaseOptions } from "./release.ts";

export type ReloadOutcome = "swapped" | "unchanged";

export class Service {
  readonly name: string;
  readonly #options: ReleaseOptions;
  readonly #read: () => NamedCascade;
  #release: Release;
  #reloading: Promise<ReloadOutcome> | undefined;
  /** The reload that begins when the one under way has ended. */
  #next: Promise<ReloadOutcome> | undefined;
  readonly #closing = new AbortController();

  private constructor(release: Release, read: () => NamedCascade, options: ReleaseOptions) {
    this.name = release.cascade.name;
    this.#release = release;
    this.#read = read;
    this.#options = options;
  }

  /** @param read gives the configuration anew at every reload */
  static async open(read: () => NamedCascade, options: ReleaseOptions): Promise<Service> {
    return new Service(await Release.open(read(), options), read, options);
  }

  /** The release that new requests begin with. */
  get release(): Release {
    return this.#release;
  }

  /**
   * Loads what the configuration, its pointers and its tables say now, and swaps it in at one moment;
   * requests under way end on the release they began with. One that cannot be loaded changes nothing. While one
   * is being loaded, which may have read what has changed since, all callers get one that begins after it.
   *
   * @throws whatever loading throws, MillraceError once the service is closed
   */
  reload(): Promise<ReloadOutcome> {
    if (this.#reloading === undefined) return this.#begin();
    this.#next ??= this.#reloading
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        return this.#begin();
      });
    return this.#next;
  }

  #begin(): Promise<ReloadOutcome> {
    const { signal } = this.#closing;
    if (signal.aborted) return Promise.reject(signal.reason);
    this.#reloading = this.#load().finally(() => {
      this.#reloading = undefined;
    });
    return this.#reloading;
  }

  async #load(): Promise<ReloadOutcome> {
    const { signal } = this.#closing;
    const next = await Release.open({ ...this.#read(), name: this.name }, { ...this.#options, signal });
    if (signal.aborted) {
      next.retire();
      throw signal.reason;
    }
    const before = this.#release;
    this.#release = next;
    before.retire();
    return next.version === before.version ? "unchanged" : "swapped";
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Lets go of what is loaded, and waits until no more is being loaded: a reload under way is given up. */
  async close(): Promise<void> {
    this.#closing.abort(new MillraceError(`service "${this.name}" is closed`));
    this.#release.retire();
    await this.#reloading?.catch(() => {});
  }
}
