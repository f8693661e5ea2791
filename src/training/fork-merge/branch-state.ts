/** A branch's whole state, optimizer included, apart from the learner that all branches take turns in. */
import type { Learner } from "../step.ts";
import { restoreSnapshot, type Snapshot, takeSnapshot } from "../snapshot.ts";
import { restoreWeights, type WeightTree } from "../weight-tree.ts";

export interface Branch {
  /** Number among the branches as they were configured. */
  readonly number: number;
  readonly lossWeights: readonly number[];
  snapshot: Snapshot;
}

/** Puts a branch into the learner. */
export function enter(learner: Learner, { lossWeights, snapshot }: Branch): void {
  learner.lossWeights.set(lossWeights);
  restoreSnapshot(learner.weights, snapshot);
}

/** The branch's snapshot with these weights and its own optimizer state; the learner is left with it. */
export function withWeights(learner: Learner, branch: Branch, tree: WeightTree): Snapshot {
  enter(learner, branch);
  restoreWeights(learner.weights, tree);
  return takeSnapshot(learner.weights);
}

/** `Σ c_b s_b` of whole snapshots, optimizer state included; a method's own numbers are the first one's. */
export function mixSnapshots(snapshots: readonly Snapshot[], coefficients: readonly number[]): Snapshot {
  const mixed = new Map<string, Uint8Array>();
  for (const [name, bytes] of snapshots[0]) {
    if (name.startsWith("method/")) {
      mixed.set(name, bytes.slice());
      continue;
    }
    const parts = snapshots.map((snapshot) => floatsOf(snapshot.get(name) as Uint8Array));
    const out = new Float32Array(parts[0].length);
    for (let i = 0; i < out.length; i++) {
      let sum = 0;
      for (let b = 0; b < parts.length; b++) if (coefficients[b] !== 0) sum += coefficients[b] * parts[b][i];
      out[i] = sum;
    }
    mixed.set(name, new Uint8Array(out.buffer));
  }
  return mixed;
}

function floatsOf(bytes: Uint8Array): Float32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}

/** Snapshots of several branches as one, for checkpoints. */
export function packBranches(branches: readonly Branch[]): Snapshot {
  return new Map(
    branches.flatMap(({ number, snapshot }) =>
      [...snapshot].map(([name, bytes]) => [`branch/${number}/${name}`, bytes] as const),
    ),
  );
}

export function unpackBranch(packed: Snapshot, number: number): Snapshot {
  const prefix = `branch/${number}/`;
  return new Map(
    [...packed]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, bytes]) => [name.slice(prefix.length), bytes]),
  );
}
