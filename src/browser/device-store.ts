/**
 * Where a page keeps what it has learnt, and whatever else belongs beside it (the user's events): values by key.
 * IndexedDB in browsers; in memory for tests, Node and pages that must not leave anything behind.
 */
import { MillraceError } from "../core/index.ts";

export interface DeviceStore {
  /** The value kept under a key; undefined where there is none. */
  get(key: string): Promise<unknown>;
  /** Keeps a value: numbers, texts, arrays, plain objects and typed arrays. */
  set(key: string, value: unknown): Promise<void>;
  delete(key: string): Promise<void>;
  /**
   * Keeps what `change` makes of the present value (undefined: none) in one step, so that no other page comes
   * between. What `change` throws is thrown, and nothing is kept. @default `get`, then `set`
   */
  update?(key: string, change: (present: unknown) => unknown): Promise<void>;
}

/** `update` of any store: in one step where the store can. */
export async function updateStored(
  store: DeviceStore,
  key: string,
  change: (present: unknown) => unknown,
): Promise<void> {
  if (store.update !== undefined) await store.update(key, change);
  else await store.set(key, change(await store.get(key)));
}

const VALUES = "values";

/**
 * A store in IndexedDB, which outlives the page; the browser keeps it for the page's origin alone.
 *
 * @param database @default "millrace"
 * @throws MillraceError (on use) where the browser has no IndexedDB or refuses it
 */
export function indexedDbStore(database = "millrace"): DeviceStore {
  let opened: Promise<IDBDatabase> | undefined;
  const open = (): Promise<IDBDatabase> => {
    opened ??= openDatabase(database).catch((error) => {
      opened = undefined; // the next call tries again
      throw error;
    });
    return opened;
  };
  const run = async <Result>(
    mode: IDBTransactionMode,
    what: (values: IDBObjectStore) => IDBRequest<Result>,
  ): Promise<Result> => {
    const transaction = (await open()).transaction(VALUES, mode);
    const asked = what(transaction.objectStore(VALUES));
    return new Promise((resolve, reject) => {
      const fail = (): void => reject(storeError(database, transaction.error ?? asked.error));
      // A value is kept once its transaction is complete.
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onerror = fail;
      transaction.onabort = fail;
    });
  };
  return {
    get: (key) => run("readonly", (values) => values.get(key) as IDBRequest<unknown>),
    set: async (key, value) => void (await run("readwrite", (values) => values.put(value, key))),
    delete: (key) => run("readwrite", (values) => values.delete(key)),
    async update(key, change) {
      const transaction = (await open()).transaction(VALUES, "readwrite");
      const values = transaction.objectStore(VALUES);
      let refused: { readonly error: unknown } | undefined;
      const asked = values.get(key);
      await new Promise<void>((resolve, reject) => {
        const fail = (): void =>
          reject(
            refused === undefined ? storeError(database, transaction.error ?? asked.error) : refused.error,
          );
        asked.onsuccess = () => {
          try {
            values.put(change(asked.result), key);
          } catch (error) {
            refused = { error };
            transaction.abort();
          }
        };
        transaction.oncomplete = () => resolve();
        transaction.onerror = fail;
        transaction.onabort = fail;
      });
    },
  };
}

/** A store that ends with the page. */
export function memoryStore(): DeviceStore {
  const values = new Map<string, unknown>();
  return {
    get: async (key) => structuredClone(values.get(key)),
    set: async (key, value) => void values.set(key, structuredClone(value)),
    delete: async (key) => void values.delete(key),
    update: async (key, change) =>
      void values.set(key, structuredClone(change(structuredClone(values.get(key))))),
  };
}

function openDatabase(name: string): Promise<IDBDatabase> {
  if (typeof indexedDB === "undefined") {
    throw new MillraceError("there is no IndexedDB here", {
      details: { database: name },
      hint: "pass `store: memoryStore()` where nothing needs to be kept",
    });
  }
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(VALUES);
    request.onsuccess = () => {
      const { result } = request;
      // Another page may want a newer layout; ours opens again when it is needed.
      result.onversionchange = () => result.close();
      resolve(result);
    };
    request.onerror = () => reject(storeError(name, request.error));
    request.onblocked = () => reject(storeError(name, new Error("another page holds an older version open")));
  });
}

function storeError(database: string, cause: unknown): MillraceError {
  const said = cause instanceof Error || cause instanceof DOMException ? cause.message : String(cause);
  return new MillraceError(`IndexedDB "${database}": ${said}`, {
    details: { database },
    hint: "the browser may be out of space or set to keep nothing; `memoryStore()` keeps values until the page ends",
    cause,
  });
}
