/** Data with several domains, as recipes compare models on them: generated worlds, KuaiRand, Amazon. */
import { join } from "node:path";
import { exampleConfig, type WorldOptions } from "../world/index.ts";
import { prepareAmazon } from "./amazon-data.ts";
import { kuairandTasks, prepareKuaiRand } from "./kuairand-data.ts";
import type { RecipeContext } from "./recipe.ts";
import type { Study } from "./study.ts";
import { ensureWorld } from "./world-data.ts";

export interface DomainStudy extends Study {
  readonly label: string;
  /** What the gates of Crocodile and PEPNet read beside the domain. */
  readonly prior: readonly [user: string, item: string];
  /** Small enough that its figures are told apart. */
  readonly smallest: string;
  readonly largest: string;
}

/**
 * Five feeds of shares 12 : 6 : 3 : 2 : 1, clicks of about 15 % in each. Few users, of some 40 impressions in the
 * smallest feed: where nobody's taste in one feed can be learned, one model for all is best whatever the tastes are.
 */
export const domainWorld: WorldOptions = {
  seed: 4,
  impressions: 200_000,
  users: 200,
  items: 250,
  domainShares: [12, 6, 3, 2, 1],
  domainLogits: [-2, -2, -2, -2, -2],
};
export const quickDomainWorld: WorldOptions = { ...domainWorld, impressions: 20_000 };
/**
 * Cosines kappa of a user's taste in a feed and in all. Tastes in two feeds have cosine kappa²: at 0 they have nothing
 * in common, at -0.5 as much as at 0.5. The most telling first: a result is written after each study.
 */
const agreements = [0, 1, 0.5, -0.5];

/**
 * Worlds of every kappa, and two public data sets; a quick run has one small world.
 *
 * @param kappas cosines of a user's taste in a feed and in all @default 0, 1, 0.5 and -0.5
 */
export async function domainStudies(
  context: RecipeContext,
  kappas: readonly number[] = agreements,
): Promise<DomainStudy[]> {
  const { quick, workDirectory, dataDirectory } = context;
  const studies: DomainStudy[] = [];
  for (const kappa of quick ? [0] : kappas) {
    const directory = join(workDirectory, `world-${kappa}`);
    const options = quick ? quickDomainWorld : domainWorld;
    await ensureWorld(directory, { ...options, domainAgreement: kappa }, context);
    studies.push({
      data: "world",
      setting: { kappa },
      config: exampleConfig(directory),
      label: "click",
      prior: ["user_id", "item_id"],
      largest: "0",
      smallest: "4",
    });
  }
  if (quick) return studies;
  const files = await prepareKuaiRand(dataDirectory, join(workDirectory, "kuairand"));
  studies.push({
    data: "kuairand-pure",
    setting: {},
    config: kuairandTasks(files, ["click"]),
    label: "click",
    prior: ["user_id", "video_id"],
    largest: "1",
    smallest: "2",
  });
  studies.push({
    data: "amazon-sport-cloth",
    setting: {},
    config: prepareAmazon(dataDirectory, join(workDirectory, "amazon")),
    label: "bought",
    prior: ["user", "item"],
    largest: "sport",
    smallest: "cloth",
  });
  // Public data after the first world.
  const worlds = kappas.length;
  return [studies[0], ...studies.slice(worlds), ...studies.slice(1, worlds)];
}
