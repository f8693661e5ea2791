/** Fields in groups (user, item, context, histories), for interactions that weigh groups of fields. */
import { z } from "zod";
import { ConfigError } from "../core/index.ts";
import { featureNamed } from "../embeddings/index.ts";
import type { FeatureMap } from "../schema/index.ts";

export const groupsOption = {
  groups: z
    .array(z.array(z.string()).min(1))
    .optional()
    .describe(
      "Names of the features of each group; features that none names are one more. Default: what histories are " +
        "compared with, the histories, the rest.",
    ),
};

/**
 * Positions of the fields of each group, groups without a field left out.
 *
 * @param names of all fields, in their order
 * @throws ConfigError for a feature that the data do not have, or that stands in two groups
 */
export function groupsOf(
  schema: FeatureMap,
  names: readonly string[],
  given: readonly (readonly string[])[] | undefined,
): number[][] {
  const groups = given ?? groupsByKind(schema);
  const seen = new Set<string>();
  for (const name of groups.flat()) {
    featureNamed(schema, name);
    if (seen.has(name)) {
      throw new ConfigError(`groups: the feature ${name} stands in two groups`, {
        details: { groups, received: name },
        hint: "every feature is in one group",
      });
    }
    seen.add(name);
  }
  const rest = names.filter((name) => !seen.has(name));
  return [...groups, rest]
    .map((group) => group.map((name) => names.indexOf(name)).filter((at) => at >= 0))
    .filter((group) => group.length > 0);
}

function groupsByKind({ features }: FeatureMap): string[][] {
  const sequences = features.filter((feature) => feature.kind === "sequence");
  const candidates = new Set(sequences.flatMap(({ target }) => (target === undefined ? [] : [target])));
  return [[...candidates], sequences.map(({ name }) => name)];
}
