/** What axe-core finds wrong with a page, by WCAG 2.2 A and AA and its own best practices. */
import axe from "axe-core";
import type { Page } from "playwright-core";

/** Rules broken, each with the elements that break it. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return (await page.evaluate(`axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
    violations.map(({ id, help, nodes }) => id + ": " + help + " at " + nodes.map(({ target }) => target.join(" ")).join(", "))
  )`)) as string[];
}
