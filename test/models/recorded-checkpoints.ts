/** Checkpoints in memory that a later run can go on from, as a run directory would keep them. */
import {
  type Checkpoint,
  type CheckpointStore,
  MemoryCheckpoints,
  type Progress,
  type Snapshot,
} from "../../src/training/index.ts";

export class RecordedCheckpoints extends MemoryCheckpoints implements CheckpointStore {
  #current: Checkpoint | undefined;

  override saveCurrent(progress?: Progress, weights?: Snapshot): void {
    if (progress === undefined || weights === undefined) return;
    this.#current = {
      progress: JSON.parse(JSON.stringify(progress)),
      weights: new Map([...weights].map(([name, bytes]) => [name, bytes.slice()])),
    };
  }

  override loadCurrent(): Checkpoint | undefined {
    return this.#current;
  }
}
