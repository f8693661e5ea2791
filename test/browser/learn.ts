/** A few steps of training from plain batches; free of Node, so that a page can run it too. */
import { models } from "../../src/models/index.ts";
import type { Engine } from "../../src/engine/index.ts";
import { binaryCrossEntropy } from "../../src/losses/index.ts";
import { batchLayout, type EncodedBatch, emptyColumn, type FeatureMap } from "../../src/schema/index.ts";
// Past the folder's index, which names the checkpoints too: these need a file system.
import { optimizerOptions } from "../../src/training/optimizer-options.ts";
import { Learner } from "../../src/training/step.ts";

export interface Lesson {
  readonly model: string;
  readonly map: FeatureMap;
  readonly batches: readonly {
    readonly size: number;
    readonly columns: { readonly [name: string]: readonly number[] };
  }[];
}

export interface Learned {
  readonly losses: readonly number[];
  readonly probabilities: readonly number[];
}

/** Two passes over the batches: the loss of every step, then the probabilities of the first batch. */
export async function learn(engine: Engine, { model: name, map, batches }: Lesson): Promise<Learned> {
  const description = models.find((model) => model.name === name);
  if (description === undefined) throw new Error(`there is no model ${name}`);
  const layout = batchLayout(map);
  const learner = await Learner.create({
    model: description.create(map, {
      embeddingDim: 4,
      hiddenUnits: [16, 8],
      netDropout: 0.1,
      batchNorm: true,
    }),
    schema: map,
    layout,
    engine,
    objective: ({ click }, batch) => ({ click: binaryCrossEntropy(click, batch.scalar("click")) }),
    optimizer: optimizerOptions.parse({ learningRate: 0.02, embeddingUpdate: "lazy" }),
    batchSize: batches[0].size,
    seed: 1,
  });
  const encoded = batches.map(({ size, columns }): EncodedBatch => {
    const filled = layout.map((column) => {
      const data = emptyColumn(column, size);
      data.set(columns[column.name]);
      return [column.name, data] as const;
    });
    return { size, columns: Object.fromEntries(filled) };
  });
  const losses: number[] = [];
  for (let pass = 0; pass < 2; pass++) for (const batch of encoded) losses.push(await learner.step(batch));
  const { click } = await learner.predict(encoded[0]);
  await learner.release();
  return { losses, probabilities: [...click] };
}
