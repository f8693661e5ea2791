import type { z } from "zod";
import { parseOptions } from "../../core/index.ts";
import type { FeatureMap } from "../../schema/index.ts";
import type { RetrievalModel } from "../retrieval-model.ts";

/** What a training row is: one pair of user and item, or whole sequences with a target at each position. */
export type TrainingForm = "pairs" | "sequences";

/** A retrieval model as the catalogue holds it. */
export interface RetrievalDescription {
  readonly name: string;
  /** One sentence for listings. */
  readonly summary: string;
  readonly training: TrainingForm;
  readonly options: z.ZodObject;
  /** Small options for tests. */
  readonly example: object;
  create(schema: FeatureMap, options: unknown): RetrievalModel;
}

export function describeRetrieval<Options extends z.ZodObject>(description: {
  readonly name: string;
  readonly summary: string;
  readonly training: TrainingForm;
  readonly options: Options;
  readonly model: new (schema: FeatureMap, options: z.input<Options>) => RetrievalModel;
  readonly example: z.input<Options>;
}): RetrievalDescription {
  const { model: ModelClass, options, name, ...rest } = description;
  return {
    ...rest,
    name,
    options,
    create: (schema, given) => new ModelClass(schema, parseOptions(options, given, name) as z.input<Options>),
  };
}
