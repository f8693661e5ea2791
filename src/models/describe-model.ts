import type { z } from "zod";
import { parseOptions } from "../core/index.ts";
import type { Model } from "../module/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import { embeddingSetOptions, MultiEmbedding } from "./multi-embedding.ts";

/** A model as the catalogue holds it: what it is called, what it takes, how it is made. */
export interface ModelDescription {
  readonly name: string;
  /** One sentence for listings. */
  readonly summary: string;
  /** What it answers for where the data have several labels. */
  readonly predicts: "first label" | "every label";
  readonly options: z.ZodObject;
  /** Small options that show all the model has, for examples and tests on the schemas of `test/models/every-kind.ts`. */
  readonly example: object;
  create(schema: FeatureMap, options: unknown): Model;
}

interface Description<Options extends z.ZodObject> {
  readonly name: string;
  readonly summary: string;
  /** @default "first label" */
  readonly predicts?: ModelDescription["predicts"];
  readonly options: Options;
  readonly model: new (schema: FeatureMap, options: z.input<Options>) => Model;
  readonly example: z.input<Options>;
}

export function describeModel<Options extends z.ZodObject>(
  description: Description<Options>,
): ModelDescription {
  const { name, summary, predicts = "first label", options, example, model: ModelClass } = description;
  return {
    name,
    summary,
    predicts,
    options,
    example,
    create: (schema, given) => new ModelClass(schema, parseOptions(options, given, name) as z.input<Options>),
  };
}

/** A model that marks where its interaction ends, and so can have several embedding sets. */
export function describeInteraction<Options extends z.ZodObject>(
  description: Description<Options>,
): ModelDescription {
  const plain = describeModel(description);
  const options = plain.options.extend(embeddingSetOptions);
  return {
    ...plain,
    options,
    create: (schema, given) => {
      const { embeddingSets, setInteraction, ...own } = parseOptions(options, given, plain.name) as {
        embeddingSets?: number;
        setInteraction?: "own" | "shared";
      };
      const makeHost = (): Model => plain.create(schema, own);
      if (embeddingSets === undefined) return makeHost();
      return new MultiEmbedding(schema, makeHost, { sets: embeddingSets, interaction: setInteraction });
    },
  };
}
