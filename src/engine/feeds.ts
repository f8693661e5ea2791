/** What every engine checks about the tensors it is given, in the same words. */
import { EngineError, nearestName } from "../core/index.ts";
import type { HostArray, HostDType, HostTensor } from "./engine.ts";

export function missingFeed(engine: string, name: string, feeds: object): EngineError {
  return new EngineError(`${engine} engine: the graph's input "${name}" was not fed`, {
    details: { engine, missing: name, fed: Object.keys(feeds) },
  });
}

/** An output computed into an array that nodes still read from corrupts silently; so it is refused. */
export function overwritesFeed(engine: string, name: string): EngineError {
  return new EngineError(
    `${engine} engine: output "${name}" would be written over an array that is being fed`,
    {
      details: { engine, name },
      hint: "keep two sets of arrays and swap them after each run",
    },
  );
}

export function wrongDType(
  engine: string,
  name: string,
  expected: HostDType,
  received: HostDType,
): EngineError {
  return new EngineError(`${engine} engine: input "${name}" must be ${expected}, was fed ${received}`, {
    details: { engine, name, expected, received },
  });
}

export function refuseUnknown(
  engine: string,
  kind: "input" | "output",
  names: readonly string[],
  known: ReadonlySet<string>,
): void {
  for (const name of names) {
    if (known.has(name)) continue;
    const nearest = nearestName(name, [...known]);
    throw new EngineError(`${engine} engine: the graph has no ${kind} "${name}"`, {
      details: { engine, [kind]: name, known: [...known] },
      hint: nearest === undefined ? undefined : `did you mean "${nearest}"?`,
    });
  }
}

/** Copies a computed output into the tensor the caller gave for it; shape and dtype must agree. */
export function copyInto(engine: string, name: string, target: HostTensor, computed: HostTensor): HostTensor {
  if (target.dtype !== computed.dtype || !sameDims(target.dims, computed.dims)) {
    throw new EngineError(
      `${engine} engine: output "${name}" is ${describe(computed)}, the tensor given for it ${describe(target)}`,
      { details: { engine, name, expected: target.dims, received: computed.dims } },
    );
  }
  if (target.data instanceof BigInt64Array) target.data.set(computed.data as BigInt64Array);
  else target.data.set(computed.data as Exclude<HostArray, BigInt64Array>);
  return target;
}

function describe({ dtype, dims }: HostTensor): string {
  return `${dtype} [${dims.join(", ")}]`;
}

export function sameDims(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}
