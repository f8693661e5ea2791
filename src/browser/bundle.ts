/**
 * Loading what `millrace export --browser` wrote: one file with graphs, weights and feature map. A bundle is
 * data that never changes; rankers and tuners stand on it.
 */
import { DataError } from "../core/index.ts";
import { decodeSafetensors, type SafetensorsTensor } from "../module/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import {
  bundleId,
  canDigest,
  checkManifest,
  type DeviceManifest,
  deviceBundleFormat,
  deviceBundleParts,
  deviceBundleVersion,
} from "../training/device/index.ts";

/** Where a bundle comes from: an address, an answer of `fetch`, a file that the user chose, or its bytes. */
export type BundleSource = string | URL | Response | Blob | ArrayBuffer | Uint8Array;

export interface LoadBundleOptions {
  /** Stops the download. */
  readonly signal?: AbortSignal;
  /** Told as bytes arrive; `total` is what the server announced, if it did. */
  readonly onProgress?: (progress: { readonly received: number; readonly total: number | undefined }) => void;
}

/** What a device may change. */
export interface TrainableParts {
  /** Paths of dense parameters. */
  readonly parameters: readonly string[];
  /** Paths of embedding tables, whose rows move when the user's events read them. */
  readonly tables: readonly string[];
}

/** A loaded bundle. */
export class Bundle {
  /** Digest of the contents: another model, map or weights have another. */
  readonly id: string;
  /** Class of the model, such as `DIN`. */
  readonly model: string;
  /** Labels that the model predicts, the main one first. */
  readonly labels: readonly string[];
  /** Features, encoders and columns. */
  readonly map: FeatureMap;
  readonly trainable: TrainableParts;
  /** Size of the file. */
  readonly bytes: number;
  readonly manifest: DeviceManifest;
  /** The manifest as the file holds it. */
  readonly #described: string;
  readonly #tensors: { readonly [name: string]: SafetensorsTensor };

  /** Use `loadBundle`, which also compares the contents with the id. */
  constructor(bytes: Uint8Array, source: string) {
    const { tensors, metadata } = decodeSafetensors(bytes, { source });
    if (metadata.format !== deviceBundleFormat) {
      throw new DataError(`${source} is a safetensors file, but no bundle for devices`, {
        details: { source, format: metadata.format ?? null },
        hint: "write one with `millrace export RUN --browser -o FILE`",
      });
    }
    if (metadata.version !== String(deviceBundleVersion)) {
      throw new DataError(
        `${source} has version ${metadata.version}; this page reads ${deviceBundleVersion}`,
        {
          details: { source, version: metadata.version, expected: deviceBundleVersion },
          hint: "export the run again with the version of millrace that the page uses",
        },
      );
    }
    this.#tensors = tensors;
    this.#described = metadata.manifest;
    this.id = metadata.id;
    this.bytes = bytes.byteLength;
    try {
      this.manifest = checkManifest(JSON.parse(metadata.manifest), source);
      this.map = JSON.parse(new TextDecoder().decode(this.part(deviceBundleParts.featureMap))) as FeatureMap;
    } catch (cause) {
      if (cause instanceof DataError) throw cause;
      throw new DataError(`${source}: its manifest or its feature map is not valid JSON`, {
        details: { source },
        hint: "export the run again: the file is not as it was written",
        cause,
      });
    }
    for (const field of ["features", "encoders", "labels"] as const) {
      if (this.map?.[field] instanceof Object) continue;
      throw new DataError(`${source}: its feature map has no ${field}`, {
        details: { source, field },
        hint: "export the run again: the file is not as it was written",
      });
    }
    const { model, labels, parameters, tables } = this.manifest;
    this.model = model;
    this.labels = labels;
    this.trainable = {
      parameters: parameters.map(({ path }) => path),
      tables: tables.map(({ path }) => path),
    };
  }

  /**
   * Compares the contents with the id that the file gives itself, where this page may compute digests.
   *
   * @throws DataError when graphs, values, feature map and manifest do not belong together
   */
  async verify(source: string): Promise<this> {
    if (!canDigest()) return this;
    const actual = await bundleId(this.#tensors, this.#described);
    if (actual === this.id) return this;
    throw new DataError(
      `${source}: its parts do not belong together: its id is ${this.id}, theirs ${actual}`,
      {
        details: { source, expected: this.id, received: actual },
        hint: "the file was damaged or changed after the export; export the run again",
      },
    );
  }

  /** Bytes of a part that is no weights. */
  part(name: string): Uint8Array<ArrayBuffer> {
    return this.#tensor(name).data as Uint8Array<ArrayBuffer>;
  }

  /** Shipped values of a tensor such as `table:<path>`: a view, not to be written to. */
  values(name: string): Float32Array {
    return this.#tensor(name).data as Float32Array;
  }

  /** The values that both graphs read and that never change, by the name they call them. */
  sharedFiles(): { [location: string]: Uint8Array } {
    return Object.fromEntries(
      this.manifest.shared.map((name) => {
        const { buffer, byteOffset, byteLength } = this.#tensor(name).data;
        return [`@${name}`, new Uint8Array(buffer, byteOffset, byteLength)];
      }),
    );
  }

  #tensor(name: string): SafetensorsTensor {
    const tensor = this.#tensors[name];
    if (tensor === undefined) {
      throw new DataError(`the bundle has no ${name}`, {
        details: { name },
        hint: "export the run again: the file is not as it was written",
      });
    }
    return tensor;
  }
}

/**
 * Loads a bundle.
 *
 * @throws DataError when it cannot be had, is truncated, is none, or its parts do not belong together
 * @example
 * const bundle = await loadBundle("/feed.millrace");
 */
export async function loadBundle(source: BundleSource, options: LoadBundleOptions = {}): Promise<Bundle> {
  const open = (bytes: Uint8Array, name: string): Promise<Bundle> => new Bundle(bytes, name).verify(name);
  if (source instanceof Uint8Array) return open(source, "bundle");
  if (source instanceof ArrayBuffer) return open(new Uint8Array(source), "bundle");
  if (source instanceof Blob) return open(new Uint8Array(await source.arrayBuffer()), "bundle");
  const response = source instanceof Response ? source : await request(source, options.signal);
  const address = response.url || String(source instanceof Response ? "bundle" : source);
  if (!response.ok) {
    throw new DataError(
      `${address}: the server answered ${response.status} ${response.statusText}`.trimEnd(),
      {
        details: { url: address, status: response.status },
        hint: "is the file where the page looks for it?",
      },
    );
  }
  return open(await bodyOf(response, options), address);
}

async function request(source: string | URL, signal: AbortSignal | undefined): Promise<Response> {
  try {
    return await fetch(source, { signal });
  } catch (cause) {
    signal?.throwIfAborted();
    throw new DataError(`${String(source)} could not be fetched: ${(cause as Error).message}`, {
      details: { url: String(source) },
      hint: "is the address right, and may this page read it (CORS)?",
      cause,
    });
  }
}

async function bodyOf(response: Response, { onProgress, signal }: LoadBundleOptions): Promise<Uint8Array> {
  if (onProgress === undefined || response.body === null) return new Uint8Array(await response.arrayBuffer());
  // The announced length is of the compressed bytes, where the server compresses.
  const announced =
    response.headers.get("content-encoding") === null && response.headers.get("content-length");
  const total = announced ? Number(announced) : undefined;
  const chunks: Uint8Array[] = [];
  let received = 0;
  const reader = response.body.getReader();
  for (;;) {
    signal?.throwIfAborted();
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    received += value.byteLength;
    onProgress({ received, total });
  }
  const bytes = new Uint8Array(received);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}
