/** A world's tables, built from its options alone in a fraction of a second; every thread builds its own. */
import { type Catalogue, makeCatalogue } from "./catalogue.ts";
import { type Effects, makeEffects } from "./effects.ts";
import { ItemDays } from "./item-days.ts";
import type { ResolvedWorldOptions } from "./options.ts";
import { makePopulation, type Population } from "./population.ts";

export interface World {
  readonly options: ResolvedWorldOptions;
  readonly effects: Effects;
  readonly catalogue: Catalogue;
  readonly population: Population;
  readonly itemDays: ItemDays;
}

export function buildWorld(options: ResolvedWorldOptions): World {
  const effects = makeEffects(options);
  const catalogue = makeCatalogue(options);
  return {
    options,
    effects,
    catalogue,
    population: makePopulation(options, effects),
    itemDays: new ItemDays(options, catalogue),
  };
}
