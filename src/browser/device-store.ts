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
  const forget = (): void => {
    opened = undefined; // the next call opens anew
  };
  const open = (): Promise<IDBDatabase> => {
    opened ??= openDatabase(database, forget).catch((error) => {
      forget();
      throw error;
    });
    return opened;
  };
  const begin = async (mode: IDBTransactionMode): Promise<IDBTransaction> => {
    try {
      return (await open()).transaction(VALUES, mode);
    } catch (error) {
      throw error instanceof MillraceError ? error : storeError(database, error);
    }
  };
  const run = async <Result>(
    mode: IDBTransactionMode,
    what: (values: IDBObjectStore) => IDBRequest<Result>,
  ): Promise<Result> => {
    const transaction = await begin(mode);
    let asked: IDBRequest<Result>;
    try {
      asked = what(transaction.objectStore(VALUES));
    } catch (error) {
      throw storeError(database, error);
    }
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
      const transaction = await begin("readwrite");
      const values = transaction.objectStore(VALUES);
      let refused: { readonly error: unknown } | undefined;
      const asked = values.get(key);
      await new Promise<void>((resolve, reject) => {
        const fail = (): void =>
          reject(
            refused === undefined ? storeError(database, transaction.error ?? asked.error) : refused.error,
          );
        asked.onsuccess = () => {
          let changed: unknown;
          try {
            changed = change(asked.result);
          } catch (error) {
            refused = { error };
            transaction.abort();
            return;
          }
          try {
            values.put(changed, key);
          } catch (error) {
            refused = { error: storeError(database, error) };
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

/** @param onGone called when the connection ends: for another page's newer layout, or as the site's data are cleared */
function openDatabase(name: string, onGone: () => void): Promise<IDBDatabase> {
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
      result.onversionchange = () => {
        result.close();
        onGone();
      };
      result.onclose = onGone;
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
