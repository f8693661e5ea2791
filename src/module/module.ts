/**
 * A module describes a computation and owns its leaves; their values stand beside it, keyed by path
 * (`deep.layers.0.weight`). Paths come from property names, so a module needs no registration.
 */
import { Parameter, State, Table } from "./parameter.ts";

export abstract class Module {
  /** Every parameter below, by path. */
  namedParameters(): Map<string, Parameter> {
    return collect(this, (value) => value instanceof Parameter);
  }

  /** Every running state below, by path. */
  namedStates(): Map<string, State> {
    return collect(this, (value) => value instanceof State);
  }

  /** Every embedding table below, by path. */
  namedTables(): Map<string, Table> {
    return collect(this, (value) => value instanceof Table);
  }
}

function collect<T>(root: Module, wanted: (value: unknown) => value is T): Map<string, T> {
  const found = new Map<string, T>();
  const seen = new Set<unknown>();
  const visit = (value: unknown, path: string): void => {
    if (typeof value !== "object" || value === null || seen.has(value) || ArrayBuffer.isView(value)) return;
    // A leaf used at two places keeps its first path.
    seen.add(value);
    if (wanted(value)) found.set(path, value);
    else if (value instanceof Module || Array.isArray(value) || isRecord(value) || value instanceof Map) {
      const entries = value instanceof Map ? value.entries() : Object.entries(value);
      for (const [key, entry] of entries) visit(entry, path === "" ? String(key) : `${path}.${key}`);
    }
  };
  visit(root, "");
  return found;
}

function isRecord(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
